// What happens to the money of a payment that was not charged, or whose coin is gone.
import { isProblemCode, type Json } from '@farthing/protocol';
import { type Context, keepEvidence } from './context.ts';
import { keys } from './documents.ts';
import { methodOf } from './methods.ts';
import { giveBack } from './rules.ts';
import { markAgain } from './sent.ts';
import type { Refusal, Sent } from './till.ts';
import { tillOf } from './tills.ts';
import type { Transaction } from './transaction.ts';
import type { Settled } from './types.ts';

/** The money is good again and the budgets get theirs back. */
export function release(tx: Transaction, ctx: Context, sent: Sent, refusal: Refusal): void {
  tillOf(sent.sending.challenge.method).release(tx, ctx, sent, refusal);
  notCharged(tx, ctx, sent, refusal);
}

/** A page that failed, a challenge or a session that was over: the site did not refuse the payment, and may be paid again. */
export function mayRepeat({ sending }: Sent, { code, status }: Refusal): boolean {
  // A challenge that was kept from an earlier page may have died; the fresh one may be paid without asking, once.
  // The same holds for a session that the site had acknowledged and has ended since.
  const many = methodOf(sending.challenge.method).many;
  const over =
    code !== undefined &&
    many?.ended.has(code) === true &&
    (many.isOpen(sending.coin.piece) || many.isJoining(sending.coin.piece));
  const failed = status !== undefined && (status >= 500 || (status !== 402 && code === undefined));
  return over || failed || (sending.preempted && code !== undefined && STALE.has(code));
}
const STALE = new Set(['challenge-expired', 'challenge-mismatch', 'challenge-reused']);

/** Ends a payment that moved no money; the coin has been dealt with. `proven`: not only because its site says so. */
export function notCharged(
  tx: Transaction,
  ctx: Context,
  sent: Sent,
  refusal: Refusal & { readonly proven?: true },
): void {
  const { id, record, sending } = sent;
  const { code, proven } = refusal;
  const siteKey = keys.site(record.site ?? '');
  const site = tx.get('site', siteKey);
  if (site) tx.put('site', siteKey, giveBack(site, sending.day, record.amountMicro));
  const budget = tx.get('budget', keys.budget);
  if (budget) tx.put('budget', keys.budget, giveBack(budget, sending.day, record.amountMicro));
  tx.drop(keys.pending(id));
  markAgain(tx, ctx, sent, {
    state: mayRepeat(sent, refusal) ? 'stale' : 'failed',
    spared: true,
    ...(proven ? { proven } : {}),
    ...(code === undefined ? {} : { code }),
  });
  tx.put('journal', keys.journal(id), {
    record: {
      ...record,
      state: 'failed_not_charged',
      ...(isProblemCode(code) ? { code } : {}),
      balanceAfterMicro: ctx.total(tx),
    },
    sending,
  });
}

/**
 * The site says that another credential spent this coin. It is worth nothing any more; if the site lies, its word is
 * the evidence, and what it never claims comes back from the broker. The budgets get nothing back.
 */
export function lose(
  tx: Transaction,
  ctx: Context,
  sent: Sent,
  { status, code }: { status: number; code: string },
): Settled['outcome'] {
  const { id, record, sending } = sent;
  const lostMicro = tillOf(sending.challenge.method).lose(tx, ctx, sent);
  const data: Json = { credential: sending.header.value, status, code };
  keepEvidence(tx, ctx.env(), { about: id, what: 'the site says that the coin was spent before', data });
  tx.drop(keys.pending(id));
  markAgain(tx, ctx, sent, { state: 'failed', code });
  tx.put('journal', keys.journal(id), {
    record: {
      ...record,
      state: 'paid_not_delivered',
      ...(isProblemCode(code) ? { code } : {}),
      lostMicro,
      balanceAfterMicro: ctx.total(tx),
    },
    sending,
  });
  return 'paid';
}
