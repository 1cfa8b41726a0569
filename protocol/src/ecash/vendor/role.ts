// The vendor's side of coins. Those that are locked to it are checked and marked spent by the vendor alone: anonymous, off-line,
// and without double spending, what no system of the nineties had together. All others are deposited before delivery.
import * as v from 'valibot';
import { brk, decode, seconds } from '../../core/decode.ts';
import { limits } from '../../core/limits.ts';
import type { VendorEnv, VendorRole, Verified, VerifyInput } from '../../core/method.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { checkProofs, proofsOfSpend } from '../checks.ts';
import { outputSchema, spentCoinSchema } from '../coin.ts';
import { details } from './details.ts';
import type { CoinList, EcashBroker, EcashKeys } from './keys.ts';
import { lockedPayment } from './locked.ts';
import { onlinePayment } from './online.ts';
import type { CoinPayment } from './payment.ts';

const payloadSchema = v.strictObject({
  brk,
  exp: seconds,
  coins: v.pipe(v.array(spentCoinSchema), v.minLength(1), v.maxLength(limits.coinsByReference)),
  change: v.exactOptional(v.pipe(v.array(outputSchema), v.minLength(1), v.maxLength(limits.coinsByReference))),
});

export const ecashVendor: VendorRole<EcashKeys> = {
  method: 'ecash',
  intents: ['charge'],
  details,
  verify,
  services: {},
};

function verify({ challenge, payload, price }: VerifyInput, keys: EcashKeys, env: VendorEnv): Verified {
  const { brk: id, exp, coins, change = [] } = decode(payloadSchema, payload, 'payload-invalid');
  const broker = keys.brokers.find((one) => one.id === id);
  if (!broker) throw new PaymentProblem('broker-unknown');
  if (env.nowMs > exp * 1000 + limits.clockSkewMs) throw new PaymentProblem('challenge-expired');
  const { vnd } = keys;
  const terms = { challengeId: challenge.id, vnd, amount: price.amount, cur: price.currency, coins, change, exp };
  const payment: CoinPayment = { broker, terms, cur: price.currency };
  const { keysets, verified } = isLocked(payment, broker) ? lockedPayment(payment, env) : onlinePayment(payment, env);
  const proofs = proofsOfSpend(coins, terms, keysets, env.crypto);
  if (env.checksProofs) return { ...verified, proofs };
  checkProofs(proofs, { crypto: env.crypto, ...(keys.rsa ? { rsa: keys.rsa } : {}) });
  return verified;
}

/** One payment is of coins of one lock. @throws {PaymentProblem} `lock-foreign` */
function isLocked({ terms: { coins } }: CoinPayment, { locked, everywhere }: EcashBroker): boolean {
  const isIn = (list: CoinList | undefined) => coins.filter(({ ks }) => list?.keysets.has(ks)).length;
  const [own, any] = [isIn(locked), isIn(everywhere)];
  if (own > 0 && any > 0) throw new PaymentProblem('lock-foreign', { detail: 'coins of one lock in one payment' });
  return own > 0;
}
