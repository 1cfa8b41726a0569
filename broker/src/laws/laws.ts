// The laws of the books as sums that a running broker can afford: what was booked makes nothing and loses nothing, and each
// account that holds money for others holds what the tables beside it have outstanding. Who has what is the audit's to say.

export type LawName = 'journal' | 'balances' | 'floors' | 'scrip' | 'chains' | 'coins' | 'held-coins' | 'cheques';
/** By how much a law is off, in base units of `cur`; 0 while it holds. Never whose money it is. */
export type Drift = { readonly law: LawName; readonly cur: string; readonly drift: bigint };

export type Cells = Readonly<Record<string, unknown>>;
/** Reads in one snapshot. SQL that SQLite and PostgreSQL both run, with integers as parameters. */
export type Reader = (sql: string, ...values: readonly bigint[]) => readonly Cells[] | Promise<readonly Cells[]>;

/** What `account` holds, less what its table has outstanding, for each currency. */
const held = (account: string, outstanding: string): string =>
  `SELECT cur, sum(amount) AS drift FROM (
     SELECT cur, amount FROM balance WHERE account = '${account}' UNION ALL ${outstanding}
   ) AS both_sides GROUP BY cur`;

/** The conditions are those of the partial indexes, so that what ended long ago costs nothing. */
const SUMS: readonly (readonly [LawName, string])[] = [
  ['balances', 'SELECT cur, sum(amount) AS drift FROM balance GROUP BY cur'],
  [
    'floors',
    `SELECT b.cur AS cur, sum(b.amount + coalesce(c.most, 0)) AS drift
     FROM balance b LEFT JOIN credit_line c ON c.account = b.account AND c.cur = b.cur
     WHERE b.amount < 0 AND b.account NOT LIKE 'external:%' AND b.account NOT LIKE 'peer:%'
       AND b.amount + coalesce(c.most, 0) < 0 GROUP BY b.cur`,
  ],
  ['scrip', held('float:scrip', 'SELECT cur, credited + refunded - face FROM root WHERE credited + refunded < face')],
  [
    'chains',
    held('float:chain', 'SELECT cur, credited + refunded - n * unit FROM chain WHERE credited + refunded < n * unit'),
  ],
  ['coins', held('float:ecash', 'SELECT cur, redeemed + held - issued FROM keyset')],
  [
    'cheques',
    held(
      'hold:cheque',
      `SELECT cur, paid + returned - kept FROM cheque_cert WHERE paid + returned < kept
       UNION ALL SELECT cur, -amount FROM cheque WHERE state = 'held'`,
    ),
  ],
];

/** More may lie there than is held: what a site gave up whose change is out stays until its coins come. */
const HELD_COINS = held('hold:ecash', "SELECT cur, -amount FROM coin_payment WHERE state = 'held'");

/** Sums over accounts of one kind: those of the broker one by one, those of others together. */
const KIND = `CASE WHEN account LIKE 'user:%' THEN 'user' WHEN account LIKE 'vendor:%' THEN 'vendor'
  WHEN account LIKE 'peer:%' THEN 'peer' ELSE account END`;

/** @returns the laws that do not hold */
export async function lookAtSums(read: Reader): Promise<Drift[]> {
  const found: Drift[] = [];
  for (const [law, sql] of SUMS) {
    for (const { cur, drift } of drifts(await read(sql))) if (drift !== 0n) found.push({ law, cur, drift });
  }
  for (const { cur, drift } of drifts(await read(HELD_COINS))) {
    if (drift < 0n) found.push({ law: 'held-coins', cur, drift });
  }
  return found;
}

const drifts = (rows: readonly Cells[]) =>
  rows.map(({ cur, drift }) => ({ cur: String(cur), drift: BigInt(String(drift)) }));

/**
 * One way through the journal, so many entries at a look: each entry has two postings or more that sum to zero, none is missing,
 * and at its end all of them sum to what the balances say. Then the way goes on with what is new.
 */
