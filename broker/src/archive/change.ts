// Takes a period out of books, or puts one back: inside of one transaction, and only what the signed records say.
import { createHash } from 'node:crypto';
import { type Crypto, canonicalJson } from '@farthing/protocol';
import type { Row } from '../books/port.ts';
import { int, text } from '../ledger/rows.ts';
import type { Contents } from './file.ts';
import { type Opening, type Sum, sumsDigest } from './record.ts';
import { takeRows } from './rows.ts';
import type { StateFile } from './state-file.ts';
import type { Store } from './store.ts';

/** Entries that one statement adds up or takes out, each with some hundred lines: a server that does very many at once seems to hang. */
const STRETCH = 2_000;

const ADD_SUMS = `INSERT INTO opening_sum (account, cur, amount, lines)
  SELECT account, cur, CAST(sum(amount) AS BIGINT), count(*) FROM posting WHERE seq >= ? AND seq <= ? GROUP BY account, cur
  ON CONFLICT (account, cur) DO UPDATE
  SET amount = opening_sum.amount + excluded.amount, lines = opening_sum.lines + excluded.lines`;

/** What stands in the place of a period. `sign` is told the digest of the sums, and may refuse. */
export type Replacement = {
  readonly contents: Contents;
  readonly state: StateFile;
  readonly sign: (sums: string) => Opening;
};

/** Call it in a transaction. @returns what was signed @throws {Error} the books do not hold this period */
export async function takeOut(store: Store, { contents, state, sign }: Replacement): Promise<Opening> {
  const { entries, orders } = contents;
  await needPlace(store, contents);
  await inStretches(entries, (...some) => store.all(ADD_SUMS, ...some));
  const opening = sign(sumsDigest(await sumsIn(store)));
  await inStretches(entries, async (...some) => {
    await store.all('DELETE FROM posting WHERE seq >= ? AND seq <= ?', ...some);
    await store.all('DELETE FROM journal WHERE seq >= ? AND seq <= ?', ...some);
  });
  await inStretches(orders, (...some) => store.all('DELETE FROM stored_order WHERE n >= ? AND n <= ?', ...some));
  await putOpening(store, { opening, state });
  return opening;
}

async function putOpening(store: Store, { opening, state }: { opening: Opening; state: StateFile }): Promise<void> {
  const { n, entries, orders, until } = opening;
  await store.all('DELETE FROM opening_state');
  let page = 0n;
  for (const body of state.pages()) await store.insert('opening_state', [{ page: ++page, body }]);
  const ends = { seq: BigInt(entries.last), after_n: BigInt(orders.last), until_ms: BigInt(until) };
  await store.insert('opening', [{ n: BigInt(n), ...ends, doc: canonicalJson(opening) }]);
}

/** Call it in a transaction. Another record and state in the place of `last`. @throws {Error} that is not the last one any more */
export async function renew(
  store: Store,
  { last, ...renewed }: { last: Opening; opening: Opening; state: StateFile },
): Promise<void> {
  const [row] = await store.all('SELECT doc FROM opening ORDER BY n DESC LIMIT 1');
  if (row?.['doc'] !== canonicalJson(last))
    throw new Error('a period was archived or put back meanwhile: run it again');
  await store.all('DELETE FROM opening WHERE n = ?', BigInt(last.n));
  await putOpening(store, renewed);
}

/** A period that was archived: `before` is the record of the one before it. */
export type Archived = { readonly opening: Opening; readonly before: Opening | undefined; readonly path: string };

export const contentsOf = ({ opening, before }: Omit<Archived, 'path'>): Contents => {
  const { brk, n, from, until, entries, orders, head } = opening;
  return { brk, n, from, until, entries, orders, head, before: before?.head ?? '' };
};

