// What sites claimed and were not paid, with evidence for third parties; and the judge of it, who has nothing but the file.
import { readFileSync } from 'node:fs';
import { nativeCrypto, nodeEnv } from '@farthing/node-kit';
import { type Json, type JsonObject, parseJson } from '@farthing/protocol';
import { judgeClaim, payword } from '@farthing/protocol/broker';
import type { Place } from './books/open.ts';
import { openKeys } from './keys.ts';
import { int, num, type Row, text } from './ledger/rows.ts';
import { vendorOf } from './ledger/vendors.ts';
import { type Ask, look, type Outcome } from './operate.ts';
import { vendorRecord } from './services/vendors.ts';

/** `claimed`: base units; `name`: of the session, or the payment. */
type Overclaim = {
  readonly vnd: string;
  readonly name: JsonObject;
  readonly claimed: string;
  readonly why: string;
  readonly verdict: string;
  readonly evidence: Json;
};

/** Overclaims, each with a document that anyone can check off line: see `checkEvidence`. */
export const listOverclaims = (place: Place, archive?: string): Promise<Outcome> =>
  look(place, (ask) => overclaimsIn(ask, place), archive);

function overclaimsIn(ask: Ask, place: Place): Outcome {
  needBatches(ask);
  const batchOf = signedBatch(place);
  const found = [...wordsOf(ask, batchOf), ...chequesOf(ask, batchOf)];
  const lines = found.map(({ vnd, name, claimed, why, verdict }) =>
    [vnd, ...Object.values(name), claimed, why, verdict].join('\t'),
  );
  const overclaims = found.map(({ name, claimed, ...one }): Json => ({ ...one, ...name, cum: claimed }));
  return { lines: lines.length > 0 ? lines : ['No site has claimed too much.'], json: { overclaims }, status: 0 };
}

/** The evidence is the batch as its site signed it, and what was closed before. @throws {Error} they may be archived */
function needBatches(ask: Ask): void {
  const [alarm] = ask('SELECT batch FROM payword_alarm UNION ALL SELECT batch FROM cheque_alarm LIMIT 1');
  if (!alarm) return;
  const files = ask("SELECT doc ->> '$.file.name' AS name FROM opening ORDER BY n").map((row) => text(row, 'name'));
  if (files.length > 0)
    throw new Error(`evidence may be archived in one of ${files.join(', ')}: give the folder with --archive`);
}

/** What both kinds of evidence have: the broker's key, its word on the site's, and the site's signed batch. */
type BatchOf = (row: Row) => JsonObject;

function signedBatch({ data }: Place): BatchOf {
  const env = nodeEnv();
  const keys = openKeys(data, env);
  return (row) => ({
    root: keys.root,
    vendor: vendorRecord(vendorOf(row), { keys, env }),
    order: parseJson(text(row, 'body')) ?? null,
    claim: num(row, 'n'),
  });
}

function wordsOf(ask: Ask, batchOf: BatchOf): Overclaim[] {
  const rows = ask(
    `SELECT a.n, a.session, a.cum, a.why, a.deed, o.body, v.* FROM payword_alarm a
     JOIN payword_batch b ON b.hash = a.batch JOIN stored_order o ON o.from_key = b.from_key AND o.rid = b.rid
     JOIN vendor v ON v.vnd = a.vnd ORDER BY o.n, a.n`,
  );
  return rows.map((row) => {
    const session = text(row, 'session');
    const closing = closingOf(ask, session);
    const deed = parseJson(text(row, 'deed')) ?? null;
    const evidence = { typ: 'overclaim/1', ...batchOf(row), deed, ...(closing ? { closing } : {}) };
    const verdict = payword.judgeEvidence(evidence, nativeCrypto)?.verdict ?? 'open';
    const claimed = int(row, 'cum').toString();
    return { vnd: text(row, 'vnd'), name: { session }, claimed, why: text(row, 'why'), verdict, evidence };
  });
}

function chequesOf(ask: Ask, batchOf: BatchOf): Overclaim[] {
  const rows = ask(
    `SELECT a.n, a.epoid, a.why, o.body, c.doc AS cert, o.body ->> ('$.claims[' || a.n || '].cheque.amount') AS claimed, v.*
     FROM cheque_alarm a
     JOIN cheque_batch b ON b.hash = a.batch JOIN stored_order o ON o.from_key = b.from_key AND o.rid = b.rid
     JOIN vendor v ON v.vnd = a.vnd
     LEFT JOIN cheque_cert c ON c.sub = o.body ->> ('$.claims[' || a.n || '].cheque.sub')
       AND c.exp = o.body ->> ('$.claims[' || a.n || '].certExp')
     ORDER BY o.n, a.n`,
  );
  return rows.map((row) => {
    const cert = typeof row['cert'] === 'string' ? (parseJson(row['cert']) ?? null) : null;
    const evidence = { typ: 'cheque-overclaim/1', ...batchOf(row), cert };
    const verdict = judgeClaim(evidence, nativeCrypto)?.verdict ?? 'open';
    const [vnd, epoid, why] = [text(row, 'vnd'), text(row, 'epoid'), text(row, 'why')];
    return { vnd, name: { epoid }, claimed: text(row, 'claimed'), why, verdict, evidence };
  });
}

/** What the site said at the end of a session, if its customer brought that here. */
function closingOf(ask: Ask, session: string): Json | undefined {
  const [row] = ask(
    `SELECT c.value AS closing FROM stored_order o, json_each(o.body, '$.closings') c
     WHERE o.typ = 'payword-close/1' AND c.value ->> '$.session' = ? ORDER BY o.n LIMIT 1`,
    session,
  );
  return row && parseJson(text(row, 'closing'));
}

/**
 * Judges evidence with nothing but the file: one document, or all that `overclaims --json` printed. Status 1 unless each
 * proves that its site has claimed too much.
 * @throws {Error} the file cannot be read
 */
export function checkEvidence(path: string): Outcome {
  const json = JSON.parse(readFileSync(path, 'utf8')) as Json;
  const judged = documentsIn(json).map(judge);
  const lines = judged.map((found) =>
    found
      ? [found.verdict, found.vnd, found.name, `claimed ${found.claimed}`, `broker ${found.brk}`].join('\t')
      : 'not evidence: a part is missing, or its broker does not vouch for the site',
  );
  const results = judged.map((found) => found?.result ?? null);
  const isProved = judged.length > 0 && judged.every((found) => found?.verdict === 'proved');
  return { lines: lines.length > 0 ? lines : ['No evidence.'], json: { results }, status: isProved ? 0 : 1 };
}

type Judged = Record<'verdict' | 'vnd' | 'name' | 'brk' | 'claimed', string> & { readonly result: JsonObject };

function judge(document: Json): Judged | undefined {
  const words = payword.judgeEvidence(document, nativeCrypto);
  if (words) {
    const claimed = words.claimed.toString();
    return { ...words, name: words.session, claimed, result: { ...words, claimed } };
  }
  const cheque = judgeClaim(document, nativeCrypto);
  if (!cheque) return undefined;
  const { claimedMicro, ...rest } = cheque;
  const claimed = claimedMicro.toString();
  return { ...rest, name: rest.epoid, claimed, result: { ...rest, claimed } };
}

function documentsIn(json: Json): Json[] {
  if (typeof json !== 'object' || json === null || !('overclaims' in json)) return [json];
  const { overclaims } = json;
  return Array.isArray(overclaims) ? overclaims.map((one: JsonObject) => one['evidence'] ?? null) : [json];
}
