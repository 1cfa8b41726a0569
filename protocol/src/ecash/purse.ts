// A purse of coins as data: everything secret is derived from the seed, so that a purse is what a recovery phrase and the
// broker's signatures give back. Each function takes a purse and returns the next one; hosts store it before they send.
import type { Env } from '../core/crypto.ts';
import { limits } from '../core/limits.ts';
import type { Currency } from '../core/money.ts';
import { PaymentProblem } from '../core/problems.ts';
import type { Rsa } from '../core/rsa.ts';
import { type Coin, type Output, type SpendTerms, type SpentCoin, signCredit, signSpend, signSwap } from './coin.ts';
import { pickCoins, split } from './denominations.ts';
import { type CoinDraft, coinSecret, draftCoin, finishCoin, outputAgain } from './derive.ts';
import { type Keyset, phaseOf } from './keyset.ts';

/** A coin and the counter that its secrets come from. */
export type PurseCoin = { readonly coin: Coin; readonly counter: number };

/** `next`: the first counter of each keyset that was never used. It only grows, and is stored before it is used. */
export type Purse = {
  readonly brk: string;
  readonly cur: Currency;
  readonly coins: readonly PurseCoin[];
  readonly next: Readonly<Record<string, number>>;
};

/** The keysets that the wallet has checked, with the seed, and native RSA where there is some. */
export type Mint = { readonly keysets: ReadonlyMap<string, Keyset>; readonly seed: Uint8Array; readonly rsa?: Rsa };

/** What is to become a coin: derived again from seed and counter whenever the answer comes. */
export type Planned = { readonly ks: string; readonly counter: number };

export const emptyPurse = (brk: string, cur: Currency): Purse => ({ brk, cur, coins: [], next: {} });

/** Base units that can be spent now; coins whose keyset was revoked, has ended or is gone count nothing. */
export const worthOf = ({ coins }: Pick<Purse, 'coins'>, { keysets }: Pick<Mint, 'keysets'>, nowMs: number): bigint =>
  coins.reduce((sum, { coin }) => sum + spendable(keysets.get(coin.ks), nowMs), 0n);

function spendable(keyset: Keyset | undefined, nowMs: number): bigint {
  return keyset && !keyset.revoked && phaseOf(keyset.record, nowMs) === 'spend' ? keyset.value : 0n;
}

/**
 * Coins that pay nobody any more, and that the broker swaps for others: their keyset was revoked, or has ended. Locked ones
 * only when their vendor can no longer claim them.
 */
export const stale = (
  { coins }: Pick<Purse, 'coins'>,
  { keysets }: Pick<Mint, 'keysets'>,
  nowMs: number,
): readonly PurseCoin[] =>
  coins.filter(({ coin: { ks } }) => {
    const keyset = keysets.get(ks);
    if (!keyset || spendable(keyset, nowMs) > 0n) return false;
    const phase = phaseOf(keyset.record, nowMs);
    return keyset.record.vnd === undefined ? phase !== 'over' : phase === 'reclaim';
  });

export type Draft = {
  readonly purse: Purse;
  readonly planned: readonly Planned[];
  readonly outputs: readonly Output[];
};

/**
 * Outputs for coins of these values, in random order, so that their order tells nothing.
 * @param vnd coins that are locked to this vendor
 * @throws {PaymentProblem} `keyset-unknown`: the broker has no keyset for a value now
 */
export function draft(
  purse: Purse,
  { values, vnd }: { values: readonly bigint[]; vnd?: string },
  mint: Mint,
  env: Env,
): Draft {
  const sets = shuffled(values, env).map((value) =>
    currentKeyset(value, { mint, cur: purse.cur, vnd, nowMs: env.nowMs }),
  );
  const next = { ...purse.next };
  const planned: Planned[] = [];
  const outputs: Output[] = [];
  for (const { ks } of sets) {
    const { made, after } = draftAt({ ks, counter: next[ks] ?? 0 }, mint, env);
    next[ks] = after;
    planned.push({ ks, counter: made.counter });
    outputs.push(made.output);
  }
  return { purse: { ...purse, next }, planned, outputs };
}

