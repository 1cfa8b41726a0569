// The tables of coins against the model, and the records that the broker signed because no order asked for them.
import { createPrivateKey } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { type Crypto, canonicalJson, parseJson, tryDecode, verifyObject } from '@farthing/protocol';
import { depositReceiptSchema, keyListSchema, keysetOf, keysetSchema } from '@farthing/protocol/broker';
import type { Held, KeysetFacts } from './ecash-coins.ts';
import type { EcashModel } from './ecash-model.ts';
import { type Cells, compare, type Findings } from './findings.ts';
import type { Totals } from './journal.ts';
import { hasPeers } from './peer-facts.ts';
import { asTheyAre, checkShelf, intCell, keyed, rowsOf, textCell } from './tables.ts';

type Auditor = { brk: string; root: string; crypto: Crypto; findings: Findings };

/** False for a ledger that an older version wrote. */
export const hasEcash = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'keyset'").get() !== undefined;

/** What the signed records say; a row that says something else than its record is a finding. */
export function readKeysets(db: DatabaseSync, auditor: Auditor): Map<string, KeysetFacts> {
  const facts = new Map<string, KeysetFacts>();
  if (!hasEcash(db)) return facts;
  const { brk, root, crypto, findings } = auditor;
  const keys = new Map(
    db
      .prepare('SELECT ks, pkcs8 FROM keyset')
      .all()
      .map((row) => [row['ks'], row['pkcs8']]),
  );
  for (const row of rowsOf(db, 'SELECT * FROM keyset')) {
    const name = textCell(row, 'ks');
    const record = tryDecode(keysetSchema, parseJson(textCell(row, 'doc')));
    const signed = record && record.brk === brk && verifyObject(record, root, record.sig, crypto);
    if (!record || !signed || canonicalJson(record) !== row['doc']) {
      findings.add({ table: 'keyset', row: name, expected: 'a record signed by this broker', found: 'another' });
      continue;
    }
    const { cur, denom, vnd = '', epoch, n } = record;
    const keyset = keysetOf(record, crypto);
    const expected = new Map([[name, { ks: keyset.ks, cur, denom: BigInt(denom), vnd, epoch: BigInt(epoch) }]]);
    compare(findings, 'keyset', { expected, actual: new Map([[name, row]]) });
    if (modulusOf(keys.get(name)) !== n) {
      findings.add({
        table: 'keyset',
        row: name,
        column: 'pkcs8',
        expected: 'the key of its record',
        found: 'another',
      });
    }
    facts.set(keyset.ks, { cur, value: keyset.value });
  }
  return facts;
}

function modulusOf(pkcs8: unknown): string | undefined {
  if (!(pkcs8 instanceof Uint8Array)) return undefined;
  try {
    const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
    return key.export({ format: 'jwk' }).n;
  } catch {
    return undefined;
  }
}

/** L4: issued = redeemed + held + outstanding for each keyset, and the float holds what is outstanding. */
export function checkEcash(db: DatabaseSync, model: EcashModel, auditor: Auditor & { totals: Totals }): void {
  const { findings, totals } = auditor;
  checkLists(db, auditor);
  checkTotals(db, model, auditor, totals);
  for (const ref of model.coins.ended)
    findings.add({ table: 'journal', row: ref, expected: 'the end of its hold', found: 'none' });
  const { spent, signatures } = model.coins;
  const { batches, alarms } = model;
  checkShelf(db, spent, { findings, table: 'spent_coin', key: ['pk'], cells: (use, pk) => ({ pk, ...use }) });
  checkShelf(db, signatures, { findings, table: 'blind_signature', key: ['ks', 'b'], cells: (sig) => ({ sig }) });
  checkPayments(db, model, auditor);
  checkShelf(db, batches, { findings, table: 'ecash_batch', key: ['hash'], cells: asTheyAre });
  checkShelf(db, alarms, { findings, table: 'ecash_alarm', key: ['batch', 'n'], cells: asTheyAre });
}

