// Invoices of customers on credit: what sites were paid on one account since its last invoice, session by session. Signed by
// the broker and linked to the invoice before, so that anyone with the broker's key can check one, or a row of them.
import * as v from 'valibot';
import type { Crypto } from '../core/crypto.ts';
import { amt0Text, amtText, brk, cur, h32, seconds, sig, signedText, u32, vnd } from '../core/decode.ts';
import { limits } from '../core/limits.ts';
import { objectHash, verifyObject } from '../core/sign.ts';

const line = v.strictObject({
  vnd,
  total: amtText,
  /** What was paid for each session since the last invoice; a session is the hash of its commitment or segment. */
  sessions: v.pipe(
    v.array(v.strictObject({ session: h32, amount: amtText })),
    v.minLength(1),
    v.maxLength(limits.invoiceSessions),
  ),
});

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
  lines: v.pipe(v.array(line), v.minLength(1), v.maxLength(limits.invoiceSessions)),
  billed: amtText,
  after: signedText,
  /** What the account owes after it, to be paid until `due`. */
  owed: amt0Text,
  due: seconds,
  sig,
});
export type Invoice = v.InferOutput<typeof invoiceSchema>;

export const owedOf = (after: bigint): bigint => (after < 0n ? -after : 0n);

/** Signed by the broker with the key `root` (h32), and its sums are right. `last`: it also follows this invoice. */
export function isGenuineInvoice(
  invoice: Invoice,
  { root, last }: { root: string; last?: Invoice | undefined },
  crypto: Crypto,
): boolean {
  const { before, moved, billed, after, owed, lines, number, prev, from } = invoice;
  const sum = (amounts: readonly string[]) => amounts.reduce((total, amount) => total + BigInt(amount), 0n);
  const adds =
    lines.every(({ total, sessions }) => sum(sessions.map(({ amount }) => amount)) === BigInt(total)) &&
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
