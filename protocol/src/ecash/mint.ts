// The broker as a mint: what a withdrawal, a swap and a deposit change, keyset by keyset. Rows in, rows out: the host inserts
// the coins' keys (each once), writes the totals, signs the outputs and books the money in the same transaction.
import type { Env } from '../core/crypto.ts';
import { limits } from '../core/limits.ts';
import type { Currency } from '../core/money.ts';
import { PaymentProblem } from '../core/problems.ts';
import type { Rsa } from '../core/rsa.ts';
import { checkCredit, checkSpend, checkSwap, type KnownKeysets, valueOfCoins, valueOfOutputs } from './checks.ts';
import type { Output, SpendTerms, SpentCoin } from './coin.ts';

/** In base units, each ≥ 0. L4: issued = redeemed + held + outstanding, and outstanding is never negative. */
export type KeysetTotals = { readonly issued: bigint; readonly redeemed: bigint; readonly held: bigint };

/** What one order adds to the totals of each keyset that it touches; `held` may fall. */
export type TotalsStep = ReadonlyMap<string, KeysetTotals>;

/** `spent`: one-time keys to insert, each once. `value`: what moves between coins and accounts. */
export type Minted = { readonly value: bigint; readonly spent: readonly string[]; readonly totals: TotalsStep };

/**
 * `revoked`: coins of these pay nobody and are not made; they can only be swapped for others. `stopped`: not even that, because
 * more of them came than were made.
 */
export type MintKeys = {
  readonly keysets: KnownKeysets;
  readonly revoked?: ReadonlySet<string>;
  readonly stopped?: ReadonlySet<string>;
  readonly rsa?: Rsa;
};

/** Coins out of an account: the host debits `value`. @throws {PaymentProblem} as `valueOfOutputs` */
export function withdraw(outputs: readonly Output[], cur: Currency, keys: MintKeys, { nowMs }: Env): Minted {
  const { keysets } = keys;
  const value = issuable(outputs, cur, { keys, nowMs });
  return { value, spent: [], totals: totalsOf({ issued: outputs }, keysets) };
}

/**
 * Coins for coins of the same value, by whoever holds them. Locked coins come back only when their vendor can no longer
 * claim them (NetCash's window); coins of an ended epoch while they can be reclaimed.
 * @throws {PaymentProblem} as `valueOfCoins`, `valueOfOutputs`, `checkSwap`; `sum-wrong`, `keyset-stopped`
 */
export function swap(
  { coins, outputs, cur }: { coins: readonly SpentCoin[]; outputs: readonly Output[]; cur: Currency },
  keys: MintKeys,
  { crypto, nowMs }: Env,
): Minted {
  const { keysets } = keys;
  const value = reclaimable(coins, cur, { keys, nowMs });
  if (value !== issuable(outputs, cur, { keys, nowMs })) throw new PaymentProblem('sum-wrong');
  checkSwap(coins, outputs, keysets, { crypto, ...(keys.rsa ? { rsa: keys.rsa } : {}) });
  return { value, spent: coins.map(({ pk }) => pk), totals: totalsOf({ redeemed: coins, issued: outputs }, keysets) };
}

/**
 * Coins become money of an account again. The same coins as in a swap.
 * @throws {PaymentProblem} as `valueOfCoins`, `checkCredit`; `keyset-stopped`
 */
export function credit(
  { coins, to, cur }: { coins: readonly SpentCoin[]; to: string; cur: Currency },
  keys: MintKeys,
  { crypto, nowMs }: Env,
): Minted {
  const { keysets } = keys;
  const value = reclaimable(coins, cur, { keys, nowMs });
  checkCredit(coins, to, keysets, { crypto, ...(keys.rsa ? { rsa: keys.rsa } : {}) });
  return { value, spent: coins.map(({ pk }) => pk), totals: totalsOf({ redeemed: coins }, keysets) };
}

/** What holders may bring back now. @returns what they are worth */
function reclaimable(
  coins: readonly SpentCoin[],
  cur: Currency,
  { keys, nowMs }: { keys: MintKeys; nowMs: number },
): bigint {
  const { keysets } = keys;
  if (coins.length === 0) throw new PaymentProblem('sum-wrong');
  refuseStopped(coins, keys);
  const locks = new Set(coins.map(({ ks }) => keysets.get(ks)?.record.vnd));
  const [vnd] = locks;
  if (locks.size > 1) throw new PaymentProblem('lock-foreign', { detail: 'coins of one lock at once' });
  const phases = vnd === undefined ? (['spend', 'claim', 'reclaim'] as const) : (['reclaim'] as const);
  return valueOfCoins(coins, { keysets, cur, nowMs, most: limits.coinsByReference, vnd, phases });
}

export type Payment = {
  readonly coins: readonly SpentCoin[];
  readonly terms: SpendTerms;
  readonly cur: Currency;
  /** The money waits for `capture` or `free`. */
  readonly hold: boolean;
};

/**
 * A payment with coins, as a vendor presents it: `terms.amount` goes to `terms.vnd`, the change becomes coins again.
 * Locked coins are taken from their vendor alone, until the end of its window, and give no change.
 * @throws {PaymentProblem} as `valueOfCoins`, `valueOfOutputs`, `checkSpend`; `sum-wrong`, `challenge-expired`, `keyset-stopped`
 */