function checkTotals(db: DatabaseSync, model: EcashModel, { findings }: Auditor, totals: Totals): void {
  const outstanding = new Map<string, bigint>();
  const expected = new Map<string, Cells>();
  const actual = keyed(db, 'SELECT * FROM keyset', ['ks']);
  for (const [ks, row] of actual) {
    const { issued, redeemed, held } = model.coins.totals.get(ks) ?? { issued: 0n, redeemed: 0n, held: 0n };
    expected.set(ks, { issued, redeemed, held });
    const out = issued - redeemed - held;
    if (out < 0n) findings.add({ table: 'keyset', row: ks, expected: 'no more back than out', found: String(out) });
    const cur = textCell(row, 'cur');
    outstanding.set(cur, (outstanding.get(cur) ?? 0n) + out);
  }
  compare(findings, 'keyset', { expected, actual });
  for (const [cur, out] of outstanding) {
    const float = totals.balances.get(`float:ecash ${cur}`) ?? 0n;
    if (float !== out)
      findings.add({ table: 'balance', row: `float:ecash ${cur}`, expected: String(out), found: String(float) });
  }
}

/** Each list is signed and follows the one before; what the last that names a keyset says of it is so in the table. */
function checkLists(db: DatabaseSync, { brk, root, crypto, findings }: Auditor): void {
  const next = new Map<string, bigint>();
  const states = new Map<string, string>();
  for (const row of rowsOf(db, 'SELECT * FROM key_list ORDER BY vnd, no')) {
    const vnd = textCell(row, 'vnd');
    const no = intCell(row, 'no');
    const list = tryDecode(keyListSchema, parseJson(textCell(row, 'doc')));
    const good =
      list &&
      list.brk === brk &&
      (list.vnd ?? '') === vnd &&
      BigInt(list.no) === no &&
      no === (next.get(vnd) ?? 1n) &&
      canonicalJson(list) === row['doc'] &&
      verifyObject(list, root, list.sig, crypto);
    next.set(vnd, no + 1n);
    if (!good)
      findings.add({ table: 'key_list', row: `${vnd} ${no}`, expected: 'the next list, signed', found: 'another' });
    for (const ks of list?.revoked ?? []) states.set(ks, list?.stopped?.includes(ks) ? 'stopped' : 'revoked');
  }
  for (const row of rowsOf(db, 'SELECT ks, vnd, state FROM keyset')) {
    const ks = textCell(row, 'ks');
    if (row['state'] !== (states.get(ks) ?? 'live')) {
      findings.add({
        table: 'keyset',
        row: ks,
        column: 'state',
        expected: states.get(ks) ?? 'live',
        found: textCell(row, 'state'),
      });
    }
    if (!next.has(textCell(row, 'vnd'))) {
      findings.add({ table: 'key_list', row: textCell(row, 'vnd'), expected: 'a list', found: 'none' });
    }
  }
}

function checkPayments(db: DatabaseSync, model: EcashModel, { root, crypto, findings }: Auditor): void {
  const isCurrent = hasPeers(db);
  const cells = (payment: Held, row: string, actual: Cells): Cells => {
    const { vnd, challenge, cur, amount, hash, coins, change, receipt, until, state, via, paidAt } = payment;
    // A hold whose change is out ends without an entry.
    const mayEnd = state === 'held' && change.length > 0 && actual['state'] === 'void';
    if (receipt === '' && !isReceipt(actual, { root, crypto, paidAt })) {
      const at = { table: 'coin_payment', row, column: 'receipt' };
      findings.add({ ...at, expected: 'signed by this broker', found: 'not' });
    }
    return {
      ...{ vnd, challenge, cur, amount, hash, until },
      coins: canonicalJson(coins.map(({ ks, pk }) => ({ ks, pk }))),
      change: canonicalJson([...change]),
      state: mayEnd ? 'void' : state,
      ...(isCurrent ? { via } : {}),
      ...(receipt === '' ? {} : { receipt }),
    };
  };
  checkShelf(db, model.coins.payments, { findings, table: 'coin_payment', key: ['vnd', 'challenge'], cells });
}

/** The receipt of a captured payment: no answer gave it out, its signature says whose it is. */
function isReceipt(row: Cells, { root, crypto, paidAt }: { root: string; crypto: Crypto; paidAt: number }): boolean {
  const receipt = tryDecode(depositReceiptSchema, parseJson(textCell(row, 'receipt')));
  const same = receipt && receipt.challengeId === row['challenge'] && receipt.vnd === row['vnd'];
  const paid = receipt?.state === 'paid' && receipt.at === paidAt && canonicalJson(receipt) === row['receipt'];
  return Boolean(same) && paid && verifyObject(receipt, root, receipt.sig, crypto);
}
