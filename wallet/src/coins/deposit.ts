// Coins back into money of the account. The broker learns whose account it is and how much, not which coins they once were.
import { PaymentProblem } from '@farthing/protocol';
import { purse as purses } from '@farthing/protocol/wallet';
import type { Context } from '../context.ts';
import { needRecord, ownRecord } from '../journal.ts';
import type { PaymentRecord } from '../types.ts';
import { exactly } from './exact.ts';
import { advanceJob, beginJob } from './jobs.ts';
import { type CoinDoc, docsOf, ECASH, loadPurse, MOST_COINS, sumOf, toPurseCoin } from './purse.ts';
import { readyMint } from './withdraw.ts';

/** Without an amount all coins go, as many as fit one order. */
export async function deposit(ctx: Context, wish: { amountMicro?: bigint; brk?: string }): Promise<PaymentRecord> {
  const { amountMicro } = wish;
  if (amountMicro !== undefined && amountMicro <= 0n) throw new RangeError('an amount is more than nothing');
  const { id: account } = ctx.needAccount();
  const { brk } = ctx.broker(wish.brk).keys;
  const mint = await readyMint(ctx, brk);
  const chosen =
    amountMicro === undefined ? await mostCoins(ctx, brk, mint) : await exactly(ctx, { brk, amountMicro, mint });
  if (chosen.length === 0) throw new PaymentProblem('funds-short', { detail: 'there are no coins' });
  const micro = sumOf(chosen);
  const env = ctx.env();
  const own = ownRecord(ctx, brk, { kind: 'refund', amountMicro: micro, method: ECASH });
  const wanted = chosen.map(toPurseCoin);
  const id = await beginJob(ctx, brk, ({ purse, docs }) => {
    const coins = docsOf(wanted, docs);
    const spent = purses.signedForCredit(wanted, account, mint, env);
    return {
      ...{ kind: 'deposit' as const, draft: { purse, planned: [], outputs: [] }, coins, micro },
      ...{ journal: { ...own, why: 'deposit' }, members: { coins: spent.map((coin) => ({ ...coin })) } },
    };
  });
  await advanceJob(ctx, id);
  return needRecord(ctx, own.id);
}

/** The largest ones first. */
async function mostCoins(ctx: Context, brk: string, mint: purses.Mint): Promise<CoinDoc[]> {
  const { docs } = await loadPurse(ctx, brk);
  const able = docs.filter(({ ks }) => mint.keysets.has(ks));
  return able.toSorted((a, b) => Number(b.micro - a.micro)).slice(0, MOST_COINS);
}
