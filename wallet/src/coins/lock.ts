// Coins of ours become coins of certain values, that go everywhere or are locked to one site; what is too much comes back in handy
// ones. One order, signed by a key of its own.

import { PaymentProblem } from '@farthing/protocol';
import { pickCoins, purse as purses } from '@farthing/protocol/wallet';
import type { Context } from '../context.ts';
import type { Found } from '../offers.ts';
import { advanceJob, beginJob } from './jobs.ts';
import { denominationsOf, docsOf, handyValues, loadPurse, MOST_COINS, sumOf } from './purse.ts';
import { swapCoins } from './withdraw.ts';

type Wish = { readonly values: readonly bigint[]; readonly mint: purses.Mint };

/** How many coins the rest comes back in. */
const REST = 6;

/** @returns false: there are no coins for it */
export async function lockCoins(
  ctx: Context,
  found: Pick<Found, 'brk' | 'purse' | 'origin' | 'api' | 'request'>,
  { values, mint }: Wish,
): Promise<boolean> {
  const { brk, purse: key, origin, api, request } = found;
  const vnd = request.recipient;
  const env = ctx.env();
  const pick = pickFor(ctx, { values, mint });
  if (!pick((await loadPurse(ctx, brk)).purse)) return false;
  const id = await beginJob(ctx, brk, ({ purse, docs }) => {
    const choice = pick(purse);
    if (!choice) throw new PaymentProblem('funds-short');
    const locked = purses.draft(purse, { values, vnd }, mint, env);
    const rest = purses.draft(locked.purse, { values: choice.rest }, mint, env);
    const draft = {
      purse: rest.purse,
      planned: [...locked.planned, ...rest.planned],
      outputs: [...locked.outputs, ...rest.outputs],
    };
    const spent = purses.signedForSwap(choice.coins, draft.outputs, mint, env);
    const own = docsOf(choice.coins, docs);
    return {
      ...{ kind: 'lock' as const, draft, coins: own, micro: sumOf(own), lock: { purse: key, vnd, origin, api } },
      members: { coins: spent.map((coin) => ({ ...coin })) },
    };
  });
  await advanceJob(ctx, id);
  return true;
}

/** Coins of these values that go everywhere. @returns false: there are no coins for it */
export function swapFor(ctx: Context, { brk }: Pick<Found, 'brk'>, { values, mint }: Wish): Promise<boolean> {
  const pick = pickFor(ctx, { values, mint });
  const choose = (purse: purses.Purse) => {
    const choice = pick(purse);
    return choice && { coins: choice.coins, values: [...values, ...choice.rest] };
  };
  return swapCoins(ctx, brk, choose, mint);
}

/** Free coins that cover these values, and the values of what is too much. */
function pickFor(ctx: Context, { values, mint }: Wish) {
  const amount = values.reduce((sum, value) => sum + value, 0n);
  const { nowMs } = ctx.env();
  const denominations = denominationsOf(mint, nowMs);
  const worth = (coins: readonly purses.PurseCoin[]) => purses.worthOf({ coins }, mint, nowMs);
  return (purse: purses.Purse) => {
    const able = purse.coins.filter((one) => worth([one]) > 0n);
    const values = able.map(({ coin }) => mint.keysets.get(coin.ks)?.value ?? 0n);
    const picked = pickCoins(values, amount, { most: MOST_COINS, change: true, denominations });
    if (!picked) return undefined;
    const coins = picked.give.flatMap((place) => able[place] ?? []);
    const over = worth(coins) - amount;
    return { coins, rest: over === 0n ? [] : handyValues(over, denominations, REST) };
  };
}
