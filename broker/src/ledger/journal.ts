// The double-entry journal: append-only, hash-linked, each entry's postings sum to zero per currency.

import { type Crypto, type Currency, canonicalJson, concat, limits, PaymentProblem, utf8 } from '@farthing/protocol';
import type { Books } from '../books/port.ts';
import { blob, int, num, text } from './rows.ts';

/** Accounts as they stand in the database. */
export const account = {
  user: (pk: string) => `user:${pk}`,
  /** The public key of a customer's account. */
  keyOf: (name: string) => name.slice('user:'.length),
  vendor: (vnd: string) => `vendor:${vnd}`,
  /** What we owe a broker that we clear with; below zero: what it owes us. */
  peer: (brk: string) => `peer:${brk}`,
  scrip: 'float:scrip',
  chains: 'float:chain',
  /** What coins in hands are worth; what is held for sites that have not captured it. */
  ecash: 'float:ecash',
  ecashHeld: 'hold:ecash',
  /** Money of customers that is aside for certificates, and for payments that sites have not captured. */
  cheques: 'hold:cheque',
  faucet: 'external:faucet',
  vouchers: 'external:voucher',
  /** Transfers between brokers, outside of these books. */
  transfers: 'external:clearing',
  fees: 'fees',
  unclaimed: 'unclaimed',
} as const;

/**
 * `sub` names the piece on `float:scrip`, the chain on `float:chain`, the certificate or payment on `hold:cheque`: what each holds
 * is an account of its own.
 */
export type Posting = {
  readonly account: string;
  readonly sub?: string;
  readonly cur: Currency;
  readonly amount: bigint;
};
export type Entry = {
  readonly atMs: number;
  readonly kind: string;
  readonly ref: string;
  /** The order that caused it; `undefined` for what the broker does by itself. */
  readonly order: { readonly from: string; readonly rid: string } | undefined;
  readonly postings: readonly Posting[];
  /** Accounts that may fall below zero, and how far. Nothing else lets a customer's balance do so. */
  readonly overdraft?: ReadonlyMap<string, bigint>;
};
export type Line = {
  readonly seq: number;
  readonly atMs: number;
  readonly kind: string;
  readonly amount: bigint;
  readonly ref: string;
};

export type Journal = ReturnType<typeof openJournal>;

const START = new Uint8Array(32);

