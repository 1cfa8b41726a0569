// The journal by itself and against the evidence: hash chain, sums of zero, balances, one entry for each order.
import type { DatabaseSync } from 'node:sqlite';
import { type Crypto, canonicalJson, concat, fromBase64url, toBase64url, utf8 } from '@farthing/protocol';
import type { Feed } from './feed.ts';
import { type Cells, compare, compareEach, type Findings } from './findings.ts';
import { checkOwnEntry } from './journal-own.ts';
import type { Model, Move } from './model.ts';
import { amounts, type Shelf, type Shelves } from './shelves.ts';
import { intCell, rowsOf, textCell } from './tables.ts';

export type Totals = {
  /** Of all that were walked, archived ones included. */
  entries: number;
  /** Hash of the last one. */
  head: string;
  readonly outstanding: Shelf<bigint>;
  readonly balances: Map<string, bigint>;
  /** When vouchers were booked (ms), by order. */
  readonly vouchers: Map<string, bigint>;
};

export const noTotals = (shelves: Shelves): Totals => ({
  entries: 0,
  head: '',
  outstanding: shelves.add('outstanding', amounts),
  balances: new Map(),
  vouchers: new Map(),
});

type Context = { readonly findings: Findings; readonly crypto: Crypto };

/**
 * Walks the journal once, oldest first, from where `totals` ends up to the entry `upTo`, and counts in `totals`; the orders are
 * replayed beside it.
 */
export function walkJournal(
  db: DatabaseSync,
  model: Model,
  { totals, feed, upTo, ...context }: Context & { totals: Totals; feed: Feed; upTo?: bigint | undefined },
): void {
  const { findings, crypto } = context;
  const postingsOf = inStep(db, { findings, upTo });
  let next = BigInt(totals.entries) + 1n;
  let prev = totals.head || toBase64url(new Uint8Array(32));
  for (const entry of rowsOf(db, `SELECT * FROM journal ${bounded(upTo)} ORDER BY seq`)) {
    const seq = intCell(entry, 'seq');
    const lines = postingsOf(seq);
    const fault = (column: string, expected: string, found: string) =>
      findings.add({ table: 'journal', row: String(seq), column, expected, found });
    if (seq !== next) fault('seq', String(next), String(seq));
    if (entry['prev'] !== prev) fault('prev', prev, textCell(entry, 'prev'));
    const hash = toBase64url(crypto.sha256(concat(bytesOf(entry, 'prev'), utf8(entryText(entry, lines)))));
    if (entry['hash'] !== hash) fault('hash', hash, textCell(entry, 'hash'));
    prev = textCell(entry, 'hash');
    next = seq + 1n;
    checkSums(lines, seq, findings);
    for (const line of lines) count(line, totals);
    feed.before(entry);
    if (entry['rid'] === null) checkOwnEntry(entry, lines, { model, findings });
    else {
      const name = `${textCell(entry, 'from_key')} ${textCell(entry, 'rid')}`;
      checkMove(name, { entry, lines }, { model, findings, totals });
      // A second entry for it will find none.
      model.booked(name);
      if (entry['kind'] === 'voucher') totals.vouchers.set(name, intCell(entry, 'at_ms'));
    }
    feed.papers(seq);
    checkOwed(seq, totals, { model, findings });
    totals.entries++;
    totals.head = prev;
    model.settle();
  }
  postingsOf(undefined);
}

const bounded = (upTo: bigint | undefined): string => (upTo === undefined ? '' : `WHERE seq <= ${upTo}`);

/** What must have been booked by the end, and what all of it leaves in the accounts. `lines`: how far some may be below zero. */
export function checkJournal(
  db: DatabaseSync,
  model: Model,
  { findings, totals, lines: credit }: Context & { totals: Totals; lines: ReadonlyMap<string, bigint> },
): void {
  for (const [name, { kind }] of model.moves) {
    findings.add({ table: 'journal', row: name, expected: `an entry of ${kind}`, found: 'none' });
  }
  for (const [table, bills] of billsOf(model)) {
    for (const [seq, owed] of bills.owed) {
      if (seq <= BigInt(totals.entries)) continue;
      for (const { row } of owed) findings.add({ table, row, expected: `entry ${seq}`, found: 'none' });
    }
  }
  checkBalances(db, totals, { findings, credit });
}

const billsOf = ({ payword, notes }: Model) =>
  [
    ['invoice', payword.invoices],
    ['credit_note', notes],
  ] as const;

/** Invoices and credit notes that were made after this entry: what they say of the account is so. */
function checkOwed(seq: bigint, { balances }: Totals, { model, findings }: { model: Model; findings: Findings }): void {
  for (const [table, bills] of billsOf(model)) {
    for (const { row, account, balance } of bills.owed.get(seq) ?? []) {
      const there = balances.get(account) ?? 0n;
      if (there === balance) continue;
      findings.add({ table, row, column: 'owed', expected: String(there), found: String(balance) });
    }
  }
}

/** Hands out the postings of each entry in turn, so that the file is walked once; strays belong to no entry. */
function inStep(
  db: DatabaseSync,
  { findings, upTo }: { findings: Findings; upTo: bigint | undefined },
): (seq: bigint | undefined) => Cells[] {
  const rows = rowsOf(db, `SELECT * FROM posting ${bounded(upTo)} ORDER BY seq, n`);
  let next = rows.next();
  return (seq) => {
    const lines: Cells[] = [];
    while (!next.done && (seq === undefined || intCell(next.value, 'seq') <= seq)) {
      const row = textCell(next.value, 'seq');
      if (intCell(next.value, 'seq') === seq) lines.push(next.value);
      else findings.add({ table: 'posting', row, expected: 'an entry in the journal', found: 'none' });
      next = rows.next();
    }
    return lines;
  };
}

