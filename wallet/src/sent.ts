// A payment that was stored: reading it, and the one step over everything that it touches.
import { isProblemCode, PaymentProblem } from '@farthing/protocol';
import type { Context } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { toRecord } from './journal.ts';
import type { Sent } from './till.ts';
import { tillOf } from './tills.ts';
import { readOne, type Transaction, transact } from './transaction.ts';
import type { PaymentRecord, Settled, SiteAnswer } from './types.ts';

/** A stored payment. @throws {PaymentProblem} `not-found` */
export async function needPayment(ctx: Context, id: string): Promise<Sent> {
  const entry = await readOne(ctx.store, 'journal', keys.journal(id));
  if (!entry?.sending) throw new PaymentProblem('not-found', { detail: `no payment ${id} in this wallet` });
  return { id, record: entry.record, sending: entry.sending };
}

/** A step that settles a payment, or leaves it as it is. */
export function withPayment(
  ctx: Context,
  id: string,
  step: (tx: Transaction, sent: Sent) => Settled['outcome'],
  moreKeys: readonly string[] = [],
): Promise<Settled> {
  const settle = (tx: Transaction, sent: Sent): Settled => {
    const outcome = step(tx, sent);
    return { record: recordIn(tx, id), outcome };
  };
  return inPayment(ctx, id, settle, moreKeys);
}

export const recordIn = (tx: Transaction, id: string): PaymentRecord =>
  toRecord(tx.need('journal', keys.journal(id)).record);

/** One step over everything that a payment touches. `step` sees the payment as it is stored now. */
export async function inPayment<Result>(
  ctx: Context,
  id: string,
  step: (tx: Transaction, sent: Sent) => Result,
  moreKeys: readonly string[] = [],
): Promise<Result> {
  const { record, sending } = await needPayment(ctx, id);
  const all = [
    keys.journal(id),
    keys.pending(id),
    keys.evidence(id),
    keys.budget,
    keys.credit,
    keys.site(record.site ?? ''),
    keys.fresh(originOf(record.url)),
    sending.again,
    sending.purse,
    ...tillOf(sending.challenge.method).keysOf(ctx, { id, record, sending }),
    ...ctx.moneyKeys(),
    ...moreKeys,
  ];
  const result = await transact(ctx.store, all, (tx) => step(tx, sentIn(tx, id)));
  ctx.changed();
  return result;
}

/** As the step has left it so far. @throws {PaymentProblem} `storage-fault` */
export function sentIn(tx: Transaction, id: string): Sent {
  const { record, sending } = tx.need('journal', keys.journal(id));
  if (!sending) throw new PaymentProblem('storage-fault', { detail: 'a payment that was never sent' });
  return { id, record, sending };
}

export const originOf = (url: string | undefined): string => (url === undefined ? '' : new URL(url).origin);

/** Only the payment that the entry names may change it: a later one for the same request has its own outcome. */
export function markAgain(
  tx: Transaction,
  ctx: Context,
  { id, sending }: Sent,
  change: { state: Doc<'again'>['state']; code?: string; spared?: true; proven?: true },
): void {
  const again = tx.get('again', sending.again);
  if (again?.id === id) tx.put('again', sending.again, { ...again, ...change, atMs: ctx.env().nowMs });
}

/** Did the site say that nothing was charged? A server's fault that says so in its body may come from elsewhere. */
export const isSpared = ({ status, spared, problem }: SiteAnswer): boolean =>
  status >= 400 && (spared === true || (problem?.consumed === false && status < 500));

/** The answer did not tell: everything stays set aside. */
export function unknown(
  tx: Transaction,
  ctx: Context,
  sent: Sent,
  { delivered, code }: { delivered: boolean; code?: string | undefined },
): Settled['outcome'] {
  const { id, record, sending } = sent;
  // Of a stream that was opened only a companion is not known: the next request of its page is another stream.
  if (sending.stream?.known === undefined) markAgain(tx, ctx, sent, { state: 'unknown' });
  tx.put('journal', keys.journal(id), {
    record: { ...record, ...(isProblemCode(code) ? { code } : {}) },
    sending: { ...sending, phase: 'unknown', delivered: sending.delivered || delivered },
  });
  return 'unknown';
}