/** Call it in a transaction. @throws {Error} another period is the last one; the file is not what was signed */
export async function putBack(store: Store, { opening, before, path }: Archived, crypto: Crypto): Promise<void> {
  const { n, entries } = opening;
  const [last] = await store.all('SELECT max(n) AS n FROM opening');
  if (last?.['n'] !== BigInt(n)) throw new Error(`period ${n} is not the last one that is archived`);
  const state = createHash('sha256');
  await store.all('DELETE FROM opening WHERE n = ?', BigInt(n));
  await store.all('DELETE FROM opening_state');
  await takeRows(path, contentsOf({ opening, before }), crypto, async (table, rows) => {
    for (const { body } of table === 'opening_state' ? rows : []) if (body instanceof Uint8Array) state.update(body);
    await store.insert(table, rows);
  });
  if (before && state.digest('hex') !== before.state.sha256)
    throw new Error(`${path}: its state is not what was signed`);
  await takeBackSums(store, { entries, path, expected: before?.sums ?? sumsDigest([]) });
}

const MOVED = `SELECT account, cur, CAST(sum(amount) AS BIGINT) AS amount, count(*) AS lines FROM posting
  WHERE seq >= ? AND seq <= ? GROUP BY account, cur`;

async function takeBackSums(
  store: Store,
  { entries, expected, path }: { entries: Opening['entries']; expected: string; path: string },
): Promise<void> {
  const left = new Map((await sumsIn(store)).map((sum) => [`${sum.account} ${sum.cur}`, sum]));
  await inStretches(entries, async (...some) => {
    for (const { account, cur, amount, lines } of (await store.all(MOVED, ...some)).map(sumOf)) {
      const name = `${account} ${cur}`;
      const now = left.get(name);
      left.set(name, { account, cur, amount: (now?.amount ?? 0n) - amount, lines: (now?.lines ?? 0n) - lines });
    }
  });
  for (const [name, { lines }] of left) if (lines <= 0n) left.delete(name);
  const sums = [...left.values()];
  if (sumsDigest(sums) !== expected) throw new Error(`${path}: with it the sums are not those of the period before`);
  await store.all('DELETE FROM opening_sum');
  for (let at = 0; at < sums.length; at += STRETCH) await store.insert('opening_sum', sums.slice(at, at + STRETCH));
}

async function sumsIn(store: Store): Promise<Sum[]> {
  return (await store.all('SELECT account, cur, amount, lines FROM opening_sum ORDER BY account, cur')).map(sumOf);
}

const sumOf = (row: Row): Sum => ({
  ...{ account: text(row, 'account'), cur: text(row, 'cur') },
  ...{ amount: int(row, 'amount'), lines: int(row, 'lines') },
});

/** Nobody else has archived it meanwhile, and these are the entries that were read. */
async function needPlace(store: Store, { n, entries, orders, head }: Contents): Promise<void> {
  const [last] = await store.all('SELECT coalesce(max(n), 0) AS n FROM opening');
  if (last?.['n'] !== BigInt(n - 1)) throw new Error(`period ${n} was archived or put back meanwhile: run it again`);
  const range = [entries.first, entries.last].map(BigInt);
  const [booked] = await store.all('SELECT count(*) AS n FROM journal WHERE seq >= ? AND seq <= ?', ...range);
  const [asked] = await store.all(
    'SELECT count(*) AS n FROM stored_order WHERE n >= ? AND n <= ?',
    ...[orders.first, orders.last].map(BigInt),
  );
  const [end] = await store.all('SELECT hash FROM journal WHERE seq = ?', BigInt(entries.last));
  const isSame =
    booked?.['n'] === BigInt(entries.last - entries.first + 1) &&
    asked?.['n'] === BigInt(orders.last - orders.first + 1) &&
    (entries.last < entries.first || hashIn(end) === head);
  if (!isSame) throw new Error(`the ledger does not hold what was read of period ${n}`);
}

const hashIn = (row: Row | undefined): string | undefined => {
  const hash = row?.['hash'];
  return hash instanceof Uint8Array ? Buffer.from(hash).toString('base64url') : undefined;
};

async function inStretches(
  { first, last }: { first: number; last: number },
  each: (from: bigint, to: bigint) => Promise<unknown>,
): Promise<void> {
  for (let from = first; from <= last; from += STRETCH) {
    await each(BigInt(from), BigInt(Math.min(last, from + STRETCH - 1)));
  }
}
