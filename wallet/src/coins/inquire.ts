// What became of a payment whose outcome is unknown: the broker says who was paid with its coins, when the site does not.
import { type Challenge, expiresAtMs, limits } from '@farthing/protocol';
import { phaseOf } from '@farthing/protocol/wallet';
import { type Context, move } from '../context.ts';
import { keys } from '../documents.ts';
import { release } from '../give-back.ts';
import { outcomeOf } from '../journal.ts';
import { markAgain, needPayment, withPayment } from '../sent.ts';
import type { Sent } from '../till.ts';
import type { Transaction } from '../transaction.ts';
import type { Settled } from '../types.ts';
import { bundleIn } from './bundle.ts';
import { knownMint } from './keysets.ts';
import { mendChange } from './mend.ts';
import type { CoinDoc } from './purse.ts';
import { fateOf } from './questions.ts';

export const hasEnded = (ctx: Context, challenge: Challenge): boolean =>
  ctx.env().nowMs > (expiresAtMs(challenge) ?? 0) + limits.clockSkewMs;

/**
 * Locked coins are between the site and the wallet while it can claim them: the same credential tells.
 * @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted`: it stays unknown
 */
export async function inquire(ctx: Context, id: string): Promise<Settled> {
  const sent = await needPayment(ctx, id);
  const { lock, coins } = bundleIn(sent.sending.coin.piece);
  const { challenge, purse } = sent.sending;
  const asIs = () => withPayment(ctx, id, (_tx, now) => outcomeOf(now.record.state));
  const [, , brk = '', vnd = ''] = purse.split('/');
  if (sent.record.state !== 'pending') return asIs();
  if (lock === 'vendor') return (await isReclaimable(ctx, { brk, vnd, coins })) ? freed(ctx, id) : asIs();
  const mint = { seed: ctx.coinSeed(brk) };
  const fates = await Promise.all(coins.map((coin) => fateOf(ctx, brk, coin, mint)));
  const isPaid = fates.every(({ state, deposit }) => state === 'paid' && deposit?.challengeId === challenge.id);
  if (isPaid) return withPayment(ctx, id, (tx, now) => paidFor(tx, ctx, now));
  // A site that has not asked the broker by then will never be paid.
  const isFree = hasEnded(ctx, challenge) && fates.every(({ state }) => state !== 'held');
  return isFree ? freed(ctx, id) : asIs();
}

const freed = (ctx: Context, id: string): Promise<Settled> =>
  withPayment(ctx, id, (tx, now) => {
    if (now.record.state !== 'pending') return outcomeOf(now.record.state);
    release(tx, ctx, now, { status: 0 });
    return 'not_charged';
  });

/** The site can claim them no more: the broker says whether it did, when they are swapped. */
async function isReclaimable(
  ctx: Context,
  { brk, vnd, coins }: { brk: string; vnd: string; coins: readonly CoinDoc[] },
): Promise<boolean> {
  const { keysets } = await knownMint(ctx, brk, vnd);
  const { nowMs } = ctx.env();
  return coins.every(({ ks }) => {
    const keyset = keysets.get(ks);
    return keyset !== undefined && phaseOf(keyset.record, nowMs) === 'reclaim';
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
