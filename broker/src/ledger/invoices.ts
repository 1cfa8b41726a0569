// Invoices, what is billed and on none yet, and whether an account has paid what its invoices say.
import type { DatabaseSync } from 'node:sqlite';
import { type Crypto, type Currency, canonicalJson, objectHash, parseJson, signObject } from '@farthing/protocol';
import { type billing, type Invoice, invoiceSchema } from '@farthing/protocol/broker';
import * as v from 'valibot';
import { int, num, type Row, text } from './rows.ts';
import { currencyOf } from './scrip.ts';

export type BilledRow = billing.Billed;
/** A ledger account (`user:…`) in one currency. */
export type Party = { readonly account: string; readonly cur: Currency };

/** Invoices that are looked at for the oldest unpaid one: a year of months. */
const LOOKED_AT = 12;

export function openInvoices(db: DatabaseSync, { crypto, seed }: { crypto: Crypto; seed: Uint8Array }) {
  const parties = db.prepare(
    `SELECT DISTINCT source, cur FROM deal
     WHERE funding = 'credit' AND invoiced < credited AND (source, cur) > (?, ?) ORDER BY source, cur LIMIT ?`,
  );
  const unbilled = db.prepare(
    `SELECT session, vnd, credited - invoiced AS amount FROM deal
     WHERE source = ? AND cur = ? AND funding = 'credit' AND invoiced < credited ORDER BY vnd, session`,
  );
  const bill = db.prepare('UPDATE deal SET invoiced = credited WHERE session = ?');
  const firstBilled = db.prepare(
    `SELECT j.at_ms FROM posting p JOIN journal j ON j.seq = p.seq
     WHERE p.account = ? AND p.account <> 'float:scrip' AND p.cur = ? AND j.kind = 'payword-redeem'
     ORDER BY p.seq LIMIT 1`,
  );
  const newest = db.prepare('SELECT doc FROM invoice WHERE account = ? AND cur = ? ORDER BY number DESC LIMIT 1');
  const next = db.prepare(
    'SELECT doc FROM invoice WHERE account = ? AND cur = ? AND number > ? ORDER BY number LIMIT 1',
  );
  const count = db.prepare('SELECT max(number) AS most FROM invoice WHERE account = ? AND cur = ?');
  const lately = db.prepare(
    'SELECT seq, owed, due FROM invoice WHERE account = ? AND cur = ? ORDER BY number DESC LIMIT ?',
  );
  const paidIn = db.prepare(
    `SELECT coalesce(sum(amount), 0) AS amount FROM posting
     WHERE account = ? AND cur = ? AND seq > ? AND amount > 0 AND account > 'user:' AND account < 'user;'`,
  );
  const place = db.prepare(
    `SELECT (SELECT coalesce(max(n), 0) FROM invoice) + 1 AS n, (SELECT max(n) FROM stored_order) AS after_n,
       (SELECT max(seq) FROM journal) AS seq`,
  );
  const add = db.prepare(
    'INSERT INTO invoice (n, account, cur, number, after_n, seq, owed, due, doc, sig) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );

  return {
    /** Accounts with something billed that is on no invoice, in order, after `last`. */
    parties: (last: Party | undefined, most: number): Party[] =>
      parties.all(last?.account ?? '', last?.cur ?? '', most).map((row) => {
        return { account: text(row, 'source'), cur: currencyOf(row) };
      }),
    unbilled: ({ account, cur }: Party): BilledRow[] =>
      unbilled.all(account, cur).map((row) => {
        return { session: text(row, 'session'), vnd: text(row, 'vnd'), amount: int(row, 'amount') };
      }),
    /** When a site was first paid on an account. */
    firstBilledMs({ account, cur }: Party): number | undefined {
      const row = firstBilled.get(account, cur);
      return row && num(row, 'at_ms');
    },
    last({ account, cur }: Party): Invoice | undefined {
      const row = newest.get(account, cur);
      return row && invoiceOf(row);
    },
    next({ account, cur }: Party, after: number): Invoice | undefined {
      const row = next.get(account, cur, after);
      return row && invoiceOf(row);
    },
    count: ({ account, cur }: Party): number => Number(count.get(account, cur)?.['most'] ?? 0n),
    /** What it lists is billed from then on. */
    add(invoice: Invoice, { account, cur }: Party): void {
      const row = place.get() ?? {};
      const [n, after, seq] = [num(row, 'n'), num(row, 'after_n'), num(row, 'seq')];
      const signed = { typ: 'invoice-row/1', n, after, seq, hash: objectHash(invoice, crypto) };
      const { number, owed, due } = invoice;
      const sig = signObject(signed, seed, crypto);
      add.run(n, account, cur, number, after, seq, BigInt(owed), due, canonicalJson(invoice), sig);
      for (const line of invoice.lines) {
        if ('sessions' in line) for (const { session } of line.sessions) bill.run(session);
      }
    },
    /**
     * The moment (seconds) by which the oldest invoice had or has to be paid that is not, with what came in since taken
     * for the oldest debts first. `balance`: of the account now.
     */
    dueOf({ account, cur }: Party, balance: bigint): number | undefined {
      if (balance >= 0n) return undefined;
      let oldest: number | undefined;
      for (const row of lately.all(account, cur, LOOKED_AT)) {
        const since = paidIn.get(account, cur, int(row, 'seq'));
        if (!since || int(since, 'amount') >= int(row, 'owed')) break;
        oldest = num(row, 'due');
      }
      return oldest;
    },
  };
}

const invoiceOf = (row: Row): Invoice => v.parse(invoiceSchema, parseJson(text(row, 'doc')));
