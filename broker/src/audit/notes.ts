// Credit notes against what was replayed: each lists all that a site was paid by cheque since the one before, and its sums meet
// the balance in the journal.
import type { DatabaseSync } from 'node:sqlite';
import { type Crypto, canonicalJson, objectHash, parseJson, tryDecode, verifyObject } from '@farthing/protocol';
import { type CreditNote, creditNoteSchema, isGenuineNote } from '@farthing/protocol/broker';
import { type ChequeBills, nameOf, sumOf } from './cheque-bills.ts';
import type { Payment } from './cheque-model.ts';
import type { Findings } from './findings.ts';
import type { Owed } from './invoices.ts';
import { rowsOf, textCell } from './tables.ts';

/** Made after the order of number `after` and the journal entry `seq`. */
export type NoteRow = { readonly n: string; readonly after: number; readonly seq: bigint; readonly note: CreditNote };

type Auditor = { root: string; crypto: Crypto; findings: Findings };

const hasNotes = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'credit_note'").get() !== undefined;

/** Those that the broker signed, in the order in which it made them; the rest are findings. */
export function readNotes(db: DatabaseSync, { root, crypto, findings }: Auditor): NoteRow[] {
  const found: NoteRow[] = [];
  if (!hasNotes(db)) return found;
  let next = 1n;
  const last = new Map<string, CreditNote>();
  for (const row of rowsOf(db, 'SELECT * FROM credit_note ORDER BY n')) {
    const n = String(row['n']);
    const fault = (column: string, expected: string) =>
      findings.add({ table: 'credit_note', row: n, column, expected, found: textCell(row, column).slice(0, 100) });
    if (row['n'] !== next) fault('n', String(next));
    next++;
    const note = tryDecode(creditNoteSchema, parseJson(textCell(row, 'doc')));
    if (!note || canonicalJson(note) !== row['doc']) {
      fault('doc', 'a credit note');
      continue;
    }
    const [after, seq] = [Number(row['after_n']), row['seq']];
    const signed = { typ: 'credit-note-row/1', n: Number(n), after, seq: Number(seq), hash: objectHash(note, crypto) };
    if (!verifyObject(signed, root, textCell(row, 'sig'), crypto)) fault('sig', 'the signature of this broker');
    for (const [column, value] of Object.entries({ vnd: note.vnd, cur: note.cur, number: note.number })) {
      if (String(row[column]) !== String(value)) fault(column, String(value));
    }
    const party = `${note.vnd} ${note.cur}`;
    const before = last.get(party);
    const follows = before !== undefined || (note.number === 1 && note.prev === '' && note.before === '0');
    if (!follows || !isGenuineNote(note, { root, last: before }, crypto)) {
      fault('doc', 'a credit note that this broker signed, with right sums, after the last one');
    }
    last.set(party, note);
    if (typeof seq === 'bigint') found.push({ n, after, seq, note });
  }
  return found;
}

/** Credit notes in step with the orders that are replayed. */
export class NoteModel {
  /** By journal entry. */
  readonly owed = new Map<bigint, Owed[]>();
  readonly #rows: readonly NoteRow[];
  readonly #bills: ChequeBills;
  readonly #findings: Findings;
  /** Names of what is paid and on no note yet, by site and currency. */
  readonly #sold = new Map<string, string[]>();
  readonly #place = { next: 0 };

  constructor(rows: readonly NoteRow[], bills: ChequeBills, findings: Findings) {
    this.#rows = rows;
    this.#bills = bills;
    this.#findings = findings;
  }

  /** What a replay from here on has to know beside the shelves. */
  get kept() {
    return { owed: this.owed, sold: this.#sold, place: this.#place };
  }

  /** A cheque was paid. */
  sell(payment: Payment): void {
    const name = `${payment.vnd} ${payment.cur}`;
    const sold = this.#sold.get(name);
    if (sold) sold.push(nameOf(payment));
    else this.#sold.set(name, [nameOf(payment)]);
  }

  /** Takes the notes that were made before the order of this number, and after no later entry than `seq`. */
  before(number: number, seq?: bigint): void {
    for (let row = this.#rows[this.#place.next]; row && row.after < number; row = this.#rows[this.#place.next]) {
      if (seq !== undefined && row.seq > seq) return;
      this.#take(row);
      this.#place.next++;
    }
  }

  /** @param orders how many there are */
  end(orders: number): void {
    this.before(orders + 1);
    for (const { n } of this.#rows.slice(this.#place.next)) this.#odd(n, 'an order before it');
  }

  #take({ n, seq, note }: NoteRow): void {
    const name = `${note.vnd} ${note.cur}`;
    for (const [at, { count, total, fee, root }] of note.lines.entries()) {
      const { taken, left } = this.#bills.taking(this.#sold.get(name) ?? [], count);
      this.#sold.set(name, left);
      for (const payment of taken) payment.note = BigInt(note.number);
      if (sumOf(taken) !== BigInt(total) || feesOf(taken) !== BigInt(fee) || taken.length !== count) {
        this.#odd(n, 'all cheques since the note before');
      }
      this.#bills.add({ table: 'credit_note', row: n, root, epoids: taken.map(nameOf) }, at);
    }
    const open = this.#bills.look(this.#sold.get(name) ?? []);
    const balance = BigInt(note.after) + sumOf(open) - feesOf(open);
    const there = this.owed.get(seq) ?? [];
    this.owed.set(seq, [...there, { row: n, account: `vendor:${name}`, balance }]);
  }

  #odd(row: string, expected: string): void {
    this.#findings.add({ table: 'credit_note', row, expected, found: 'something else' });
  }
}

const feesOf = (payments: readonly Payment[]): bigint => payments.reduce((sum, { fee }) => sum + fee, 0n);