/** All of it must be called inside a transaction, except the reads. */
export function openJournal(db: Books, crypto: Crypto) {
  const head = db.prepare('SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1');
  const addEntry = db.prepare(
    'INSERT INTO journal (seq, at_ms, kind, ref, from_key, rid, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const addPosting = db.prepare('INSERT INTO posting (seq, n, account, sub, cur, amount) VALUES (?, ?, ?, ?, ?, ?)');
  /** Of other accounts than customers', whose payments are asked for when they are overdue. */
  const addUnread = db.prepare('INSERT INTO posting (seq, n, account, sub, cur, amount) VALUES (?, ?, ?, ?, ?, ?)', {
    unread: true,
  });
  // Most entries have two.
  const addTwo = db.prepare(
    `INSERT INTO posting (seq, n, account, sub, cur, amount) VALUES (?1, 0, ?2, ?3, ?4, ?5), (?1, 1, ?6, ?7, ?8, ?9)`,
    { rows: [] },
  );
  const getBalance = db.prepare('SELECT amount FROM balance WHERE account = ? AND cur = ?');
  const setBalance = db.prepare(
    'INSERT INTO balance (account, cur, amount) VALUES (?, ?, ?) ON CONFLICT (account, cur) DO UPDATE SET amount = excluded.amount',
  );
  const getLines = db.prepare(
    `SELECT j.seq, j.at_ms, j.kind, j.ref, p.amount FROM posting p JOIN journal j ON j.seq = p.seq
     WHERE p.account = ? AND p.account <> 'float:scrip' AND p.cur = ? AND p.seq > ? ORDER BY p.seq LIMIT ?`,
    { asOf: 'start' },
  );

  const balance = (name: string, cur: Currency): bigint => {
    const row = getBalance.get(name, cur);
    return row ? int(row, 'amount') : 0n;
  };

  /** Books what postings add up to per account. @throws {PaymentProblem} `balance-short`, `balance-full` */
  const book = ({ postings, overdraft }: Entry): void => {
    const sums = new Map<string, { name: string; cur: Currency; amount: bigint }>();
    for (const { account: name, cur, amount } of postings) {
      const sum = sums.get(`${cur} ${name}`);
      if (sum) sum.amount += amount;
      else sums.set(`${cur} ${name}`, { name, cur, amount });
    }
    db.foresee(() => {
      head.get();
      for (const { name, cur } of sums.values()) getBalance.get(name, cur);
    });
    for (const { name, cur, amount } of sums.values()) {
      const next = balance(name, cur) + amount;
      const floor = -(overdraft?.get(name) ?? 0n);
      // Who owes may always pay back a part.
      if (amount < 0n && next < floor && !name.startsWith('external:')) {
        throw new PaymentProblem('balance-short', { members: { shortBy: (floor - next).toString() } });
      }
      const most = name.startsWith('user:') || name.startsWith('vendor:') ? limits.amountMax : limits.sumMax;
      if (next > most || next < -limits.sumMax) throw new PaymentProblem('balance-full');
      setBalance.run(name, cur, next);
    }
  };

  /** Appends one entry and moves the balances. @returns its sequence number */
  const post = (entry: Entry): number => {
    assertBalanced(entry.postings);
    book(entry);
    const last = head.get();
    const seq = last ? num(last, 'seq') + 1 : 1;
    const prev = last ? blob(last, 'hash') : START;
    const { from = null, rid = null } = entry.order ?? {};
    const hash = crypto.sha256(concat(prev, utf8(entryText(seq, entry))));
    addEntry.run(seq, entry.atMs, entry.kind, entry.ref, from, rid, prev, hash);
    const [a, b, ...more] = entry.postings;
    if (a && b && more.length === 0) {
      addTwo.run(seq, a.account, a.sub ?? '', a.cur, a.amount, b.account, b.sub ?? '', b.cur, b.amount);
      return seq;
    }
    entry.postings.forEach(({ account: name, sub = '', cur, amount }, n) => {
      const add = name.startsWith('user:') ? addPosting : addUnread;
      add.run(seq, n, name, sub, cur, amount);
    });
    return seq;
  };

  /** As answers show it: an account that owes has nothing. */
  const shown = (name: string, cur: Currency): string => {
    const amount = balance(name, cur);
    return (amount < 0n ? 0n : amount).toString();
  };

  /** What an account gained and lost, oldest first, after the entry `after`. */
  const lines = (name: string, cur: Currency, page: { after: number; limit: number }): Line[] =>
    getLines.all(name, cur, page.after, page.limit).map((row) => ({
      seq: num(row, 'seq'),
      atMs: num(row, 'at_ms'),
      kind: text(row, 'kind'),
      amount: int(row, 'amount'),
      ref: text(row, 'ref'),
    }));

  /** Names what an entry asks for that moves these. */
  const foresee = (names: readonly string[], cur: Currency): void => {
    head.get();
    for (const name of names) getBalance.get(name, cur);
  };

  return { post, balance, shown, lines, foresee };
}

/** Canonical JSON of an entry: what its hash covers beside the hash of the entry before. Written out, member by member in order. */
function entryText(seq: number, { atMs, kind, ref, order, postings }: Entry): string {
  const lines = postings.map(
    ({ account: name, sub = '', cur, amount }) => `[${canonicalJson(name)},${canonicalJson(sub)},"${cur}","${amount}"]`,
  );
  const { from = null, rid = null } = order ?? {};
  return (
    `{"at":${atMs},"from":${canonicalJson(from)},"kind":${canonicalJson(kind)},"postings":[${lines.join(',')}],` +
    `"ref":${canonicalJson(ref)},"rid":${canonicalJson(rid)},"seq":${seq}}`
  );
}

function assertBalanced(postings: readonly Posting[]): void {
  const sums = new Map<Currency, bigint>();
  for (const { cur, amount } of postings) {
    if (amount === 0n) throw new Error('a posting of zero');
    sums.set(cur, (sums.get(cur) ?? 0n) + amount);
  }
  if (postings.length < 2 || [...sums.values()].some((sum) => sum !== 0n)) {
    throw new Error('the postings of an entry must sum to zero');
  }
}
