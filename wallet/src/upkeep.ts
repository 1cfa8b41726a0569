// Upkeep: finishing what was begun, moving coins in numbers, forgetting what is over.
import { advanceChain } from './chains.ts';
import { lockWished } from './coins/fund.ts';
import { advanceJob } from './coins/jobs.ts';
import { unlockCoins } from './coins/unlock.ts';
import { refreshCoins } from './coins/withdraw.ts';
import type { Context } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { needRecord } from './journal.ts';
import { methodOf } from './methods.ts';
import { advance, beginMove, closeEnded, type MoveKind } from './moves.ts';
import { openOrders, runOrder } from './orders.ts';
import { sweepExpired } from './sweep.ts';
import { listDocs, readOne, transact } from './transaction.ts';
import type { PaymentRecord, Recovered } from './types.ts';
import { inquireAll } from './unsettled.ts';
import { worldsFault } from './world.ts';

export async function recover(ctx: Context): Promise<Recovered> {
  const recovered = await finishBegun(ctx);
  if (ctx.account) await inquireAll(ctx);
  for (const brk of ctx.account ? ctx.brokers.keys() : []) {
    await refreshCoins(ctx, brk, { isWaiting: false }).catch(worldsFault);
    await unlockCoins(ctx, brk).catch(worldsFault);
    await lockWished(ctx, brk).catch(worldsFault);
  }
  for (const { key, doc } of await listDocs(ctx.store, 'purse', 'purse/')) {
    const { many } = methodOf(doc.method);
    for (const coin of many ? doc.coins : []) {
      const { ended, shut, shared, credit, holder, micro, piece } = coin;
      const isOver = ended === true && credit !== true && shut !== true && shared !== true;
      if (isOver && holder === undefined && micro > 0n && many?.isOpen(piece)) {
        await closeEnded(ctx, key, coin).catch(worldsFault);
      }
    }
  }
  return recovered;
}

async function finishBegun(ctx: Context): Promise<Recovered> {
  if (!ctx.account || ctx.brokers.size === 0) return { finished: 0, open: 0 };
  const begun = [
    ...(await openOrders(ctx)).map(({ rid }) => ({ key: keys.order(rid), run: () => runOrder(ctx, rid) })),
    ...(await ctx.store.list('chain/')).map(({ key }) => ({
      key,
      run: () => advanceChain(ctx, key.slice('chain/'.length)),
    })),
    ...(await ctx.store.list('job/')).map(({ key }) => ({ key, run: () => advance(ctx, key.slice('job/'.length)) })),
    ...(await ctx.store.list('coin-job/')).map(({ key }) => ({
      key,
      run: () => advanceJob(ctx, key.slice('coin-job/'.length)),
    })),
  ];
  let finished = 0;
  for (const { key, run } of begun) {
    await run().catch(worldsFault);
    const [left] = await ctx.store.read([key]);
    if (left === undefined) finished++;
  }
  await sweepExpired(ctx);
  await forgetOld(ctx);
  return { finished, open: begun.length - finished };
}

type Choice = {
  readonly purse: (purse: Doc<'purse'>) => boolean;
  readonly coin: (coin: Doc<'purse'>['coins'][number]) => boolean;
};

export const refund = (ctx: Context, { vnd, origin }: { vnd?: string; origin?: string }): Promise<PaymentRecord[]> =>
  moveAll(ctx, 'refund', {
    purse: (purse) => (vnd === undefined || purse.vnd === vnd) && (origin === undefined || purse.origin === origin),
    coin: () => true,
  });

export const closeSessions = (ctx: Context, { origin }: { origin?: string }): Promise<PaymentRecord[]> =>
  moveAll(ctx, 'refund', {
    purse: (purse) => methodOf(purse.method).many !== undefined && (origin === undefined || purse.origin === origin),
    coin: () => true,
  });

export function renewExpiring(ctx: Context, withinMs: number): Promise<PaymentRecord[]> {
  const untilMs = ctx.env().nowMs + withinMs;
  return moveAll(ctx, 'renew', { purse: () => true, coin: ({ expiresAtMs }) => expiresAtMs <= untilMs });
}

/** Moves every free coin that is chosen. What cannot be ended now stays `pending`. */
async function moveAll(ctx: Context, kind: MoveKind, choice: Choice): Promise<PaymentRecord[]> {
  ctx.needAccount();
  await finishBegun(ctx);
  const done: PaymentRecord[] = [];
  for (const { key, doc } of await listDocs(ctx.store, 'purse', 'purse/')) {
    const method = methodOf(doc.method);
    // Coins that are locked to a site come back by themselves, when it can claim them no more.
    if (method.money !== 'pieces' || !choice.purse(doc) || (kind === 'renew' && !method.renew)) continue;
    const { idOf } = method;
    const tried = new Set<string>();
    // No more moves than there were coins: a renewal puts coins into the purse that it takes them from.
    for (let left = doc.coins.length; left > 0; left--) {
      const isNext = (coin: Doc<'purse'>['coins'][number]) => choice.coin(coin) && !tried.has(idOf(coin.piece));
      const id = await beginMove(ctx, key, kind, isNext);
      if (id === undefined) break;
      const job = await readOne(ctx.store, 'job', keys.job(id));
      if (job) tried.add(idOf(job.coin.piece));
      const beside = (await advance(ctx, id).catch(worldsFault)) ?? [];
      for (const journal of [...(job ? [job.journal] : []), ...beside]) done.push(await needRecord(ctx, journal));
    }
  }
  return done;
}

async function forgetOld(ctx: Context): Promise<void> {
  const { nowMs } = ctx.env();
  const old = (await listDocs(ctx.store, 'again', 'again/')).filter(({ doc }) => doc.untilMs <= nowMs);
  for (const { key } of old) {
    await transact(ctx.store, [key], (tx) => {
      if ((tx.get('again', key)?.untilMs ?? 0) <= nowMs) tx.drop(key);
    });
  }
}
