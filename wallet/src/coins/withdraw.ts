// What coins are there, withdrawing, and swapping what pays nobody any more.
import { PaymentProblem } from '@farthing/protocol';
import { purse as purses } from '@farthing/protocol/wallet';
import { phraseOf } from '../account.ts';
import type { CoinInfo, CoinsInfo } from '../coin-types.ts';
import { type Context, move } from '../context.ts';
import { keys } from '../documents.ts';
import { needRecord, ownRecord } from '../journal.ts';
import { readOne, transact } from '../transaction.ts';
import type { PaymentRecord } from '../types.ts';
import { advanceJob, beginJob } from './jobs.ts';
import { knownMint, type ListedMint, learnMint } from './keysets.ts';
import { isDue } from './later.ts';
import { coinKeysOf, denominationsOf, docsOf, ECASH, handyValues, loadPurse, MOST_COINS, sumOf } from './purse.ts';
import { restoreCoins } from './restore.ts';

/** Every change of coins begins here: with a phrase, without a restore that was cut off, with keysets that were compared. */
export async function readyMint(ctx: Context, brk: string): Promise<ListedMint> {
  if (ctx.secrets().phrase === undefined) await phraseOf(ctx);
  if (await readOne(ctx.store, 'restoring', keys.restoring(brk))) await restoreCoins(ctx, brk);
  return learnMint(ctx, brk);
}

export async function list(ctx: Context): Promise<CoinsInfo[]> {
  ctx.needAccount();
  return Promise.all(
    [...ctx.brokers].map(async ([brk, { currency }]) => {
      const { docs } = await loadPurse(ctx, brk);
      const counts = new Map<bigint, number>();
      for (const { micro } of docs) counts.set(micro, (counts.get(micro) ?? 0) + 1);
      const byValue = [...counts]
        .map(([valueMicro, count]) => ({ valueMicro, count }))
        .sort((a, b) => (a.valueMicro < b.valueMicro ? 1 : -1));
      const listHash = ctx.hasWords ? (await knownMint(ctx, brk)).named[0]?.hash : undefined;
      return { brk, currency, totalMicro: sumOf(docs), byValue, ...(listHash === undefined ? {} : { listHash }) };
    }),
  );
}

export async function each(ctx: Context): Promise<CoinInfo[]> {
  ctx.needAccount();
  const found = await Promise.all(
    [...ctx.brokers].map(async ([brk, { currency }]) => {
      const { docs } = await loadPurse(ctx, brk);
      return docs.map(({ pk, micro: valueMicro }) => ({ brk, pk, valueMicro, currency }));
    }),
  );
  return found.flat().sort((a, b) => (a.valueMicro < b.valueMicro ? 1 : -1));
}

export async function withdraw(ctx: Context, wish: { amountMicro: bigint; brk?: string }): Promise<PaymentRecord> {
  const { amountMicro } = wish;
  if (amountMicro <= 0n) throw new RangeError('an amount is more than nothing');
  ctx.needAccount();
  const { brk } = ctx.broker(wish.brk).keys;
  const mint = await readyMint(ctx, brk);
  const env = ctx.env();
  const values = handyValues(amountMicro, denominationsOf(mint, env.nowMs));
  const record = ownRecord(ctx, brk, { kind: 'purchase', amountMicro, method: ECASH });
  const id = await beginJob(ctx, brk, ({ purse }) => ({
    kind: 'withdraw',
    draft: purses.draft(purse, { values }, mint, env),
    ...{ coins: [], micro: amountMicro, members: {}, journal: record },
  }));
  await advanceJob(ctx, id);
  return needRecord(ctx, record.id);
}

/** Coins of ours become coins of these values. */
export async function swapCoins(
  ctx: Context,
  brk: string,
  choose: (purse: purses.Purse) => { coins: readonly purses.PurseCoin[]; values: readonly bigint[] } | undefined,
  mint: purses.Mint,
): Promise<boolean> {
  const env = ctx.env();
  if (!choose((await loadPurse(ctx, brk)).purse)) return false;
  const id = await beginJob(ctx, brk, ({ purse, docs }) => {
    const choice = choose(purse);
    if (!choice) throw new PaymentProblem('funds-short');
    const draft = purses.draft(purse, { values: choice.values }, mint, env);
    const spent = purses.signedForSwap(choice.coins, draft.outputs, mint, env);
    const own = docsOf(choice.coins, docs);
    return {
      ...{ kind: 'swap' as const, draft, coins: own, micro: sumOf(own) },
      members: { coins: spent.map((coin) => ({ ...coin })) },
    };
  });
  await advanceJob(ctx, id);
  return true;
}

/**
 * Coins of keysets that ended or were revoked become new ones; those of which the time is over are written off. Where nobody
 * waits for them it is done at a random time.
 */
export async function refreshCoins(ctx: Context, brk: string, { isWaiting }: { isWaiting: boolean }): Promise<void> {
  const { docs } = await loadPurse(ctx, brk);
  if (docs.length === 0 && !(await readOne(ctx.store, 'restoring', keys.restoring(brk)))) return;
  const mint = await readyMint(ctx, brk);
  const { nowMs } = ctx.env();
  const lost = docs.filter(({ ks }) => !mint.keysets.has(ks));
  if (lost.length > 0) await writeOff(ctx, brk, lost);
  const values = denominationsOf(mint, nowMs);
  const { purse: all } = await loadPurse(ctx, brk);
  if (purses.stale(all, mint, nowMs).length === 0 || (!isWaiting && !(await isDue(ctx, brk)))) return;
  await swapCoins(
    ctx,
    brk,
    (purse) => {
      const old = purses.stale(purse, mint, nowMs).slice(0, MOST_COINS);
      const micro = old.reduce((sum, { coin }) => sum + (mint.keysets.get(coin.ks)?.value ?? 0n), 0n);
      return old.length === 0 ? undefined : { coins: old, values: handyValues(micro, values) };
    },
    mint,
  );
}

/** These coins are worth nothing any more. @returns what was written off */
export function writeOff(ctx: Context, brk: string, gone: readonly { readonly pk: string }[]): Promise<bigint> {
  return transact(ctx.store, [keys.money(brk), ...coinKeysOf(brk, gone)], (tx) => {
    const docs = gone.flatMap(({ pk }) => tx.get('coin', keys.coin(brk, pk)) ?? []);
    for (const { pk } of docs) tx.drop(keys.coin(brk, pk));
    const micro = sumOf(docs);
    move(tx, brk, { cashMicro: -micro, lostMicro: micro });
    return micro;
  });
}
