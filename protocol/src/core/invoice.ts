// Invoices of customers and credit notes of sites: what was paid since the last one. Signed by the broker and linked to the one
// before, so that anyone with the broker's key can check one, or a row of them. Payments that have a receipt each stand there as
// a count and a Merkle root: whoever has the receipt can show that it is among them, nobody else can tell.
import * as v from 'valibot';
import { fromBase64url, utf8 } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { amt0Text, amtText, brk, cur, h32, seconds, sig, signedText, u32, vnd } from './decode.ts';
import { limits } from './limits.ts';
import { isUnder, merkleLeaf } from './merkle.ts';
import { objectHash, verifyObject } from './sign.ts';

const sessionsLine = v.strictObject({
  vnd,
  total: amtText,
  /** What was paid for each session since the last invoice; a session is the hash of its commitment or segment. */
  sessions: v.pipe(
    v.array(v.strictObject({ session: h32, amount: amtText })),
    v.minLength(1),
    v.maxLength(limits.invoiceSessions),
  ),
});

const count = v.pipe(u32, v.minValue(1), v.maxValue(limits.lineReceipts));

/** Cheques that were paid to one site; `root` is over the hashes of their receipts, in the order of their epoids. */
const chequesLine = v.strictObject({ vnd, method: v.literal('cheque'), total: amtText, count, root: h32 });

/**
 * `before` + `moved` − `billed` = `after`, in base units; negative is owed. `moved`: all else that happened to the account,
 * such as money paid in or spent on chains. A period with more sessions than one invoice holds has several.
 */
export const invoiceSchema = v.strictObject({
  typ: v.literal('invoice/1'),
  brk,
  account: h32,
  cur,
  /** Counts the invoices of this account and currency, from 1. */
  number: v.pipe(u32, v.minValue(1)),
  /** Hash of the invoice before, "" for the first. */
  prev: v.union([v.literal(''), h32]),
  /** Seconds. */
  from: seconds,
  to: seconds,
  before: signedText,
  moved: signedText,
  lines: v.pipe(v.array(v.union([sessionsLine, chequesLine])), v.minLength(1), v.maxLength(limits.invoiceSessions)),
  billed: amtText,
  after: signedText,
  /** What the account owes after it, to be paid until `due`. */
  owed: amt0Text,
  due: seconds,
  sig,
});
export type Invoice = v.InferOutput<typeof invoiceSchema>;

const sum = (amounts: readonly string[]): bigint => amounts.reduce((total, amount) => total + BigInt(amount), 0n);

export const owedOf = (after: bigint): bigint => (after < 0n ? -after : 0n);

/** Signed by the broker with the key `root` (h32), and its sums are right. `last`: it also follows this invoice. */
export function isGenuineInvoice(
  invoice: Invoice,
  { root, last }: { root: string; last?: Invoice | undefined },
  crypto: Crypto,
): boolean {
  const { before, moved, billed, after, owed, lines, number, prev, from } = invoice;
  const adds =
    lines.every(
      (line) => !('sessions' in line) || sum(line.sessions.map(({ amount }) => amount)) === BigInt(line.total),
    ) &&
    sum(lines.map(({ total }) => total)) === BigInt(billed) &&
    BigInt(before) + BigInt(moved) - BigInt(billed) === BigInt(after) &&
    owedOf(BigInt(after)) === BigInt(owed);
  const follows =
    last === undefined ||
    (number === last.number + 1 &&
      prev === objectHash(last, crypto) &&
      before === last.after &&
      from === last.to &&
      invoice.account === last.account &&
      invoice.cur === last.cur);
  return adds && follows && verifyObject(invoice, root, invoice.sig, crypto);
}

/** `before` + `moved` + `credited` = `after`: the site's account, as an invoice tells a customer's. `fee` is the broker's. */
export const creditNoteSchema = v.strictObject({
  typ: v.literal('credit-note/1'),
  brk,
  vnd,
  cur,
  /** Counts the credit notes of this site and currency, from 1. */
  number: v.pipe(u32, v.minValue(1)),
  prev: v.union([v.literal(''), h32]),
  /** Seconds. */
  from: seconds,
  to: seconds,
  before: amt0Text,
  moved: signedText,
  /** Of all customers together: a line for each would tell whoever reads the note how many there are and what each spends. */
  lines: v.pipe(
    v.array(v.strictObject({ method: v.literal('cheque'), total: amtText, fee: amt0Text, count, root: h32 })),
    v.minLength(1),
    v.maxLength(limits.noteLines),
  ),
  total: amtText,
  fee: amt0Text,
  credited: amt0Text,
  after: amt0Text,
  sig,
});
export type CreditNote = v.InferOutput<typeof creditNoteSchema>;

/** Signed by the broker with the key `root` (h32), and its sums are right. `last`: it also follows this note. */
export function isGenuineNote(
  note: CreditNote,
  { root, last }: { root: string; last?: CreditNote | undefined },
  crypto: Crypto,
): boolean {
  const { before, moved, credited, after, total, fee, lines, number, prev, from } = note;
  const adds =
    sum(lines.map((line) => line.total)) === BigInt(total) &&
    sum(lines.map((line) => line.fee)) === BigInt(fee) &&
    BigInt(total) - BigInt(fee) === BigInt(credited) &&
    BigInt(before) + BigInt(moved) + BigInt(credited) === BigInt(after);
  const follows =
    last === undefined ||
    (number === last.number + 1 &&
      prev === objectHash(last, crypto) &&
      before === last.after &&
      from === last.to &&
      note.vnd === last.vnd &&
      note.cur === last.cur);
  return adds && follows && verifyObject(note, root, note.sig, crypto);
}

/** The leaf of a receipt, named by its hash (h32), under the root of a line. */
export const receiptLeaf = (receipt: string, crypto: Crypto): Uint8Array => merkleLeaf(utf8(receipt), crypto);

/** Where a broker says that a receipt stands: number `index` of the `count` receipts under `root`. Hashes are h32. */
export type Place = {
  readonly index: number;
  readonly count: number;
  readonly path: readonly string[];
  readonly root: string;
};

/**
 * Does the receipt (its hash, h32) stand on this line of a signed paper? Nobody has to believe who says so.
 * @returns `false` too when the place belongs to another line
 */
export function standsOn(
  receipt: string,
  { index, count: of, path, root }: Place,
  line: { readonly count: number; readonly root: string },
  crypto: Crypto,
): boolean {
  const bytes = (hash: string) => fromBase64url(hash) ?? new Uint8Array();
  const place = { index, count: of, path: path.map(bytes), root: bytes(root) };
  return of === line.count && root === line.root && isUnder(receiptLeaf(receipt, crypto), place, crypto);
}
