// What PayWord asks of the broker: `core/orders.ts` explains orders and answers. All are POST under /v1/payword.
import * as v from 'valibot';
import { amt, amt0, base64urlText, boundedText, cur, h32, id16, seconds, u32, vnd } from '../core/decode.ts';
import { invoiceSchema } from '../core/invoice.ts';
import { limits } from '../core/limits.ts';
import { orderSchema, prevBatch, redemptionSchema } from '../core/orders.ts';
import { anchorSchema, closeSchema, daycertSchema, deedSchema, lastSchema, ticketSchema } from './wire.ts';

const index = v.pipe(u32, v.minValue(1), v.maxValue(limits.chainLength));

/** /v1/payword/cert: a certificate for the day key `pk` at one site, up to `limit`. */
export const paywordCertOrder = orderSchema('payword-cert/1', { vnd, pk: h32, cur, limit: amt });
export const paywordCertResult = v.object({ cert: daycertSchema });

/** /v1/payword/buy: sells the chain with this anchor for n × unit, from the account. `ttl` in seconds. */
export const paywordBuyOrder = orderSchema('payword-buy/1', {
  anchor: anchorSchema,
  unit: amt,
  cur,
  ttl: v.pipe(u32, v.minValue(limits.scripTtlMinMs / 1000), v.maxValue(limits.chainTtlMaxMs / 1000)),
});
export const paywordBuyResult = v.object({
  chain: v.object({ id: id16, n: index, unit: amt, next: u32, exp: seconds, closed: v.boolean() }),
  balance: amt0,
  cur,
});

/**
 * /v1/payword/tickets: allots the indices `first`…`last` of a chain to a site (`from` is the key that asks).
 * `auth` `hmac` needs a site that shares a key with the broker.
 */
export const paywordTicketsOrder = orderSchema('payword-tickets/1', {
  chainId: id16,
  vnd,
  first: index,
  last: index,
  auth: v.picklist(['hmac', 'ed25519']),
});
export const paywordTicketsResult = v.object({ ticket: ticketSchema });

/** /v1/payword/keys: the site's K_VB (32 bytes) sealed to the broker, context = `payword-key ` + vnd. */
export const paywordKeyOrder = orderSchema('payword-key/1', { vnd, box: base64urlText(256) });
export const paywordKeyResult = v.object({ vnd });

/** `deed` comes with the first claim of a session; the broker remembers it. */
export const paywordClaim = v.strictObject({
  session: h32,
  cum: amt,
  last: lastSchema,
  deed: v.exactOptional(deedSchema),
});

/** /v1/payword/redeem: totals per session so far. `prev` is the hash of the last batch that was answered, "" for the first. */
export const paywordRedeemOrder = orderSchema('payword-redeem/1', {
  vnd,
  prev: prevBatch,
  claims: v.pipe(v.array(paywordClaim), v.minLength(1), v.maxLength(limits.paywordClaims)),
});

/** As for scrip. `later`: the batch was too much work, claim it again. `deed`: unknown session, send its deed. */
export const paywordRedeemResult = v.object({
  redemption: redemptionSchema,
  sessions: v.array(
    v.object({
      session: h32,
      credited: amt0,
      alarm: v.exactOptional(boundedText(32)),
      later: v.exactOptional(v.boolean()),
    }),
  ),
  balance: amt0,
  cur,
});

/** /v1/payword/close: closings that sites signed. `refund` also ends the chain and pays its rest back, `keep` goes on with it. */
export const paywordCloseOrder = orderSchema('payword-close/1', {
  closings: v.pipe(v.array(closeSchema), v.maxLength(limits.sessionDeeds)),
  chainId: v.exactOptional(id16),
  rest: v.picklist(['keep', 'refund']),
});
export const paywordCloseResult = v.object({ refunded: amt0, next: v.exactOptional(u32), balance: amt0, cur });

/** /v1/payword/poll: a site reports one payment in many. */
export const paywordPollOrder = orderSchema('payword-poll/1', { vnd, sub: id16, cur, amount: amt });
export const paywordPollResult = v.object({ answer: v.picklist(['ok', 'limit', 'deny']) });

/** /v1/payword/invoices: a signed read. The account's next invoice after number `after`; `count` is how many there are. */
export const paywordInvoicesOrder = orderSchema('payword-invoices/1', { cur, after: v.optional(u32, 0) });
export const paywordInvoicesResult = v.object({ count: u32, invoice: v.exactOptional(invoiceSchema) });
