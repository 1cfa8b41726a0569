// Reads of the whole journal, a page at a time: what they hold in memory does not grow with the books. Each page sees what is committed
// by then; entries never change, so all pages together are the journal up to where the last one was.
import { type Currency, currencies, isCurrency } from '@farthing/protocol';
import type { Row } from '../books/port.ts';
import type { Read } from '../books/reader.ts';
import { int, num, text } from './rows.ts';

/** Postings in one page. */
const PAGE = 5_000;
/** Entries in one question, each of which may have a thousand postings: it is answered long before anybody gives it up. */
const STRETCH = 5_000;
const CURRENCIES = Object.keys(currencies);

/** `sinceMs` included, `untilMs` not. */
export type Period = { readonly sinceMs: number; readonly untilMs: number };

export type BulkLine = {
  readonly seq: number;
  readonly n: number;
  readonly atMs: number;
  readonly kind: string;
  readonly ref: string;
  readonly account: string;
  readonly sub: string;
  readonly cur: Currency;
  readonly amount: bigint;
};

const COLUMNS = 'j.seq, p.n, j.at_ms, j.kind, j.ref, p.account, p.sub, p.cur, p.amount';
const JOINED = 'FROM posting p JOIN journal j ON j.seq = p.seq';
const ALL = `SELECT ${COLUMNS} ${JOINED} WHERE (p.seq, p.n) > (?, ?) AND j.at_ms >= ? AND j.at_ms < ?
  ORDER BY p.seq, p.n LIMIT ${PAGE}`;
/**
 * In the order of the index, one currency after the other: sorted anew for each page, an account of a million lines would take hours.
 * The condition is that of the index: pieces of scrip have accounts of their own, which nobody asks for.
 */
const OF_ACCOUNT = `SELECT ${COLUMNS} ${JOINED} WHERE p.account = ? AND p.account <> 'float:scrip' AND p.cur = ?
  AND (p.seq, p.n) > (?, ?) AND j.at_ms >= ? AND j.at_ms < ? ORDER BY p.seq, p.n LIMIT ${PAGE}`;
const LAST = 'SELECT coalesce(max(seq), 0) AS seq FROM journal';
/** PostgreSQL sums integers to numbers without bounds. */
const EARNED = `SELECT p.account, p.cur, count(*) AS lines,
    CAST(sum(CASE WHEN p.amount > 0 THEN p.amount ELSE 0 END) AS bigint) AS credited,
    CAST(sum(CASE WHEN p.amount < 0 THEN -p.amount ELSE 0 END) AS bigint) AS returned
  ${JOINED} WHERE p.seq > ? AND p.seq <= ? AND p.account >= 'vendor:' AND p.account < 'vendor;'
    AND j.at_ms >= ? AND j.at_ms < ? GROUP BY p.account, p.cur`;

/** Every posting of a period, oldest first; of one account when it is named. */
export function linesOf(read: Read, period: Period, account?: string): AsyncGenerator<BulkLine> {
  if (account === undefined) return pages(read, period, { sql: ALL, values: [] });
  const each = CURRENCIES.map((cur) => pages(read, period, { sql: OF_ACCOUNT, values: [account, cur] }));
  return merged(each);
}

async function* pages(
  read: Read,
  { sinceMs, untilMs }: Period,
  { sql, values }: { sql: string; values: readonly string[] },
): AsyncGenerator<BulkLine> {
  let [seq, n] = [0, -1];
  for (;;) {
    const rows = await read(sql, ...values, ...[seq, n, sinceMs, untilMs].map(BigInt));
    for (const row of rows) yield lineOf(row);
    const end = rows.at(-1);
    if (rows.length < PAGE || !end) return;
    [seq, n] = [num(end, 'seq'), num(end, 'n')];
  }
}

/** Whichever has the oldest line goes on. */
async function* merged(each: readonly AsyncGenerator<BulkLine>[]): AsyncGenerator<BulkLine> {
  const heads = await Promise.all(each.map(async (lines) => ({ lines, next: await lines.next() })));
  for (;;) {
    let first: { at: (typeof heads)[number]; line: BulkLine } | undefined;
    for (const at of heads) {
      if (!at.next.done && (!first || isBefore(at.next.value, first.line))) first = { at, line: at.next.value };
    }
    if (!first) return;
    yield first.line;
    first.at.next = await first.at.lines.next();
  }
}

const isBefore = (a: BulkLine, b: BulkLine): boolean => a.seq < b.seq || (a.seq === b.seq && a.n < b.n);

/** What each site earned and gave back in a period. `told`: entries looked at, and how many there are. */
export async function settledOf(
  read: Read,
  { sinceMs, untilMs }: Period,
  told: (seen: number, all: number) => void,
): Promise<Settled[]> {
  const all = num((await read(LAST))[0] ?? {}, 'seq');
  const sums = new Map<string, Settled>();
  for (let from = 0; from < all; from += STRETCH) {
    const to = Math.min(all, from + STRETCH);
    const rows = await read(EARNED, ...[from, to, sinceMs, untilMs].map(BigInt));
    for (const row of rows) add(sums, row);
    told(to, all);
  }
  return [...sums.values()].sort((a, b) => (`${a.vnd} ${a.cur}` < `${b.vnd} ${b.cur}` ? -1 : 1));
}

export type Settled = {
  readonly vnd: string;
  readonly cur: Currency;
  readonly lines: number;
  readonly credited: bigint;
  readonly returned: bigint;
};

function add(sums: Map<string, Settled>, row: Row): void {
  const [vnd, cur] = [text(row, 'account').slice('vendor:'.length), currencyIn(row)];
  const key = `${vnd} ${cur}`;
  const before = sums.get(key) ?? { vnd, cur, lines: 0, credited: 0n, returned: 0n };
  sums.set(key, {
    ...before,
    lines: before.lines + num(row, 'lines'),
    credited: before.credited + int(row, 'credited'),
    returned: before.returned + int(row, 'returned'),
  });
}

const lineOf = (row: Row): BulkLine => ({
  seq: num(row, 'seq'),
  n: num(row, 'n'),
  atMs: num(row, 'at_ms'),
  kind: text(row, 'kind'),
  ref: text(row, 'ref'),
  account: text(row, 'account'),
  sub: text(row, 'sub'),
  cur: currencyIn(row),
  amount: int(row, 'amount'),
});

function currencyIn(row: Row): Currency {
  const cur = text(row, 'cur');
  if (!isCurrency(cur)) throw new Error(`column cur: expected a currency, found ${cur}`);
  return cur;
}
