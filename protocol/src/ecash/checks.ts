// What vendors and brokers check of coins, each step cheaper than the next: bounds, keysets, lock, time, repetition, sums, and
// last the signatures. Nothing here knows what was spent before: the host's unique insert decides that.
import { fromBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { limits } from '../core/limits.ts';
import type { Proof } from '../core/method.ts';
import type { Currency } from '../core/money.ts';
import { PaymentProblem } from '../core/problems.ts';
import { portableRsa, type Rsa } from '../core/rsa.ts';
import { verify } from './blind.ts';
import { coinMessage, isCredit, isSwap, type Output, type SpendTerms, type SpentCoin, spendMessage } from './coin.ts';
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

export type OutputRules = Pick<CoinRules, 'keysets' | 'cur' | 'nowMs'> & { readonly revoked?: ReadonlySet<string> };

/**
 * Outputs are signed with keysets that can be spent, locked or not. @returns their value
 * @throws {PaymentProblem} `payload-invalid`, `coin-repeated`, `keyset-unknown`, `keyset-expired`
 */
export function valueOfOutputs(outputs: readonly Output[], { keysets, cur, nowMs, revoked }: OutputRules): bigint {
  const most = limits.coinsByReference;
  if (outputs.length === 0 || outputs.length > most) {
    throw new PaymentProblem('payload-invalid', { detail: `expected 1…${most} outputs` });
  }
  if (new Set(outputs.map(({ b }) => b)).size !== outputs.length) throw new PaymentProblem('coin-repeated');
  let value = 0n;
  for (const { ks } of outputs) {
    const keyset = keysets.get(ks);
    if (!keyset || keyset.record.cur !== cur || revoked?.has(ks)) throw new PaymentProblem('keyset-unknown');
    if (phaseOf(keyset.record, nowMs) !== 'spend') throw new PaymentProblem('keyset-expired');
    value += keyset.value;
  }
  return value;
}

type Means = { readonly crypto: Crypto; readonly rsa?: Rsa };

/** @throws {PaymentProblem} `spend-wrong`, `coin-forged` */
export function checkSpend(coins: readonly SpentCoin[], terms: SpendTerms, keysets: KnownKeysets, means: Means): void {
  checkProofs(proofsOfSpend(coins, terms, keysets, means.crypto), means);
}

/**
 * All signatures of a payment, coin by coin: the one-time key's, and the mint's. Anybody can make any number of the first kind,
 * so that who checks in this order does little for a forger. @throws {PaymentProblem} `coin-forged`
 */
export function proofsOfSpend(
  coins: readonly SpentCoin[],
  terms: SpendTerms,
  keysets: KnownKeysets,
  crypto: Crypto,
): Proof[] {
  const message = spendMessage(terms, crypto);
  return coins.flatMap((coin): Proof[] => {
    const [key, signature] = [bytesOf(coin.pk), bytesOf(coin.spend)];
    const spend = { scheme: 'ed25519', key, message, signature, code: 'spend-wrong' } as const;
    return [spend, proofOfCoin(coin, keysets)];
  });
}

function proofOfCoin({ ks, pk, sig }: SpentCoin, keysets: KnownKeysets): Proof {
  const key = keysets.get(ks)?.key;
  if (!key) throw new PaymentProblem('coin-forged');
  return { scheme: 'rsa-pss', key, message: coinMessage(ks, pk), signature: bytesOf(sig), code: 'coin-forged' };
}

/** Here and now, where no host does it. @throws {PaymentProblem} the code of the first that is not good */
export function checkProofs(proofs: readonly Proof[], { crypto, rsa = portableRsa }: Means): void {
  for (const proof of proofs) {
    const { message, signature } = proof;
    const isGood =
      proof.scheme === 'ed25519'
        ? crypto.verify(proof.key, message, signature)
        : verify(proof.key, message, signature, rsa);
    if (!isGood) throw new PaymentProblem(proof.code);
  }
}

/** Schemas have seen to it that it decodes; what does not is no signature. */
const bytesOf = (text: string): Uint8Array => fromBase64url(text) ?? new Uint8Array();

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

/** `to`: the account. @throws {PaymentProblem} `spend-wrong`, `coin-forged` */
export function checkCredit(coins: readonly SpentCoin[], to: string, keysets: KnownKeysets, means: Means): void {
  if (!isCredit(coins, to, means.crypto)) throw new PaymentProblem('spend-wrong');
  checkGenuine(coins, keysets, means);
}

const checkGenuine = (coins: readonly SpentCoin[], keysets: KnownKeysets, means: Means): void =>
  checkProofs(
    coins.map((coin) => proofOfCoin(coin, keysets)),
    means,
  );
