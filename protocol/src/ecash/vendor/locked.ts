// Coins that are good at this site alone: nobody is asked, and their broker sees them with the claim.
import { limits } from '../../core/limits.ts';
import type { ClaimStep, VendorEnv } from '../../core/method.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { type KnownKeysets, valueOfCoins } from '../checks.ts';
import { coinSetHash } from '../coin.ts';
import { type Checked, type CoinPayment, refuseShort } from './payment.ts';

const NONE: KnownKeysets = new Map();

/** @throws {PaymentProblem} as `valueOfCoins`; `amount-short`, `sum-wrong` */
export function lockedPayment({ broker, terms, cur }: CoinPayment, { crypto, nowMs }: VendorEnv): Checked {
  const { vnd, amount, coins, change } = terms;
  const keysets = broker.locked?.keysets ?? NONE;
  const rules = { keysets, cur, vnd, phases: ['spend'] as const, nowMs, most: limits.coinsByReference };
  const value = valueOfCoins(coins, rules);
  refuseShort(value, amount);
  if (value > amount || change.length > 0) {
    throw new PaymentProblem('sum-wrong', { detail: 'locked coins give no change' });
  }
  const untils = coins.map(({ ks }) => (keysets.get(ks)?.record.claimUntil ?? 0) * 1000 + limits.clockSkewMs);
  const untilMs = Math.max(...untils);
  const verified = {
    spends: coins.map(({ pk }) => ({ key: `coin:${pk}`, untilMs, code: 'coin-spent' as const, name: pk })),
    tallies: [],
    claims: [claimOf(broker.id, terms, Math.min(...untils))],
    untilMs,
    reference: coinSetHash(coins, crypto),
    details: {},
  };
  return { keysets, verified };
}

/** One payment is one claim at the coins' broker, which repeats every check from what goes with it. */
function claimOf(
  id: string,
  { challengeId, amount, cur, coins, exp }: CoinPayment['terms'],
  untilMs: number,
): ClaimStep {
  const proof = { challengeId, cur, exp, coins: coins.map(({ ks, pk, sig, spend }) => ({ ks, pk, sig, spend })) };
  return { key: `ecash.${id}:${challengeId}`, add: amount, untilMs, evidence: { rank: 0, proof }, once: true };
}