export class Pass {
  #seen = 0n;
  readonly #sums = new Map<string, bigint>();

  /** @returns what does not hold, and whether the end was reached */
  async go(read: Reader, most: number): Promise<{ found: Drift[]; isThrough: boolean }> {
    const [last] = await read(
      'SELECT coalesce(max(seq), 0) AS seq, (SELECT coalesce(max(seq), 0) FROM opening) AS opened FROM journal',
    );
    const end = BigInt(String(last?.['seq']));
    const opened = BigInt(String(last?.['opened']));
    if (this.#seen < opened) await this.#open(read, opened);
    const to = min(end, this.#seen + BigInt(most));
    const found = to > this.#seen ? await this.#entries(read, to) : [];
    this.#seen = to;
    const isThrough = to === end;
    return { found: isThrough ? [...found, ...(await this.#compared(read))] : found, isThrough };
  }

  /** What lies before is archived: its sums were signed, and the way begins after it. */
  async #open(read: Reader, opened: bigint): Promise<void> {
    this.#sums.clear();
    for (const { kind, cur, sum } of await read(
      `SELECT ${KIND} AS kind, cur, sum(amount) AS sum FROM opening_sum GROUP BY 1, cur`,
    )) {
      this.#sums.set(`${kind} ${cur}`, BigInt(String(sum)));
    }
    this.#seen = opened;
  }

  async #entries(read: Reader, to: bigint): Promise<Drift[]> {
    const from = this.#seen;
    const odd = await read(
      `SELECT cur, sum(CASE WHEN sum < 0 THEN -sum ELSE sum END) AS drift FROM (
         SELECT cur, sum(amount) AS sum FROM posting WHERE seq > ? AND seq <= ? GROUP BY seq, cur
       ) AS entries WHERE sum <> 0 GROUP BY cur`,
      from,
      to,
    );
    const [there] = await read(
      `SELECT (SELECT count(*) FROM journal WHERE seq > ? AND seq <= ?) AS entries, (SELECT count(*) FROM (
         SELECT seq FROM posting WHERE seq > ? AND seq <= ? GROUP BY seq HAVING count(*) > 1) AS booked) AS booked`,
      ...[from, to, from, to],
    );
    const missing = [there?.['entries'], there?.['booked']].map((n) => to - from - BigInt(String(n)));
    const sums = await read(
      `SELECT ${KIND} AS kind, cur, sum(amount) AS sum FROM posting WHERE seq > ? AND seq <= ? GROUP BY 1, cur`,
      from,
      to,
    );
    for (const { kind, cur, sum } of sums) {
      const name = `${kind} ${cur}`;
      this.#sums.set(name, (this.#sums.get(name) ?? 0n) + BigInt(String(sum)));
    }
    const gaps = missing.filter((n) => n !== 0n).map((n) => ({ law: 'journal' as const, cur: '', drift: n }));
    return [...drifts(odd).map((one) => ({ law: 'journal' as const, ...one })), ...gaps];
  }

  async #compared(read: Reader): Promise<Drift[]> {
    const off = new Map(this.#sums);
    for (const { kind, cur, sum } of await read(
      `SELECT ${KIND} AS kind, cur, sum(amount) AS sum FROM balance GROUP BY 1, cur`,
    )) {
      const name = `${kind} ${cur}`;
      off.set(name, (off.get(name) ?? 0n) - BigInt(String(sum)));
    }
    const byCur = new Map<string, bigint>();
    for (const [name, drift] of off) {
      const cur = name.slice(name.indexOf(' ') + 1);
      byCur.set(cur, (byCur.get(cur) ?? 0n) + (drift < 0n ? -drift : drift));
    }
    return [...byCur].filter(([, drift]) => drift !== 0n).map(([cur, drift]) => ({ law: 'journal', cur, drift }));
  }
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
