// Cheques on the wire: a customer's signed order on an account at a broker, now or later (NetBill: Cox, Tygar, Sirbu, 1995;
// CyberCoin, US 5,870,473; MiniPay: Herzberg, Yochai, 1997). A broker's receipt says what became of it.
import * as v from 'valibot';
import type { Crypto } from '../core/crypto.ts';
import { type DayCert, daycertSchema } from '../core/daycert.ts';
import { amtText, boundedText, brk, cur, h32, id16, seconds, sig, vnd } from '../core/decode.ts';
import type { JsonObject } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import { goodsSchema } from '../core/sealed.ts';
import { objectHash, signObject, verifyObject } from '../core/sign.ts';

/** `now`: the broker is asked before delivery. `deferred`: served within a limit, deposited later. `aggregated`: and summed. */
export const captures = ['now', 'deferred', 'aggregated'] as const;
export type Capture = (typeof captures)[number];

/**
 * `epoid` is the challenge's id: single use at its vendor (NetBill's electronic payment order id). `sub` is the pseudonym of
 * the account at this vendor. The broker learns amount, vendor and digests, never a page or a product.
 */
export const chequeSchema = v.strictObject({
  typ: v.literal('cheque/1'),
  epoid: h32,
  brk,
  sub: id16,
  vnd,
  amount: amtText,
  cur,
  capture: v.picklist(captures),
  goods: v.exactOptional(goodsSchema),
  memo: v.exactOptional(boundedText(limits.memoBytes)),
  exp: seconds,
  sig,
});
export type Cheque = v.InferOutput<typeof chequeSchema>;

/** By the broker: what became of a cheque. The same for ever, whoever asks again. */
export const chequeReceiptSchema = v.strictObject({
  typ: v.literal('cheque-receipt/1'),
  brk,
  epoid: h32,
  /** Hash of the cheque. */
  cheque: h32,
  /** `seenOf` the cheque and its certificate: whose signatures the broker has taken for good. */
  seen: h32,
  vnd,
  amount: amtText,
  cur,
  result: v.picklist(['paid', 'held', 'refused']),
  code: v.exactOptional(boundedText(32)),
  /** Opens the sealed goods: the broker has checked it against their commitment before money moved. */
  key: v.exactOptional(h32),
  at: seconds,
  sig,
});
export type ChequeReceipt = v.InferOutput<typeof chequeReceiptSchema>;

/** Somebody else's yes, where an account needs it: a parent's, a second device's. Good for this cheque only. */
export const approvalSchema = v.strictObject({
  typ: v.literal('approval/1'),
  cheque: h32,
  amount: amtText,
  approver: h32,
  exp: seconds,
  sig,
});
export type Approval = v.InferOutput<typeof approvalSchema>;

export const approvalsSchema = v.pipe(v.array(approvalSchema), v.maxLength(limits.approvals));

const besideCert = { cheque: chequeSchema, approvals: v.exactOptional(approvalsSchema) };
export const payloadSchema = v.strictObject({ ...besideCert, cert: daycertSchema });
export type ChequePayload = v.InferOutput<typeof payloadSchema>;
/** Of a payload whose certificate was read before. */
export const besideCertSchema = v.strictObject(besideCert);

/** A signed object as a member of a message. */
export const asJson = (signed: Cheque | DayCert | Approval | ChequeReceipt): JsonObject => ({ ...signed });

export const chequeHash = (cheque: Omit<Cheque, 'sig'>, crypto: Crypto): string => objectHash(cheque, crypto);

/**
 * Names the very signatures of a cheque and its certificate. Without it a receipt would go with a cheque whose signature somebody
 * has damaged, or with another certificate, and the broker would seem to have paid what nobody signed.
 */
export const seenOf = ({ sig }: Pick<Cheque, 'sig'>, cert: Pick<DayCert, 'sig'>, crypto: Crypto): string =>
  crypto.hashText(`farthing/cheque-seen/1\0${sig},${cert.sig}`);

export const signCheque = (cheque: Omit<Cheque, 'sig'>, daySeed: Uint8Array, crypto: Crypto): Cheque => ({
  ...cheque,
  sig: signObject(cheque, daySeed, crypto),
});

/** By the day key that the certificate names. */
export const isSigned = (cheque: Cheque, dayKey: string, crypto: Crypto): boolean =>
  verifyObject(cheque, dayKey, cheque.sig, crypto);
