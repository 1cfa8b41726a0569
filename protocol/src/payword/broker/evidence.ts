// An overclaim as a document of its own: with nothing but this file and the id of the broker anyone can judge it.
import * as v from 'valibot';
import { fromBase64url } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { h32, jsonObject, tryDecode, u32 } from '../../core/decode.ts';
import type { Json } from '../../core/json.ts';
import { brokerId, type Order, vendorRecordSchema } from '../../core/orders.ts';
import { verifyObject } from '../../core/sign.ts';
import { paywordRedeemOrder } from '../orders.ts';
import { closeSchema } from '../wire.ts';
import { judge, type Verdict } from './overclaim.ts';

const evidenceSchema = v.strictObject({
  typ: v.literal('overclaim/1'),
  /** The broker's public key, and its signed word on whose key the site's is. */
  root: h32,
  vendor: vendorRecordSchema,
  /** The site's signed batch, and which claim of it. */
  order: jsonObject,
  claim: u32,
  /** The commitment or ticket, as its site or the broker has it; null when there is none. */
  deed: v.nullable(jsonObject),
  closing: v.exactOptional(closeSchema),
});

/** `brk`: the broker that vouches for the site's key. Whoever trusts another one is shown nothing by this. */
export type Judged = {
  readonly verdict: Verdict;
  readonly brk: string;
  readonly vnd: string;
  readonly session: string;
  readonly claimed: bigint;
};

/** `undefined`: not evidence, or not vouched for by the broker that it names. */
export function judgeEvidence(json: Json, crypto: Crypto): Judged | undefined {
  const evidence = tryDecode(evidenceSchema, json);
  const order = tryDecode(paywordRedeemOrder, evidence?.order);
  const claim = order?.claims[evidence?.claim ?? 0];
  if (!evidence || !order || !claim) return undefined;
  const { root, vendor, deed, closing } = evidence;
  const brk = brokerId(fromBase64url(root) ?? new Uint8Array(), crypto);
  if (vendor.brk !== brk || vendor.vnd !== order.vnd || !verifyObject(vendor, root, vendor.sig, crypto))
    return undefined;
  const overclaim = { order: evidence.order as Order, claim: evidence.claim, deed, closing }; // decoded above
  const verdict = judge(overclaim, { vendorKey: vendor.pk, root }, crypto);
  return { verdict, brk, vnd: order.vnd, session: claim.session, claimed: claim.cum };
}