/** The text whose hash, with that of the entry before, names an entry. */
function entryText(entry: Cells, lines: readonly Cells[]): string {
  return canonicalJson({
    seq: Number(entry['seq']),
    at: Number(entry['at_ms']),
    kind: textCell(entry, 'kind'),
    ref: textCell(entry, 'ref'),
    from: textOrNull(entry, 'from_key'),
    rid: textOrNull(entry, 'rid'),
    postings: lines.map((line) => [
      textCell(line, 'account'),
      textCell(line, 'sub'),
      textCell(line, 'cur'),
      String(line['amount']),
    ]),
  });
}

const textOrNull = (row: Cells, name: string): string | null => (row[name] === null ? null : textCell(row, name));
const bytesOf = (row: Cells, name: string): Uint8Array => fromBase64url(textCell(row, name)) ?? new Uint8Array();

/** L1: whatever one account gains another loses. */
function checkSums(lines: readonly Cells[], seq: bigint, findings: Findings): void {
  const sums = new Map<string, bigint>();
  lines.forEach((line, n) => {
    const cur = textCell(line, 'cur');
    sums.set(cur, (sums.get(cur) ?? 0n) + intCell(line, 'amount'));
    const at = { table: 'posting', row: `${seq} ${n}` };
    if (intCell(line, 'n') !== BigInt(n)) {
      findings.add({ ...at, column: 'n', expected: String(n), found: String(line['n']) });
    }
  });
  for (const [cur, sum] of sums) {
    if (sum !== 0n)
      findings.add({ table: 'posting', row: String(seq), expected: `a sum of 0 ${cur}`, found: `${sum}` });
  }
  if (lines.length < 2) {
    findings.add({ table: 'posting', row: String(seq), expected: 'two postings or more', found: `${lines.length}` });
  }
}

function count(line: Cells, { outstanding, balances }: Totals): void {
  const amount = intCell(line, 'amount');
  const name = `${textCell(line, 'account')} ${textCell(line, 'cur')}`;
  balances.set(name, (balances.get(name) ?? 0n) + amount);
  const sub = textCell(line, 'sub');
  if (sub === '') return;
  const left = (outstanding.get(sub) ?? 0n) + amount;
  // What is used up is remembered no longer.
  if (left === 0n) outstanding.delete(sub);
  else outstanding.set(sub, left);
}

type Entry = { entry: Cells; lines: readonly Cells[] };

/** The entry says what the order and its answer say. */
function checkMove(
  name: string,
  { entry, lines }: Entry,
  { model, findings, totals }: { model: Model; findings: Findings; totals: Totals },
): void {
  const row = textCell(entry, 'seq');
  const move = model.moves.get(name);
  if (!move) {
    findings.add({ table: 'journal', row, expected: 'an order that moves money, once', found: `none for ${name}` });
    return;
  }
  const sums = new Map<string, bigint>();
  for (const line of lines) {
    const key = `${textCell(line, 'account')}|${textCell(line, 'sub')}|${textCell(line, 'cur')}`;
    sums.set(key, (sums.get(key) ?? 0n) + intCell(line, 'amount'));
  }
  const { account, cur, amount } = move.balance ?? {};
  const after = amount === undefined ? undefined : shown(totals.balances.get(`${account} ${cur}`) ?? 0n);
  const cells = (said: Pick<Move, 'kind' | 'ref' | 'sums'> & { at: bigint; balance: bigint | undefined }): Cells => ({
    at_ms: `second ${said.at}`,
    kind: said.kind,
    ref: said.ref,
    postings: [...said.sums]
      .map(([key, sum]) => `${key} ${sum}`)
      .sort()
      .join(', '),
    ...(said.balance === undefined ? {} : { balance: said.balance }),
  });
  const at = intCell(entry, 'at_ms') / 1000n;
  const found = { at, kind: textCell(entry, 'kind'), ref: textCell(entry, 'ref'), sums, balance: after };
  compare(findings, 'journal', {
    expected: new Map([[row, cells({ ...move, at: BigInt(move.at), balance: amount })]]),
    actual: new Map([[row, cells(found)]]),
  });
}

/** An account that owes is told that it has nothing. */
const shown = (balance: bigint): bigint => (balance < 0n ? 0n : balance);

/** A customer on credit may owe as much as the line was; nobody else anything. */
function checkBalances(
  db: DatabaseSync,
  { balances }: Totals,
  { findings, credit }: { findings: Findings; credit: ReadonlyMap<string, bigint> },
): void {
  const get = (name: string): Cells | undefined => {
    const amount = balances.get(name);
    return amount === undefined ? undefined : { amount };
  };
  compareEach(findings, 'balance', {
    expected: { get, keys: () => balances.keys() },
    nameOf: (row) => `${textCell(row, 'account')} ${textCell(row, 'cur')}`,
    actual: () => rowsOf(db, 'SELECT * FROM balance'),
  });
  for (const [name, amount] of balances) {
    const floor = -(credit.get(name) ?? 0n);
    if (amount < floor && !name.startsWith('external:')) {
      findings.add({ table: 'balance', row: name, expected: `at least ${floor}`, found: String(amount) });
    }
  }
}
