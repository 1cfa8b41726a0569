// Invoices, what is billed and on none yet (sessions on credit, and cheques), and whether an account has paid what they say.

import {
  type Crypto,
  type Currency,
  canonicalJson,
  limits,
  objectHash,
  parseJson,
  signObject,
} from '@farthing/protocol';
import { type billing, chequeReceiptSchema, type Invoice, invoiceSchema } from '@farthing/protocol/broker';
import * as v from 'valibot';
import type { Books } from '../books/port.ts';
import { LAST_ENTRY, LAST_ORDER } from './orders.ts';
import { int, num, type Row, text } from './rows.ts';
import { currencyOf } from './scrip.ts';

export type BilledRow = billing.Billed;
/** A ledger account (`user:…`) in one currency. */
export type Party = { readonly account: string; readonly cur: Currency };

/** Invoices that are looked at for the oldest unpaid one: a year of months. */
const LOOKED_AT = 12;

export function openInvoices(db: Books, { crypto, seed }: { crypto: Crypto; seed: Uint8Array }) {
  const parties = db.prepare(
    `SELECT source, cur FROM deal WHERE funding = 'credit' AND invoiced < credited AND (source, cur) > (?1, ?2)
     UNION SELECT account, cur FROM cheque
     WHERE state = 'paid' AND invoice IS NULL AND (account, cur) > (?1, ?2) ORDER BY source, cur LIMIT ?3`,
    { asOf: 'start' },
  );
  const unbilled = db.prepare(
    `SELECT session, vnd, credited - invoiced AS amount FROM deal
     WHERE source = ? AND cur = ? AND funding = 'credit' AND invoiced < credited ORDER BY vnd, session`,
  );
  const unbilledCheques = db.prepare(
    `SELECT vnd, amount, fee, receipt FROM cheque
     WHERE account = ? AND cur = ? AND state = 'paid' AND invoice IS NULL ORDER BY vnd, epoid`,
  );
  const firstBought = db.prepare(
    `SELECT min(receipt ->> '$.at') AS at FROM cheque WHERE account = ? AND cur = ? AND state = 'paid' AND invoice IS NULL`,
    { rows: ["cheque WHERE account = ?1 AND cur = ?2 AND state = 'paid' AND invoice IS NULL"] },
  );
  const billCheques = db.prepare(
    `UPDATE cheque SET invoice = ?1 WHERE vnd = ?2 AND epoid IN (SELECT epoid FROM cheque
     WHERE account = ?3 AND cur = ?4 AND vnd = ?2 AND state = 'paid' AND invoice IS NULL ORDER BY epoid LIMIT ?5)`,
    { rows: ["cheque WHERE account = ?3 AND cur = ?4 AND state = 'paid' AND invoice IS NULL"] },
  );
  const onInvoice = db.prepare(
    'SELECT epoid, receipt FROM cheque WHERE account = ? AND cur = ? AND invoice = ? AND vnd = ? ORDER BY epoid',
  );
  const bill = db.prepare('UPDATE deal SET invoiced = credited WHERE session = ?');
  const firstBilled = db.prepare(
    `SELECT j.at_ms FROM posting p JOIN journal j ON j.seq = p.seq
     WHERE p.account = ? AND p.account <> 'float:scrip' AND p.cur = ? AND j.kind = 'payword-redeem'
     ORDER BY p.seq LIMIT 1`,
    { asOf: 'start' },
  );
  const newest = db.prepare('SELECT doc FROM invoice WHERE account = ? AND cur = ? ORDER BY number DESC LIMIT 1');
  const next = db.prepare(
    'SELECT doc FROM invoice WHERE account = ? AND cur = ? AND number > ? ORDER BY number LIMIT 1',
  );
  const count = db.prepare('SELECT max(number) AS most FROM invoice WHERE account = ? AND cur = ?', {
    rows: ['invoice WHERE account = ?1 AND cur = ?2 ORDER BY number DESC LIMIT 1'],
  });
  const lately = db.prepare(
    'SELECT seq, owed, due FROM invoice WHERE account = ? AND cur = ? AND seq >= ? ORDER BY number DESC LIMIT ?',
  );
  const paidIn = db.prepare(
    `SELECT coalesce(sum(amount), 0) AS amount FROM posting
     WHERE account = ? AND cur = ? AND seq > ? AND amount > 0 AND account > 'user:' AND account < 'user;'`,
  );
  const place = db.prepare(
    `SELECT (SELECT coalesce(max(n), 0) FROM invoice) + 1 AS n, (SELECT max(n) FROM stored_order) AS after_n,
       (SELECT max(seq) FROM journal) AS seq`,
    { rows: ['invoice ORDER BY n DESC LIMIT 1', LAST_ORDER, LAST_ENTRY] },
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
    unbilled: ({ account, cur }: Party): BilledRow[] => [
      ...unbilled.all(account, cur).map((row) => {
        return { session: text(row, 'session'), vnd: text(row, 'vnd'), amount: int(row, 'amount') };
      }),
      ...linesOf(unbilledCheques.all(account, cur), crypto),
    ],
    /** When a site was first paid on an account, of what is on no invoice or of all time (ms). */
    firstBilledMs({ account, cur }: Party): number | undefined {
      const row = firstBilled.get(account, cur);
      const bought = firstBought.get(account, cur)?.['at'];
      const moments = [row && num(row, 'at_ms'), bought ? Number(bought) * 1000 : undefined];
      const known = moments.filter((ms) => ms !== undefined);
      return known.length > 0 ? Math.min(...known) : undefined;
    },
    /** The cheques to one site that an invoice lists, in order. */
    listed: ({ account, cur }: Party, number: number, vnd: string): ListedRow[] =>
      onInvoice.all(account, cur, number, vnd).map((row) => listedOf(row, crypto)),
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
      db.gather(() => {
        for (const line of invoice.lines)
          if ('sessions' in line) for (const { session } of line.sessions) bill.run(session);
      });
      for (const line of invoice.lines) {
        if ('sessions' in line) for (const { session } of line.sessions) bill.run(session);
        else billCheques.run(number, line.vnd, account, cur, line.count);
      }
    },
    /**
     * The moment (seconds) by which the oldest invoice had or has to be paid that is not, with what came in since taken
     * for the oldest debts first. `balance`: of the account now. `openedAt`: the last entry that is archived; what was on an
     * invoice before it was paid.
     */
    dueOf({ account, cur }: Party, { balance, openedAt }: { balance: bigint; openedAt: number }): number | undefined {
      if (balance >= 0n) return undefined;
      let oldest: number | undefined;
      for (const row of lately.all(account, cur, openedAt, LOOKED_AT)) {
        const since = paidIn.get(account, cur, int(row, 'seq'));
        if (!since || int(since, 'amount') >= int(row, 'owed')) break;
        oldest = num(row, 'due');
      }
      return oldest;
    },
  };
}