/** The newest keyset of this value that can be spent. */
function currentKeyset(
  value: bigint,
  at: { mint: Mint; cur: Currency; vnd: string | undefined; nowMs: number },
): Keyset {
  let best: Keyset | undefined;
  for (const keyset of at.mint.keysets.values()) {
    const { record } = keyset;
    const fits = keyset.value === value && record.cur === at.cur && record.vnd === at.vnd && !keyset.revoked;
    if (fits && phaseOf(record, at.nowMs) === 'spend' && record.epoch >= (best?.record.epoch ?? 0)) best = keyset;
  }
  if (!best) throw new PaymentProblem('keyset-unknown', { detail: `no coins of ${value} base units` });
  return best;
}

function draftAt({ ks, counter }: Planned, mint: Mint, { crypto }: Env): { made: CoinDraft; after: number } {
  const key = mint.keysets.get(ks)?.key;
  if (!key) throw new PaymentProblem('keyset-unknown');
  for (let at = counter; ; at++) {
    const made = draftCoin({ seed: mint.seed, ks, counter: at }, key, crypto, mint.rsa);
    if (made) return { made, after: at + 1 };
  }
}

/**
 * The coins that a broker's answer gives. Every signature is checked: a wrong one would be found only by the first site.
 * @throws {PaymentProblem} `broker-untrusted`: too few signatures, or one that is not by the key of its keyset
 */
export function finish(planned: readonly Planned[], signatures: readonly string[], mint: Mint, env: Env): PurseCoin[] {
  if (signatures.length !== planned.length)
    throw new PaymentProblem('broker-untrusted', { detail: 'coins are missing' });
  return planned.map((place, i) => {
    const coin = coinOf(place, signatures[i] ?? '', mint, env);
    if (!coin)
      throw new PaymentProblem('broker-untrusted', { detail: 'a coin is not signed by the key of its keyset' });
    return { coin, counter: place.counter };
  });
}

function coinOf(place: Planned, signature: string, mint: Mint, env: Env): Coin | undefined {
  const key = mint.keysets.get(place.ks)?.key;
  return key && finishCoin(draftAt(place, mint, env).made, signature, key, mint.rsa);
}

export const put = (purse: Purse, coins: readonly PurseCoin[]): Purse => ({
  ...purse,
  coins: [...purse.coins, ...coins],
});

/** `vnd`: with coins that are locked to this vendor. `most`, `mostChange`: as `PickOptions`. */
export type Choice = {
  readonly price: bigint;
  readonly vnd?: string;
  readonly most: number;
  readonly mostChange?: number;
  readonly change: boolean;
};

export type Taken = { readonly purse: Purse; readonly coins: readonly PurseCoin[]; readonly change: Draft };

/** Takes the coins for a price out of a purse, with outputs for the change. `undefined`: not with these coins. */
export function take(purse: Purse, { price, vnd, ...limit }: Choice, mint: Mint, env: Env): Taken | undefined {
  const able = purse.coins.filter(({ coin: { ks } }) => {
    const keyset = mint.keysets.get(ks);
    return keyset?.record.vnd === vnd && spendable(keyset, env.nowMs) > 0n;
  });
  const values = able.map(({ coin: { ks } }) => mint.keysets.get(ks)?.value ?? 0n);
  const denominations = [...mint.keysets.values()]
    .filter(({ record, revoked }) => !revoked && record.vnd === undefined && record.cur === purse.cur)
    .filter(({ record }) => phaseOf(record, env.nowMs) === 'spend')
    .map(({ value }) => value);
  const picked = pickCoins(values, price, { ...limit, denominations });
  if (!picked) return undefined;
  const coins = picked.give.flatMap((place) => able[place] ?? []);
  const gone = new Set(coins.map(({ coin }) => coin.pk));
  const rest = { ...purse, coins: purse.coins.filter(({ coin }) => !gone.has(coin.pk)) };
  const drafted = draft(rest, { values: picked.change }, mint, env);
  return { purse: drafted.purse, coins, change: drafted };
}

/** Signs coins over to a payment. */
export function signedFor(
  coins: readonly PurseCoin[],
  terms: Omit<SpendTerms, 'coins'>,
  { seed }: Pick<Mint, 'seed'>,
  { crypto }: Env,
): SpentCoin[] {
  const all = { ...terms, coins: coins.map(({ coin }) => coin) };
  return coins.map(({ coin, counter }) => {
    return { ...coin, spend: signSpend(all, coinSecret({ seed, ks: coin.ks, counter }), crypto) };
  });
}

