// What scrip asks of the broker: `core/orders.ts` explains orders and answers. All are POST under /v1/scrip.
import * as v from 'valibot';
import { amt, amt0, base64urlText, cur, h32, vnd } from '../core/decode.ts';
import { limits } from '../core/limits.ts';
import { orderSchema, prevBatch, redemptionSchema } from '../core/orders.ts';
import { claimSchema, licenceSchema, releaseSchema, scripSchema } from './wire.ts';

const ttl = v.pipe(
  v.number(),
  v.safeInteger(),
  v.minValue(limits.scripTtlMinMs / 1000),
  v.maxValue(limits.scripTtlMaxMs / 1000),
);

/** Broker scrip that pays for an order instead of the account. `proof` binds it to the order's rid. */
const funds = v.strictObject({ scrip: scripSchema, proof: h32 });

/** /v1/scrip/buy: `count` pieces of `val` each. `ttl` in seconds. `use: 'bearer'`: spendable without proof. */
export const buyOrder = orderSchema('scrip-buy/1', {
  vnd,
  val: amt,
  cur,
  count: v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(limits.scripBuyCount)),
  ttl,
  use: v.exactOptional(v.literal('bearer')),
  funds: v.exactOptional(funds),
});

/** /v1/scrip/refund: cashes a release, to the balance of `from` or as broker scrip. */
export const refundOrder = orderSchema('scrip-refund/1', {
  release: releaseSchema,
  as: v.picklist(['balance', 'scrip']),
});

/** /v1/scrip/renew: cashes a release and sells the same value with a new life, in one step. */
export const renewOrder = orderSchema('scrip-renew/1', { release: releaseSchema, ttl });

export const soldPiece = v.object({ scrip: scripSchema, csec: h32 });

/** Answer of buy, refund and renew: pieces sold (or broker scrip), change of `funds`, and the balance afterwards. */
export const scripResult = v.object({
  pieces: v.pipe(v.array(soldPiece), v.maxLength(limits.scripBuyCount)),
  change: v.exactOptional(scripSchema),
  balance: amt0,
  cur,
});

/** /v1/scrip/licences: `box` seals the master secrets (scrip 32 ‖ customer 32 bytes) to the broker, context = licence hash. */
export const licenceOrder = orderSchema('scrip-licence/1', { licence: licenceSchema, box: base64urlText(256) });
export const licenceResult = v.object({ licence: licenceSchema });

/** /v1/scrip/redeem: totals per root so far. `prev` is the hash of the last batch that was answered, "" for the first. */
export const redeemOrder = orderSchema('scrip-redeem/1', {
  vnd,
  prev: prevBatch,
  claims: v.pipe(v.array(claimSchema), v.minLength(1), v.maxLength(limits.redeemClaims)),
});

/** `batch` is the hash of this order: the `prev` of the next. `roots` tells what was credited for each claim, in order. */
export const redeemResult = v.object({
  redemption: redemptionSchema,
  roots: v.array(v.object({ root: v.string(), credited: amt0, alarm: v.exactOptional(v.string()) })),
  balance: amt0,
  cur,
});

/** POST /v1/scrip/licences/list: what the broker holds and sold of this vendor. A signed read. */
export const licencesOrder = orderSchema('scrip-licences/1', { vnd });
export const licencesResult = v.object({
  licences: v.array(v.object({ licence: licenceSchema, sold: amt0, next: v.number() })),
});
