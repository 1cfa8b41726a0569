// Free coins of exactly one amount.
import { PaymentProblem } from '@farthing/protocol';
import { pickCoins, purse as purses } from '@farthing/protocol/wallet';
import type { Context } from '../context.ts';
import { type CoinDoc, denominationsOf, docsOf, exactValues, handyValues, loadPurse, MOST_COINS } from './purse.ts';
import { refreshCoins, swapCoins } from './withdraw.ts';

/** `few`: in as few coins as there are for the amount; else in those at hand. */
type Exact = { brk: string; amountMicro: bigint; mint: purses.Mint; few?: boolean };

/** Free coins of exactly this amount, swapped for when there are none. @throws {PaymentProblem} `funds-short` */
export async function exactly(ctx: Context, { brk, amountMicro, mint, few = false }: Exact): Promise<CoinDoc[]> {
  const { nowMs } = ctx.env();
  const denominations = denominationsOf(mint, nowMs);
  const pick = (purse: purses.Purse, change: boolean) => {
    const able = purse.coins.filter((one) => purses.worthOf({ coins: [one] }, mint, nowMs) > 0n);
    const values = able.map(({ coin }) => mint.keysets.get(coin.ks)?.value ?? 0n);
    const picked = pickCoins(values, amountMicro, { most: MOST_COINS, change });
    return picked?.give.flatMap((place) => able[place] ?? []);
  };
  for (let tries = 0; tries < 3; tries++) {
    const { purse, docs } = await loadPurse(ctx, brk);
    const found = pick(purse, false);
    if (found && (!few || found.length <= exactValues(amountMicro, denominations).length)) return docsOf(found, docs);
    const choose = (now: purses.Purse) => {
      const coins = pick(now, true);
      if (!coins) return undefined;
      const over = purses.worthOf({ coins }, mint, nowMs) - amountMicro;
      const back = over === 0n ? [] : handyValues(over, denominations, 6);
      return { coins, values: [...exactValues(amountMicro, denominations), ...back] };
    };
    if (await swapCoins(ctx, brk, choose, mint)) continue;
    // Old coins pay nobody; somebody waits for them now.
    await refreshCoins(ctx, brk, { isWaiting: true });
  }
  throw new PaymentProblem('funds-short', { detail: 'not with the coins of this wallet: farthing withdraw gets more' });
}
