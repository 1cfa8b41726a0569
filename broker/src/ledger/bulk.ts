// Reads of the whole journal, a page at a time: what they hold in memory does not grow with the books. Each page sees what is committed
// by then; entries never change, so all pages together are the journal up to where the last one was.
import { type Currency, isCurrency } from '@farthing/protocol';
import type { Bookkeeper, Row } from '../books/port.ts';
import { int, num, text } from './rows.ts';

/** Postings, or entries, in one page. */
const PAGE = 5_000;
const STRETCH = 50_000;

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

export type BulkBook = ReturnType<typeof openBulk>;

export function openBulk(keeper: Bookkeeper) {
  const prepare = (sql: string) => keeper.books.prepare(sql, { asOf: 'start' });
  const columns = 'j.seq, p.n, j.at_ms, j.kind, j.ref, p.account, p.sub, p.cur, p.amount';
  const joined = 'FROM posting p JOIN journal j ON j.seq = p.seq';
  const page = prepare(
    `SELECT ${columns} ${joined} WHERE (p.seq, p.n) > (?, ?) AND j.at_ms >= ? AND j.at_ms < ? ORDER BY p.seq, p.n LIMIT ?`,
  );
  // The condition of the index: pieces of scrip have accounts of their own, which nobody asks for.
  const ofAccount = prepare(
    `SELECT ${columns} ${joined} WHERE p.account = ? AND p.account <> 'float:scrip' AND (p.seq, p.n) > (?, ?)
     AND j.at_ms >= ? AND j.at_ms < ? ORDER BY p.seq, p.n LIMIT ?`,
  );
  const last = prepare('SELECT coalesce(max(seq), 0) AS seq FROM journal');
  const earned = prepare(
    `SELECT p.account, p.cur, count(*) AS lines, sum(CASE WHEN p.amount > 0 THEN p.amount ELSE 0 END) AS credited,
       sum(CASE WHEN p.amount < 0 THEN -p.amount ELSE 0 END) AS returned
     ${joined} WHERE p.seq > ? AND p.seq <= ? AND p.account >= 'vendor:' AND p.account < 'vendor;'
       AND j.at_ms >= ? AND j.at_ms < ? GROUP BY p.account, p.cur`,
  );

  /** Every posting of a period, oldest first; of one account when it is named. */
  async function* lines({ sinceMs, untilMs }: Period, account?: string): AsyncGenerator<BulkLine> {
    let [seq, n] = [0, -1];
    for (;;) {
      const after = [seq, n, sinceMs, untilMs, PAGE];
      const rows = await keeper.read(() =>
        account === undefined ? page.all(...after) : ofAccount.all(account, ...after),
      );
      for (const row of rows) yield lineOf(row);
      const end = rows.at(-1);
      if (rows.length < PAGE || !end) return;
      [seq, n] = [num(end, 'seq'), num(end, 'n')];
    }
  }

  /** What each site earned and gave back in a period. `told`: entries looked at, and how many there are. */
  async function settlement(period: Period, told: (seen: number, all: number) => void): Promise<Settled[]> {
    const all = await keeper.read(() => num(last.get() ?? {}, 'seq'));
    const sums = new Map<string, Settled>();
    for (let from = 0; from < all; from += STRETCH) {
      const to = Math.min(all, from + STRETCH);
      const rows = await keeper.read(() => earned.all(from, to, period.sinceMs, period.untilMs));
      for (const row of rows) add(sums, row);
      told(to, all);
    }
    return [...sums.values()].sort((a, b) => (`${a.vnd} ${a.cur}` < `${b.vnd} ${b.cur}` ? -1 : 1));
  }

  return { lines, settlement };
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
