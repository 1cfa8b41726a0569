// Day certificates: a broker lets a key promise its customer's money, at one site, up to a limit, for a day. PayWord on credit
// and cheques rest on them (PayWord's certificates; MiniPay's and NetBill's accounts).
import * as v from 'valibot';
import { amt0Text, amtText, brk, cur, h32, id16, seconds, sig, vnd } from './decode.ts';

/** How well a customer was identified, or a key is kept: 0 password and code, 1 passkey, 2 a wallet's key. */
export const levelSchema = v.picklist([0, 1, 2]);
export type Level = v.InferOutput<typeof levelSchema>;

/** `perDay` bounds all that the site may be promised in a day; `level` says how well the customer was identified. */
export const daycertSchema = v.strictObject({
  typ: v.literal('daycert/1'),
  brk,
  /** What the key may sign: cheques; absent: commitments of PayWord. What was certified for one is nothing to the other. */
  use: v.exactOptional(v.literal('cheque')),
  /** Pseudonym of the account, another one for each vendor. */
  sub: id16,
  pk: h32,
  /** `*`: at any site, where the broker is asked for each payment. */
  vnd: v.union([vnd, v.literal('*')]),
  cur,
  /** What the site may serve unasked. 0: the broker is asked for each payment. */
  limit: amt0Text,
  perDay: amtText,
  level: levelSchema,
  nbf: seconds,
  exp: seconds,
  sig,
});
export type DayCert = v.InferOutput<typeof daycertSchema>;
