// Coins and payments at the end of their life.
import { limits } from '@farthing/protocol';
import { type Context, move } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { outcomeOf } from './journal.ts';
import { methodOf } from './methods.ts';
import { loseCoin } from './orders.ts';
import { needPayment, withPayment } from './sent.ts';
import { listDocs, transact } from './transaction.ts';

type Coin = Doc<'purse'>['coins'][number];

/**
 * Coins at the end of their life are written off: what is left of them returns through the broker. What was aside for cheques
 * it gives back by itself.
 */
export async function sweepExpired(ctx: Context): Promise<void> {
  const { nowMs } = ctx.env();
  for (const { key, doc } of await listDocs(ctx.store, 'purse', 'purse/')) {
    const isOver = (coin: Coin) => coin.holder === undefined && coin.expiresAtMs <= nowMs;
    if (!doc.coins.some(isOver)) continue;
    await transact(ctx.store, [key, keys.money(doc.brk)], (tx) => {
      const purse = tx.need('purse', key);
      const sumOf = (lent: boolean) =>
        purse.coins
          .filter((coin) => isOver(coin) && (coin.credit === true) === lent)
          .reduce((sum, { micro }) => sum + micro, 0n);
      const [over, unused] = [sumOf(false), sumOf(true)];
      tx.put('purse', key, { ...purse, coins: purse.coins.filter((coin) => !isOver(coin)) });
      const back = methodOf(doc.method).money === 'cheques' ? 'accountMicro' : 'lostMicro';
      move(tx, doc.brk, { coinsMicro: -over - unused, [back]: over, lentMicro: -unused });
    });
    ctx.changed();
  }
  await closeExpired(ctx, nowMs);
}

/**
 * A payment that is still unknown when no site accepts its coin any more stays charged: the page was never shown to be free. What
 * became of a cheque its broker knows for ever, and says when it is asked.
 */
async function closeExpired(ctx: Context, nowMs: number): Promise<void> {
  for (const { key } of await ctx.store.list('pending/')) {
    const id = key.slice('pending/'.length);
    const { sending } = await needPayment(ctx, id);
    const isKnown = methodOf(sending.challenge.method).money === 'cheques';
    if (isKnown || nowMs <= sending.coin.expiresAtMs + limits.clockSkewMs) continue;
    await withPayment(ctx, id, (tx, sent) => {
      if (!tx.has(keys.pending(id))) return outcomeOf(sent.record.state);
      const { record } = sent;
      const { stream, delivered } = sent.sending;
      const lostMicro = loseCoin(tx, sending.purse, id) + (record.lostMicro ?? 0n);
      tx.drop(keys.pending(id));
      const state = delivered ? ('paid' as const) : ('paid_not_delivered' as const);
      tx.put('journal', keys.journal(id), {
        record: { ...record, state, lostMicro, balanceAfterMicro: ctx.total(tx) },
        sending: { ...sent.sending, ...(stream ? { stream: { ...stream, over: true } } : {}) },
      });
      return 'paid';
    });
  }
}