/** Signs coins over to a swap. */
export function signedForSwap(
  coins: readonly PurseCoin[],
  outputs: readonly Output[],
  { seed }: Pick<Mint, 'seed'>,
  { crypto }: Env,
): SpentCoin[] {
  const all = coins.map(({ coin }) => coin);
  return coins.map(({ coin, counter }) => {
    const secret = coinSecret({ seed, ks: coin.ks, counter });
    return { ...coin, spend: signSwap(all, outputs, { secret, crypto }) };
  });
}

/** Signs coins over to an account. */
export function signedForCredit(
  coins: readonly PurseCoin[],
  to: string,
  { seed }: Pick<Mint, 'seed'>,
  { crypto }: Env,
): SpentCoin[] {
  const all = coins.map(({ coin }) => coin);
  return coins.map(({ coin, counter }) => {
    const secret = coinSecret({ seed, ks: coin.ks, counter });
    return { ...coin, spend: signCredit(all, to, { secret, crypto }) };
  });
}

/**
 * Values to withdraw or to swap into: the amount in few coins, but with small ones among them, so that the next prices can be
 * paid without change. One coin after the other is broken, the largest first, while there are fewer than `about`.
 */
export function handy(amount: bigint, about: number): bigint[] {
  const values = split(amount);
  while (values.length < Math.min(about, limits.coinsByReference - 2)) {
    const place = values.findIndex((value) => value > 1n);
    const largest = values[place];
    if (largest === undefined) break;
    values.splice(place, 1, ...halves(largest));
    values.sort((a, b) => (a < b ? 1 : -1));
  }
  return values;
}

/** 50 → 20 + 20 + 10, 20 → 10 + 10, 10 → 5 + 5: denominations all. */
function halves(value: bigint): bigint[] {
  const fifth = value / 5n;
  return value.toString().startsWith('5') ? [fifth * 2n, fifth * 2n, fifth] : [value / 2n, value / 2n];
}

function shuffled<Item>(items: readonly Item[], { random }: Env): Item[] {
  const order = [...items];
  const bytes = random(order.length * 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = order.length - 1; i > 0; i--) {
    const j = view.getUint32(i * 4) % (i + 1);
    const [a, b] = [order[i], order[j]];
    if (a !== undefined && b !== undefined) [order[i], order[j]] = [b, a];
  }
  return order;
}

// ── restoring ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Outputs of the next counters of a keyset, as a wallet that has lost everything asks for them. */
export function restoreBatch(
  { ks, counter }: Planned,
  count: number,
  { keysets, seed, rsa }: Mint,
  { crypto }: Env,
): { planned: Planned[]; outputs: Output[] } {
  const key = keysets.get(ks)?.key;
  if (!key) throw new PaymentProblem('keyset-unknown');
  const planned = Array.from({ length: count }, (_, i) => ({ ks, counter: counter + i }));
  return { planned, outputs: planned.map((place) => outputAgain({ seed, ...place }, key, crypto, rsa)) };
}

/** The coins of a batch: `null` was never signed. Counters that were used are not used again. */
export function restored(
  purse: Purse,
  { planned, signatures }: { planned: readonly Planned[]; signatures: readonly (string | null)[] },
  mint: Mint,
  env: Env,
): { purse: Purse; found: number } {
  const known = new Set(purse.coins.map(({ coin }) => coin.pk));
  const coins: PurseCoin[] = [];
  const next = { ...purse.next };
  let found = 0;
  planned.forEach((place, i) => {
    const signature = signatures[i];
    if (typeof signature !== 'string') return;
    const coin = coinOf(place, signature, mint, env);
    if (!coin) throw new PaymentProblem('broker-untrusted', { detail: 'a restored coin is not genuine' });
    found++;
    next[place.ks] = Math.max(next[place.ks] ?? 0, place.counter + 1);
    if (!known.has(coin.pk)) coins.push({ coin, counter: place.counter });
  });
  return { purse: { ...purse, next, coins: [...purse.coins, ...coins] }, found };
}