export function deposit({ coins, terms, cur, hold }: Payment, keys: MintKeys, { crypto, nowMs }: Env): Minted {
  const { keysets } = keys;
  const { vnd, change = [], exp } = terms;
  refuseStopped(coins, keys);
  if (coins.some(({ ks }) => keys.revoked?.has(ks))) throw new PaymentProblem('keyset-unknown');
  const isLocked = coins.some(({ ks }) => keysets.get(ks)?.record.vnd !== undefined);
  const phases = isLocked ? (['spend', 'claim'] as const) : (['spend'] as const);
  const lock = isLocked ? { vnd } : {};
  const value = valueOfCoins(coins, { keysets, cur, nowMs, most: limits.coinsByReference, phases, ...lock });
  if (!isLocked && nowMs > exp * 1000 + limits.clockSkewMs) throw new PaymentProblem('challenge-expired');
  const back = change.length === 0 ? 0n : issuable(change, cur, { keys, nowMs });
  if (terms.cur !== cur || value !== terms.amount + back || (isLocked && back > 0n))
    throw new PaymentProblem('sum-wrong');
  checkSpend(coins, { ...terms, coins }, keysets, { crypto, ...(keys.rsa ? { rsa: keys.rsa } : {}) });
  const moved = hold ? { held: coins, issued: change } : { redeemed: coins, issued: change };
  return { value: terms.amount, spent: coins.map(({ pk }) => pk), totals: totalsOf(moved, keysets) };
}

/** A held payment is paid: nothing of the coins is outstanding any more. */
export const capture = (coins: readonly Pick<SpentCoin, 'ks'>[], { keysets }: MintKeys): TotalsStep =>
  totalsOf({ redeemed: coins, freed: coins }, keysets);

/**
 * A held payment was voided, or nobody captured it in time. Without change its coins are good again: the host deletes their
 * keys. With change they are not, because nobody can call the change back: as one set they are worth the amount, for the same
 * payment again or for `swapVoided`.
 */
export const free = (coins: readonly Pick<SpentCoin, 'ks'>[], { keysets }: MintKeys): TotalsStep =>
  totalsOf({ freed: coins }, keysets);

/**
 * Coins for the amount of a voided payment whose change stands. The host has found that `coins` are exactly its set.
 * @throws {PaymentProblem} as `valueOfOutputs`, `checkSwap`; `sum-wrong`
 */
export function swapVoided(
  {
    coins,
    outputs,
    cur,
    amount,
  }: { coins: readonly SpentCoin[]; outputs: readonly Output[]; cur: Currency; amount: bigint },
  keys: MintKeys,
  { crypto, nowMs }: Env,
): Minted {
  const { keysets } = keys;
  if (amount !== issuable(outputs, cur, { keys, nowMs })) throw new PaymentProblem('sum-wrong');
  checkSwap(coins, outputs, keysets, { crypto, ...(keys.rsa ? { rsa: keys.rsa } : {}) });
  return { value: amount, spent: [], totals: totalsOf({ redeemed: coins, freed: coins, issued: outputs }, keysets) };
}

function issuable(
  outputs: readonly Output[],
  cur: Currency,
  { keys: { keysets, revoked }, nowMs }: { keys: MintKeys; nowMs: number },
): bigint {
  return valueOfOutputs(outputs, { keysets, cur, nowMs, ...(revoked ? { revoked } : {}) });
}

function refuseStopped(coins: readonly SpentCoin[], { stopped }: MintKeys): void {
  if (coins.some(({ ks }) => stopped?.has(ks))) throw new PaymentProblem('keyset-stopped');
}

type Moved = Partial<Record<keyof KeysetTotals | 'freed', readonly { readonly ks: string }[]>>;

/** `freed` takes out of what is held. */
function totalsOf({ issued = [], redeemed = [], held = [], freed = [] }: Moved, keysets: KnownKeysets): TotalsStep {
  const totals = new Map<string, KeysetTotals>();
  const add = (items: readonly { readonly ks: string }[], member: keyof KeysetTotals, sign: 1n | -1n) => {
    for (const { ks } of items) {
      const now = totals.get(ks) ?? { issued: 0n, redeemed: 0n, held: 0n };
      totals.set(ks, { ...now, [member]: now[member] + sign * (keysets.get(ks)?.value ?? 0n) });
    }
  };
  add(redeemed, 'redeemed', 1n);
  add(held, 'held', 1n);
  add(freed, 'held', -1n);
  add(issued, 'issued', 1n);
  return totals;
}

/** More came back of a keyset than went out: its key was stolen, or the books are wrong. The host stops it, and alarms. */
export class OverdrawnError extends Error {}

/** @throws {OverdrawnError} */
export function addTotals(row: KeysetTotals, step: KeysetTotals): KeysetTotals {
  const next = {
    issued: row.issued + step.issued,
    redeemed: row.redeemed + step.redeemed,
    held: row.held + step.held,
  };
  if (next.held < 0n || next.redeemed + next.held > next.issued) {
    throw new OverdrawnError('a keyset redeemed more than it issued');
  }
  return next;
}
