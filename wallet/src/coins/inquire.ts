// What became of a payment whose outcome is unknown: the broker says who was paid with its coins, when the site does not.
import { expiresAtMs, limits } from '@farthing/protocol';
import { type Context, move } from '../context.ts';
import { keys } from '../documents.ts';
import { release } from '../give-back.ts';
import { outcomeOf } from '../journal.ts';
import { markAgain, needPayment, type Sent, withPayment } from '../sent.ts';
import type { Transaction } from '../transaction.ts';
import type { Settled } from '../types.ts';
import { worldsFault } from '../world.ts';
import { bundleIn } from './bundle.ts';
import { mendChange } from './mend.ts';
import { ECASH } from './purse.ts';
import { fateOf } from './questions.ts';

/** Every payment with coins that is not settled. What cannot be found out now stays. */
export async function inquireAll(ctx: Context): Promise<void> {
  for (const { key } of await ctx.store.list('pending/')) {
    const id = key.slice('pending/'.length);
    const { sending } = await needPayment(ctx, id);
    if (sending.challenge.method === ECASH && sending.phase === 'unknown') await inquire(ctx, id).catch(worldsFault);
  }
}

/**
 * Locked coins are between the site and the wallet: the same credential tells.
 * @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted`: it stays unknown
 */
export async function inquire(ctx: Context, id: string): Promise<Settled> {
  const sent = await needPayment(ctx, id);
  const { lock, coins } = bundleIn(sent.sending.coin.piece);
  const { challenge, purse } = sent.sending;
  const asIs = () => withPayment(ctx, id, (_tx, now) => outcomeOf(now.record.state));
  if (sent.record.state !== 'pending' || lock === 'vendor') return asIs();
  const [, , brk = ''] = purse.split('/');
  const mint = { seed: ctx.coinSeed(brk) };
  const fates = await Promise.all(coins.map((coin) => fateOf(ctx, brk, coin, mint)));
  const isPaid = fates.every(({ state, deposit }) => state === 'paid' && deposit?.challengeId === challenge.id);
  if (isPaid) return withPayment(ctx, id, (tx, now) => paidFor(tx, ctx, now));
  const isOver = ctx.env().nowMs > (expiresAtMs(challenge) ?? 0) + limits.clockSkewMs;
  // A site that has not asked the broker by then will never be paid.
  const isFree = isOver && fates.every(({ state }) => state !== 'held');
  if (!isFree) return asIs();
  return withPayment(ctx, id, (tx, now) => {
    if (now.record.state !== 'pending') return outcomeOf(now.record.state);
    release(tx, ctx, now, { status: 0 });
    return 'not_charged';
  });
}

/** The site was paid and its receipt never came: the broker has the change as well. */
function paidFor(tx: Transaction, ctx: Context, sent: Sent): Settled['outcome'] {
  const { id, record, sending } = sent;
  if (record.state !== 'pending') return outcomeOf(record.state);
  const backMicro = sending.coin.micro - record.amountMicro;
  const purse = tx.need('purse', sending.purse);
  tx.put('purse', sending.purse, { ...purse, coins: purse.coins.filter(({ holder }) => holder !== id) });
  move(tx, purse.brk, { heldMicro: -record.amountMicro, spentMicro: record.amountMicro });
  if (backMicro > 0n) mendChange(tx, ctx, sent, backMicro);
  tx.drop(keys.pending(id));
  // The same credential may still read the page.
  markAgain(tx, ctx, sent, { state: 'paid' });
  tx.put('journal', keys.journal(id), {
    record: {
      ...record,
      state: sending.delivered ? 'paid' : 'paid_not_delivered',
      balanceAfterMicro: ctx.total(tx),
    },
    sending,
  });
  return 'paid';
}