const invoiceOf = (row: Row): Invoice => v.parse(invoiceSchema, parseJson(text(row, 'doc')));

/** A payment on a line, by the hash of its receipt. */
export type ListedRow = { readonly epoid: string; readonly receipt: string };

export const listedOf = (row: Row, crypto: Crypto): ListedRow => ({
  epoid: text(row, 'epoid'),
  receipt: receiptHash(row, crypto),
});

const receiptHash = (row: Row, crypto: Crypto): string =>
  objectHash(v.parse(chequeReceiptSchema, parseJson(text(row, 'receipt'))), crypto);

type Line = billing.BilledCheques & billing.Sold;

/** Rows in the order of sites and epoids, as lines that are not too long. */
export function linesOf(rows: readonly Row[], crypto: Crypto): Line[] {
  const lines: (Omit<Line, 'receipts'> & { receipts: string[] })[] = [];
  for (const row of rows) {
    const vnd = text(row, 'vnd');
    let line = lines.at(-1);
    if (line?.vnd !== vnd || line.receipts.length === limits.lineReceipts) {
      line = { vnd, amount: 0n, fee: 0n, receipts: [] };
      lines.push(line);
    }
    line.receipts.push(receiptHash(row, crypto));
    lines[lines.length - 1] = { ...line, amount: line.amount + int(row, 'amount'), fee: line.fee + int(row, 'fee') };
  }
  return lines;
}
