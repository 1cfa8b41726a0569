// The operator's jobs that belong to PayWord: credit, invoices, and evidence of overclaims.
import { readFileSync } from 'node:fs';
import { nativeCrypto, nodeEnv } from '@farthing/node-kit';
import { type Currency, type Json, type JsonObject, type Money, parseJson } from '@farthing/protocol';
import { payword } from '@farthing/protocol/broker';
import type { Place } from './books/open.ts';
import { openKeys } from './keys.ts';
import type { Party } from './ledger/invoices.ts';
import { account } from './ledger/journal.ts';
import type { SiteParty } from './ledger/notes.ts';
import { int, num, type Row, text } from './ledger/rows.ts';
import { currencyOf } from './ledger/scrip.ts';
import { vendorOf } from './ledger/vendors.ts';
import { type Ask, look, type Outcome, read, shown, write } from './operate.ts';
import { closePeriods } from './services/invoices.ts';
import { closeNotes } from './services/notes.ts';
import { vendorRecord } from './services/vendors.ts';

/** Lets an account owe up to `line` for PayWord; 0 ends its credit. `key`: what the wallet shows as its account. */
export async function grantCredit(place: Place, key: string, line: Money): Promise<Outcome> {
  const { amount, currency: cur } = line;
  const about = await write(place, ({ ledger, keys, env }) => {
    const name = account.user(key);
    ledger.credit.setLine({ account: name, cur, line: amount, perSite: amount, madeMs: env.nowMs });
    const sites = ledger.vendors.all().filter(({ vnd }) => vnd !== keys.brk).length;
    return { limitMicro: amount, everyMicro: ledger.credit.terms().pollMicro, sites };
  });
  const { lines, json } = amount > 0n && about.sites > 0 ? risk(about, cur) : { lines: [], json: {} };
  const granted = { key, line: amount.toString(), cur, ...json };
  return { lines: [`${key}\t${shown(amount, cur)}`, ...lines], json: granted, status: 0 };
}

/** What the sites could lose to a customer who spends at all of them at once: polling bounds it. */
function risk(about: Parameters<typeof payword.exposure>[0], cur: Currency) {
  const { meanMicro, p99Micro } = payword.exposure(about);
  const text = `Who cheats at ${about.sites} sites at once spends ${shown(meanMicro, cur)} on average, ${shown(p99Micro, cur)} at most in 99 of 100 cases.`;
  return { lines: [text], json: { sites: about.sites, mean: meanMicro.toString(), p99: p99Micro.toString() } };
}

/** Makes the invoices and credit notes of the running period now, instead of at its end. */
export async function closeInvoices(place: Place, invoiceDueDays: number): Promise<void> {
  let last: Party | undefined;
  do last = await write(place, (desk) => closePeriods({ ...desk, settings: { invoiceDueDays } }, { last }));
  while (last);
  let site: SiteParty | undefined;
  do site = await write(place, (desk) => closeNotes(desk, { last: site }));
  while (site);
}

const EVERY_INVOICE = `SELECT i.account, i.cur, i.number, i.owed, i.due, i.doc, b.amount AS balance,
    (SELECT coalesce(sum(p.amount), 0) FROM posting p
     WHERE p.account = i.account AND p.cur = i.cur AND p.seq > i.seq AND p.amount > 0
       AND p.account > 'user:' AND p.account < 'user;') AS paid
  FROM invoice i JOIN balance b ON b.account = i.account AND b.cur = i.cur ORDER BY i.n`;

/** Every invoice, and what of it is still owed. */
export async function listInvoices(place: Place): Promise<Outcome> {
  const now = Math.floor(nodeEnv().nowMs / 1000);
  const invoices = (await read(place, EVERY_INVOICE)).map((row) => {
    const left = leftOf(row);
    const state = left === 0n ? 'paid' : num(row, 'due') < now ? 'overdue' : 'open';
    return { key: account.keyOf(text(row, 'account')), cur: currencyOf(row), left, state, row };
  });
  const lines = invoices.map(({ key, cur, left, state, row }) => {
    const due = new Date(num(row, 'due') * 1000).toISOString().slice(0, 10);
    return [key, `#${num(row, 'number')}`, shown(int(row, 'owed'), cur), shown(left, cur), `due ${due}`, state].join(
      '\t',
    );
  });
  const json = invoices.map(({ left, state, row }) => {
    return { left: left.toString(), state, invoice: parseJson(text(row, 'doc')) ?? null };
  });
  return { lines: lines.length > 0 ? lines : ['No invoice was made.'], json: { invoices: json }, status: 0 };
}

/** What came in since is taken for the oldest debts first; who owes less than that owes no more than that. */
function leftOf(row: Row): bigint {
  const [owes, open] = [-int(row, 'balance'), int(row, 'owed') - int(row, 'paid')];
  const left = open < owes ? open : owes;
  return left > 0n ? left : 0n;
}

/** Overclaims, each with a document that anyone can check off line: see `checkEvidence`. */
export const listOverclaims = (place: Place): Promise<Outcome> => look(place, (ask) => overclaimsIn(ask, place));

function overclaimsIn(ask: Ask, place: Place): Outcome {
  const env = nodeEnv();
  const keys = openKeys(place.data, env);
  const rows = ask(
    `SELECT a.n, a.session, a.cum, a.why, a.deed, o.body, v.* FROM payword_alarm a
     JOIN payword_batch b ON b.hash = a.batch JOIN stored_order o ON o.from_key = b.from_key AND o.rid = b.rid
     JOIN vendor v ON v.vnd = a.vnd ORDER BY o.n, a.n`,
  );
  const overclaims = rows.map((row) => {
    const session = text(row, 'session');
    const closing = closingOf(ask, session);
    const evidence = {
      typ: 'overclaim/1',
      root: keys.root,
      vendor: vendorRecord(vendorOf(row), { keys, env }),
      order: parseJson(text(row, 'body')) ?? null,
      claim: num(row, 'n'),
      deed: parseJson(text(row, 'deed')) ?? null,
      ...(closing ? { closing } : {}),
    };
    const verdict = payword.judgeEvidence(evidence, nativeCrypto)?.verdict ?? 'open';
    const [vnd, why] = [text(row, 'vnd'), text(row, 'why')];
    return { vnd, session, cum: int(row, 'cum').toString(), why, verdict, evidence };
  });
  const lines = overclaims.map(({ vnd, session, cum, why, verdict }) => [vnd, session, cum, why, verdict].join('\t'));
  return { lines: lines.length > 0 ? lines : ['No site has claimed too much.'], json: { overclaims }, status: 0 };
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
  const documents = documentsIn(json);
  const judged = documents.map((document) => payword.judgeEvidence(document, nativeCrypto));
  const lines = judged.map((found) =>
    found
      ? [found.verdict, found.vnd, found.session, `claimed ${found.claimed}`, `broker ${found.brk}`].join('\t')
      : 'not evidence: a part is missing, or its broker does not vouch for the site',
  );
  const results = judged.map((found) => (found ? { ...found, claimed: found.claimed.toString() } : null));
  const isProved = judged.length > 0 && judged.every((found) => found?.verdict === 'proved');
  return { lines: lines.length > 0 ? lines : ['No evidence.'], json: { results }, status: isProved ? 0 : 1 };
}

function documentsIn(json: Json): Json[] {
  if (typeof json !== 'object' || json === null || !('overclaims' in json)) return [json];
  const { overclaims } = json;
  return Array.isArray(overclaims) ? overclaims.map((one: JsonObject) => one['evidence'] ?? null) : [json];
}
