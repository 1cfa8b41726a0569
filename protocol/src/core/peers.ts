// Between two brokers that clear with each other. A site settles with one of them; what it asks about money of the other is
// handed on as the site signed it, so that who hands it on can change nothing. What one owes the other is settled by both.
import * as v from 'valibot';
import { concat, toBase64url, utf8 } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { amt0Text, amtText, cur, h32, jsonObject, seconds, signedText, u32, vnd } from './decode.ts';
import { canonicalJson } from './json.ts';
import { limits } from './limits.ts';
import { orderSchema, vendorRecordSchema } from './orders.ts';

/**
 * /v1/peers/forward: an order of a site, as the site signed it. `from` is the root key of the broker that hands it on and is
 * paid in the site's place; `vendor` is that broker's word on whose the site's key is. The result is that of the order.
 */
export const peerForwardOrder = orderSchema('peer-forward/1', { vendor: vendorRecordSchema, order: jsonObject });

/** A payment that one broker owes another: `at` is when, by the clock of the one that owes it. */
export const peerClaimSchema = v.strictObject({ vnd, challengeId: h32, amount: amtText, at: seconds });
export type PeerClaim = v.InferOutput<typeof peerClaimSchema>;

/** One direction of a clearing: how many claims, their sum, and a hash over all of them, in the order of site and challenge. */
const claimsTotal = v.strictObject({ count: u32, gross: amt0Text, root: h32 });
export type ClaimsTotal = v.InferOutput<typeof claimsTotal>;

/** `claims` in the order of site and challenge, each of these once. */
export function totalOfClaims(claims: readonly PeerClaim[], { sha256 }: Pick<Crypto, 'sha256'>): ClaimsTotal {
  let root = sha256(utf8('farthing/peer-claims/1\0'));
  let gross = 0n;
  for (const { vnd: name, challengeId, amount, at } of claims) {
    root = sha256(concat(root, utf8(canonicalJson({ vnd: name, challengeId, amount, at }))));
    gross += BigInt(amount);
  }
  return { count: claims.length, gross: gross.toString(), root: toBase64url(root) };
}

/**
 * /v1/exchange/clear: settles all claims from before a moment, once. `owed`: to who asks; `owing`: by who asks; `net` is what
 * who asks gets, negative when it pays. Both sign the same figures, or nothing is settled. `period` counts from 1 for each
 * pair of brokers and currency.
 */
export const clearOrder = orderSchema('exchange-clear/1', {
  cur,
  period: v.pipe(u32, v.minValue(1)),
  before: seconds,
  owed: claimsTotal,
  owing: claimsTotal,
  net: signedText,
});
export const clearResult = v.object({ cur, period: u32, net: signedText });

/** /v1/exchange/claims: a signed read of what is to be cleared, in order; `after` is the last one of the page before. */
export const claimsOrder = orderSchema('exchange-claims/1', {
  cur,
  before: seconds,
  side: v.picklist(['owed', 'owing']),
  after: v.exactOptional(v.strictObject({ vnd, challengeId: h32 })),
});
export const claimsResult = v.object({
  claims: v.pipe(v.array(peerClaimSchema), v.maxLength(limits.peerClaims)),
  more: v.boolean(),
});
