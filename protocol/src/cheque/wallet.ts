// The customer's side of cheques: writes an order with the day key, and believes a receipt only from its broker.
import * as v from 'valibot';
import { fromBase64url, toBase64url } from '../core/bytes.ts';
import type { PaymentRequest } from '../core/challenge.ts';
import type { Env } from '../core/crypto.ts';
import { type DayCert, levelSchema } from '../core/daycert.ts';
import { amt0, boundedText, brk, tryDecode } from '../core/decode.ts';
import { limits } from '../core/limits.ts';
import type { Description } from '../core/method.ts';
import type { Currency } from '../core/money.ts';
import { PaymentProblem } from '../core/problems.ts';
import { type Goods, sealedOfferSchema } from '../core/sealed.ts';
import { signObject, verifyObject } from '../core/sign.ts';
import { isAbout, isReceiptOf, opensGoods } from './checks.ts';
import {
  type Approval,
  type Capture,
  type Cheque,
  type ChequeReceipt,
  captures,
  chequeHash,
  signCheque,
} from './wire.ts';

const termsSchema = v.object({
  api: v.pipe(boundedText(128), v.regex(/^\/(?!\/)/, 'a path on the same origin')),
  brokers: v.pipe(v.array(v.object({ id: brk, url: boundedText(300) })), v.minLength(1), v.maxLength(limits.brokers)),
  captures: v.pipe(v.array(v.picklist(captures)), v.minLength(1), v.maxLength(captures.length)),
  minLevel: levelSchema,
  offlineMax: amt0,
  sealed: v.exactOptional(sealedOfferSchema),
});

/**
 * How a site takes cheques. `offlineMax`: base units that it lets one customer spend in a day before the broker is asked;
 * `sealed`: what the payment is for, where the goods are sealed.
 */
export type ChequeTerms = v.InferOutput<typeof termsSchema>;

/** `undefined`: an offer that cannot be read. */
export const chequeTerms = (request: PaymentRequest): ChequeTerms | undefined =>
  tryDecode(termsSchema, request.methodDetails);

export const describeCheques = (): Description => ({
  kind: 'method_cheque',
  siteLearns: 'method_cheque_site_learns',
  brokerLearns: 'method_cheque_broker_learns',
});

/** Is this the certificate that was ordered? `pk` is the day key, h32. */
export function isCertFor(
  cert: DayCert,
  ordered: { brk: string; root: string; vnd: string; cur: Currency; pk: string; limit: bigint; perDay: bigint },
  { crypto, nowMs }: Env,
): boolean {
  const { brk: id, root, vnd, cur, pk, limit, perDay } = ordered;
  const same = cert.brk === id && cert.use === 'cheque' && cert.vnd === vnd && cert.cur === cur && cert.pk === pk;
  const amounts = cert.limit === limit.toString() && cert.perDay === perDay.toString();
  const lasts = cert.exp * 1000 > nowMs && cert.exp * 1000 <= nowMs + limits.certLifeMs + limits.clockSkewMs;
  return same && amounts && lasts && verifyObject(cert, root, cert.sig, crypto);
}

/** A certificate with the seed of its day key, base64url. */
export type ChequeBook = { readonly cert: DayCert; readonly seed: string };

export type Wanted = {
  readonly challengeId: string;
  readonly vnd: string;
  readonly amount: bigint;
  readonly cur: Currency;
  readonly capture: Capture;
  readonly goods?: Goods;
  /** Seconds; the certificate's end if that is sooner. */
  readonly exp: number;
};

/** @throws {PaymentProblem} `cert-foreign`: the certificate is for another site or currency */
export function writeCheque({ cert, seed }: ChequeBook, wanted: Wanted, { crypto }: Env): Cheque {
  const daySeed = fromBase64url(seed);
  const { vnd, cur, amount, capture, goods, challengeId, exp } = wanted;
  if (!daySeed || cert.cur !== cur || (cert.vnd !== vnd && cert.vnd !== '*')) throw new PaymentProblem('cert-foreign');
  const unsigned = {
    typ: 'cheque/1' as const,
    ...{ epoid: challengeId, brk: cert.brk, sub: cert.sub, vnd, amount: amount.toString(), cur, capture },
    ...(goods ? { goods } : {}),
    exp: Math.min(exp, cert.exp),
  };
  return signCheque(unsigned, daySeed, crypto);
}

type Written = { readonly cheque: Cheque; readonly cert: DayCert };

/** Did the broker sign it, about this very cheque? What it says may be wrong all the same. */
export const isWordAbout = (receipt: ChequeReceipt, written: Written, root: string, { crypto }: Env): boolean =>
  isAbout(receipt, written, crypto) && verifyObject(receipt, root, receipt.sig, crypto);

/**
 * Is this the broker's word about this cheque? With sealed goods, a `paid` one carries the key that opens them.
 * @throws {PaymentProblem} `receipt-invalid`
 */
export function checkReceipt(receipt: ChequeReceipt, written: Written, root: string, { crypto }: Env): void {
  const { cheque } = written;
  if (!isReceiptOf(receipt, written, root, crypto)) {
    throw new PaymentProblem('receipt-invalid', { detail: 'it is not the broker’s word about this cheque' });
  }
  if (!opensGoods(receipt, cheque)) {
    throw new PaymentProblem('receipt-invalid', { detail: 'the key does not open the goods' });
  }
}

/** The approver's yes to one cheque, where an account needs it. `exp`: seconds. */
export function approve(cheque: Cheque, approverSeed: Uint8Array, exp: number, { crypto }: Env): Approval {
  const unsigned = {
    typ: 'approval/1' as const,
    cheque: chequeHash(cheque, crypto),
    amount: cheque.amount,
    approver: toBase64url(crypto.publicKey(approverSeed)),
    exp,
  };
  return { ...unsigned, sig: signObject(unsigned, approverSeed, crypto) };
}
