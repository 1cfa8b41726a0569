// The wallet's side of paying with coins: what an offer takes, the payload that signs coins over to it, and the change that its
// receipt brings. Which coins, and what becomes of them, is the purse's and the host's.
import * as v from 'valibot';
import { type Challenge, expiresAtMs, type PaymentRequest } from '../core/challenge.ts';
import type { Env } from '../core/crypto.ts';
import { boundedText, brk, h32, tryDecode } from '../core/decode.ts';
import type { JsonObject } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import type { Description } from '../core/method.ts';
import { PaymentProblem } from '../core/problems.ts';
import type { Receipt } from '../core/receipt.ts';
import { type Output, rsaText } from './coin.ts';
import { finish, type Mint, type Planned, type PurseCoin, signedFor } from './purse.ts';

const broker = v.object({
  id: brk,
  url: boundedText(300),
  keysets: v.exactOptional(h32),
  locked: v.exactOptional(h32),
});
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(limits.coinsByReference));
const termsSchema = v.object({
  api: v.pipe(boundedText(128), v.regex(/^\/(?!\/)/, 'a path on the same origin')),
  brokers: v.pipe(v.array(broker), v.minLength(1), v.maxLength(limits.brokers)),
  maxCoins: count,
  maxByReference: v.exactOptional(count),
});

/**
 * What a site takes. Of each broker: the hash of the key list that the site sees of coins that are good everywhere
 * (`keysets`), and of those that are locked to it (`locked`); each list is the same for everybody. `maxCoins`: coins and
 * change outputs together in a header; `maxByReference`: of each, in a payload that is posted before.
 */
export type CoinTerms = v.InferOutput<typeof termsSchema>;

/** `undefined`: an offer that cannot be read. */
export const coinTerms = (request: PaymentRequest): CoinTerms | undefined =>
  tryDecode(termsSchema, request.methodDetails);

export const describeCoins = (): Description => ({
  kind: 'method_ecash',
  siteLearns: 'method_ecash_site_learns',
  brokerLearns: 'method_ecash_broker_learns',
});

export type CoinPayment = {
  readonly challenge: Challenge;
  readonly request: PaymentRequest;
  readonly brk: string;
  readonly coins: readonly PurseCoin[];
  readonly change: readonly Output[];
};

/**
 * Coins signed over to one challenge, until it expires: no other site, price, change or time can be made of them.
 * @throws {PaymentProblem} `offer-unusable`: the challenge does not say when it expires
 */
export function payWithCoins({ challenge, request, brk: broker, coins, change }: CoinPayment, mint: Mint, env: Env) {
  const endMs = expiresAtMs(challenge);
  if (endMs === undefined) throw new PaymentProblem('offer-unusable', { detail: 'the challenge has no expiry' });
  const exp = Math.floor(endMs / 1000);
  const { amount, currency: cur, recipient: vnd } = request;
  const terms = { challengeId: challenge.id, vnd, amount, cur, exp, change };
  const payload: JsonObject = {
    ...{ brk: broker, exp },
    coins: signedFor(coins, terms, mint, env).map((coin) => ({ ...coin })),
    ...(change.length === 0 ? {} : { change: change.map((output) => ({ ...output })) }),
  };
  return { payload, exp };
}

const changeSchema = v.pipe(v.array(rsaText), v.maxLength(limits.coinsByReference));

/**
 * The coins that came back, each signature checked.
 * @throws {PaymentProblem} `receipt-invalid`: change is missing, or not signed by the key of its keyset
 */
export function changeOf(receipt: Receipt, planned: readonly Planned[], mint: Mint, env: Env): readonly PurseCoin[] {
  if (planned.length === 0) return [];
  const signatures = tryDecode(changeSchema, receipt.details['change']);
  if (signatures?.length !== planned.length) {
    throw new PaymentProblem('receipt-invalid', { detail: 'the change is missing' });
  }
  try {
    return finish(planned, signatures, mint, env);
  } catch (error) {
    if (!(error instanceof PaymentProblem)) throw error;
    throw new PaymentProblem('receipt-invalid', { detail: 'the change is not genuine' });
  }
}
