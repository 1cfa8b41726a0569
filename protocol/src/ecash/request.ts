// A request for money, from person to person: it names the amount, the broker, and a key for this request alone, to which the
// answer is sealed. Nobody on the way can take the coins; who alters the request is found out by words that both sides compare.
import * as v from 'valibot';
import { fromBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { amtText, boundedText, brk, cur, h32, id16, seconds } from '../core/decode.ts';
import { limits } from '../core/limits.ts';
import { PaymentProblem } from '../core/problems.ts';
import { objectHash } from '../core/sign.ts';
import { printFramed, readFramed } from './framed.ts';

const requestSchema = v.strictObject({
  typ: v.literal('request/1'),
  id: id16,
  brk,
  /** Where the broker is, for who does not know it yet. */
  url: boundedText(300),
  cur,
  amount: amtText,
  /** X25519: answers are sealed to it. */
  to: h32,
  /** Nobody answers afterwards; what was sent before is still taken. */
  exp: seconds,
  memo: v.exactOptional(boundedText(limits.memoBytes)),
});
export type MoneyRequest = v.InferOutput<typeof requestSchema>;

const PREFIX = 'farthing-request:';

export const printRequest = (request: MoneyRequest): string => printFramed(PREFIX, request);

/** @throws {PaymentProblem} `payload-invalid` */
export function readRequest(text: string): MoneyRequest {
  const found = readFramed(PREFIX, text, requestSchema);
  if (found?.bytes.length !== 0) {
    throw new PaymentProblem('payload-invalid', { detail: 'this is no request for money' });
  }
  return found.members;
}

/** Of all members: what both sides can compare. */
export const requestHash = (request: MoneyRequest, crypto: Crypto): Uint8Array =>
  fromBase64url(objectHash(request, crypto)) ?? new Uint8Array();
