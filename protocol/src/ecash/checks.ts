// What vendors and brokers check of coins, each step cheaper than the next: bounds, keysets, lock, time, repetition, sums, the
// one-time keys' signatures, and RSA last. Nothing here knows what was spent before: the host's unique insert decides that.
import type { Crypto } from '../core/crypto.ts';
import type { Currency } from '../core/money.ts';
import { PaymentProblem } from '../core/problems.ts';
import { portableRsa, type Rsa } from '../core/rsa.ts';
import { isGenuine, isSpend, isSwap, type Output, type SpendTerms, type SpentCoin } from './coin.ts';
import { type Keyset, type Phase, phaseOf } from './keyset.ts';

export type KnownKeysets = ReadonlyMap<string, Keyset>;

/** `phases` that the keysets must be in. `vnd`: coins locked to this vendor; absent: coins that are not locked. */
export type CoinRules = {
  readonly keysets: KnownKeysets;
  readonly cur: Currency;
  readonly vnd?: string | undefined;
  readonly phases: readonly Phase[];
  readonly nowMs: number;
  /** Coins at once. */
  readonly most: number;
};

/**
 * Everything about coins that needs no cryptography. @returns their value in base units
 * @throws {PaymentProblem} `payload-invalid` too many; `keyset-unknown`, `lock-foreign`, `keyset-expired`, `coin-repeated`
 */
export function valueOfCoins(coins: readonly SpentCoin[], rules: CoinRules): bigint {
  if (coins.length > rules.most) throw new PaymentProblem('payload-invalid', { detail: `at most ${rules.most} coins` });
  const seen = new Set<string>();
  let sum = 0n;
  for (const { ks, pk } of coins) {
    const keyset = rules.keysets.get(ks);
    if (!keyset || keyset.record.cur !== rules.cur) throw new PaymentProblem('keyset-unknown');
    if (keyset.record.vnd !== rules.vnd) throw new PaymentProblem('lock-foreign');
    if (!rules.phases.includes(phaseOf(keyset.record, rules.nowMs))) throw new PaymentProblem('keyset-expired');
    if (seen.has(pk)) throw new PaymentProblem('coin-repeated');
    seen.add(pk);
    sum += keyset.value;
  }
  return sum;
}

type Means = { readonly crypto: Crypto; readonly rsa?: Rsa };

/** @throws {PaymentProblem} `spend-wrong`, `coin-forged` */
export function checkSpend(coins: readonly SpentCoin[], terms: SpendTerms, keysets: KnownKeysets, means: Means): void {
  if (!coins.every((coin) => isSpend(terms, coin, means.crypto))) throw new PaymentProblem('spend-wrong');
  checkGenuine(coins, keysets, means);
}

/** @throws {PaymentProblem} `spend-wrong`, `coin-forged` */
export function checkSwap(
  coins: readonly SpentCoin[],
  outputs: readonly Output[],
  keysets: KnownKeysets,
  means: Means,
): void {
  if (!isSwap(coins, outputs, means.crypto)) throw new PaymentProblem('spend-wrong');
  checkGenuine(coins, keysets, means);
}

function checkGenuine(coins: readonly SpentCoin[], keysets: KnownKeysets, { rsa = portableRsa }: Means): void {
  for (const coin of coins) {
    const key = keysets.get(coin.ks)?.key;
    if (!key || !isGenuine(coin, key, rsa)) throw new PaymentProblem('coin-forged');
  }
}
