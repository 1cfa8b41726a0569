// A site that claims what is not due, as a document of its own: its signed batch beside the certificate that it names. Whoever has
// the file and knows the broker's id can judge it.
import * as v from 'valibot';
import { fromBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { daycertSchema } from '../core/daycert.ts';
import { h32, jsonObject, tryDecode, u32 } from '../core/decode.ts';
import type { Json } from '../core/json.ts';
import { brokerId, checkOrder, type Order, vendorRecordSchema } from '../core/orders.ts';
import { PaymentProblem } from '../core/problems.ts';
import { verifyObject } from '../core/sign.ts';
import { isCovered } from './checks.ts';
import { chequeRedeemOrder } from './orders.ts';
import { isSigned } from './wire.ts';

const overclaimSchema = v.strictObject({
  typ: v.literal('cheque-overclaim/1'),
  /** The broker's public key, and its signed word on whose key the site's is. */
  root: h32,
  vendor: vendorRecordSchema,
  /** The site's signed batch, and which claim of it. */
  order: jsonObject,
  claim: u32,
  /** The certificate that the claim names; null when the broker has issued none like it. */
  cert: v.nullable(daycertSchema),
});

/** `proved`: the site has signed for a cheque that is not its own, or that its customer never wrote. `open`: the broker's word. */
export type JudgedClaim = {
  readonly verdict: 'proved' | 'open';
  readonly brk: string;
  readonly vnd: string;
  readonly epoid: string;
  readonly claimedMicro: bigint;
};

/** `undefined`: not evidence, or not vouched for by the broker that it names. */
export function judgeClaim(json: Json, crypto: Crypto): JudgedClaim | undefined {
  const evidence = tryDecode(overclaimSchema, json);
  const order = tryDecode(chequeRedeemOrder, evidence?.order);
  const claim = order?.claims[evidence?.claim ?? 0];
  if (!evidence || !order || !claim) return undefined;
  const { root, vendor } = evidence;
  const brk = brokerId(fromBase64url(root) ?? new Uint8Array(), crypto);
  const isTheirs = vendor.brk === brk && vendor.vnd === order.vnd && vendor.pk === order.from;
  if (!isTheirs || !verifyObject(vendor, root, vendor.sig, crypto) || !isOrder(evidence.order, crypto))
    return undefined;
  const { cheque, certSig } = claim;
  const { vnd } = order;
  const isForeign = cheque.vnd !== vnd || cheque.brk !== brk || cheque.capture === 'now';
  // Only the certificate that the site itself has named: another one would make any cheque look forged.
  const cert = evidence.cert?.sig === certSig && verifyObject(evidence.cert, root, certSig, crypto) && evidence.cert;
  const isForged = cert && !(isSigned(cheque, cert.pk, crypto) && isCovered({ cheque, cert }, { vnd, brk }));
  const verdict = isForeign || isForged ? 'proved' : 'open';
  return { verdict, brk, vnd, epoid: cheque.epoid, claimedMicro: BigInt(cheque.amount) };
}

function isOrder(order: object, crypto: Crypto): boolean {
  try {
    checkOrder(order as Order, crypto);
    return true;
  } catch (error) {
    if (error instanceof PaymentProblem) return false;
    throw error;
  }
}
