// Invoices against what was replayed: each lists all that was billed to an account since the one before, and its sums meet
// the balance in the journal.
import type { DatabaseSync } from 'node:sqlite';
import { type Crypto, canonicalJson, objectHash, parseJson, tryDecode, verifyObject } from '@farthing/protocol';
import { type Invoice, invoiceSchema, isGenuineInvoice } from '@farthing/protocol/broker';
import { type ChequeBills, nameOf, sumOf } from './cheque-bills.ts';
import type { Payment } from './cheque-model.ts';
import type { Findings } from './findings.ts';
import type { Deal } from './payword-deals.ts';
import type { Shelf } from './shelves.ts';
import { rowsOf, textCell } from './tables.ts';

/** Made after the order of number `after` and the journal entry `seq`. */
export type InvoiceRow = {
  readonly n: string;
  readonly after: number;
  readonly seq: bigint;
  readonly invoice: Invoice;
};

/** What an account must have at a journal entry, negative when it owes. */
export type Owed = { readonly row: string; readonly account: string; readonly balance: bigint };

type Auditor = { root: string; crypto: Crypto; findings: Findings };

/** False for a ledger that an older version wrote and the service has not taken over yet. */
export function hasInvoices(db: DatabaseSync): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'invoice'").get() !== undefined;
}

/** Those that the broker signed, in the order in which it made them; the rest are findings. */
export function readInvoices(db: DatabaseSync, { root, crypto, findings }: Auditor): InvoiceRow[] {
  const found: InvoiceRow[] = [];
  if (!hasInvoices(db)) return found;
  let next = 1n;
  const last = new Map<string, Invoice>();
  for (const row of rowsOf(db, 'SELECT * FROM invoice ORDER BY n')) {
    const n = String(row['n']);
    const fault = (column: string, expected: string) =>
      findings.add({ table: 'invoice', row: n, column, expected, found: textCell(row, column).slice(0, 100) });
    if (row['n'] !== next) fault('n', String(next));
    next++;
    const invoice = tryDecode(invoiceSchema, parseJson(textCell(row, 'doc')));
    if (!invoice || canonicalJson(invoice) !== row['doc']) {
      fault('doc', 'an invoice');
      continue;
    }
    const [after, seq] = [Number(row['after_n']), row['seq']];
    const signed = { typ: 'invoice-row/1', n: Number(n), after, seq: Number(seq), hash: objectHash(invoice, crypto) };
    if (!verifyObject(signed, root, textCell(row, 'sig'), crypto)) fault('sig', 'the signature of this broker');
    const account = `user:${invoice.account}`;
    const columns = { account, cur: invoice.cur, number: invoice.number, owed: invoice.owed, due: invoice.due };
    for (const [column, value] of Object.entries(columns)) {
      if (String(row[column]) !== String(value)) fault(column, String(value));
    }
    const party = `${account} ${invoice.cur}`;
    const before = last.get(party);
    const follows = before !== undefined || (invoice.number === 1 && invoice.prev === '' && invoice.before === '0');
    if (!follows || !isGenuineInvoice(invoice, { root, last: before }, crypto)) {
      fault('doc', 'an invoice that this broker signed, with right sums, after the last one');
    }
    last.set(party, invoice);
    if (typeof seq === 'bigint') found.push({ n, after, seq, invoice });
  }
  return found;
}

/** Invoices in step with the orders that are replayed. */
export class InvoiceModel {
  /** By journal entry. */
  readonly owed = new Map<bigint, Owed[]>();
  readonly #rows: readonly InvoiceRow[];
  readonly #bills: ChequeBills;
  readonly #findings: Findings;
  /** Names of cheques that are paid and on no invoice yet, by account, currency and site. */
  readonly #cheques = new Map<string, string[]>();
  /** Billed and on no invoice yet, by account and currency. */
  readonly #unbilled = new Map<string, bigint>();
  readonly #place = { next: 0 };

  constructor(rows: readonly InvoiceRow[], bills: ChequeBills, findings: Findings) {
    this.#rows = rows;
    this.#bills = bills;
    this.#findings = findings;
  }

  /** What a replay from here on has to know beside the shelves. */
  get kept() {
    const { owed } = this;
    return { owed, cheques: this.#cheques, unbilled: this.#unbilled, place: this.#place };
  }

  /** A site was paid on an account. */
  bill({ source, cur }: Deal, increase: bigint): void {
    this.#add(`${source} ${cur}`, increase);
  }

  /** A cheque was paid. */
  buy(payment: Payment): void {
    const { account, cur, vnd, amount } = payment;
    const name = `${account} ${cur} ${vnd}`;
    const bought = this.#cheques.get(name);
    if (bought) bought.push(nameOf(payment));
    else this.#cheques.set(name, [nameOf(payment)]);
    this.#add(`${account} ${cur}`, amount);
  }

  /** Takes the invoices that were made before the order of this number, and after no later entry than `seq`. */
  before(number: number, deals: Pick<Shelf<Deal>, 'get'>, seq?: bigint): void {
    for (let row = this.#rows[this.#place.next]; row && row.after < number; row = this.#rows[this.#place.next]) {
      if (seq !== undefined && row.seq > seq) return;
      this.#take(row, deals);
      this.#place.next++;
    }
  }

  /** @param orders how many there are */
  end(orders: number, deals: Pick<Shelf<Deal>, 'get'>): void {
    this.before(orders + 1, deals);
    for (const { n } of this.#rows.slice(this.#place.next)) this.#odd(n, 'an order before it');
  }

  #take({ n, seq, invoice }: InvoiceRow, deals: Pick<Shelf<Deal>, 'get'>): void {
    const account = `user:${invoice.account}`;
    const party = `${account} ${invoice.cur}`;
    for (const [at, line] of invoice.lines.entries()) {
      const { vnd, total } = line;
      if (!('sessions' in line)) {
        const name = `${party} ${vnd}`;
        const { taken, left } = this.#bills.taking(this.#cheques.get(name) ?? [], line.count);
        this.#cheques.set(name, left);
        for (const payment of taken) payment.invoice = BigInt(invoice.number);
        if (sumOf(taken) !== BigInt(total) || taken.length !== line.count) this.#odd(n, `all cheques to ${vnd}`);
        this.#bills.add({ table: 'invoice', row: n, root: line.root, epoids: taken.map(nameOf) }, at);
        this.#add(party, -BigInt(total));
        continue;
      }
      const { sessions } = line;
      for (const { session, amount } of sessions) {
        const deal = deals.get(session);
        const theirs = deal?.chain === undefined && deal?.source === account && deal.vnd === vnd;
        if (!deal || !theirs || deal.cur !== invoice.cur || deal.credited - deal.invoiced !== BigInt(amount)) {
          this.#odd(n, `what was billed for ${session} since the invoice before`);
          continue;
        }
        deal.invoiced = deal.credited;
        this.#add(party, -BigInt(amount));
      }
    }
    const balance = BigInt(invoice.after) - (this.#unbilled.get(party) ?? 0n);
    const there = this.owed.get(seq) ?? [];
    this.owed.set(seq, [...there, { row: n, account: party, balance }]);
  }

  #add(party: string, amount: bigint): void {
    this.#unbilled.set(party, (this.#unbilled.get(party) ?? 0n) + amount);
  }

  #odd(row: string, expected: string): void {
    this.#findings.add({ table: 'invoice', row, expected, found: 'something else' });
  }
}
