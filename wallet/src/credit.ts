// Paying on credit: off until the person turns it on, and then within a limit for a day. A promise counts when it is made,
// whether it is used or not, so that the limit holds whatever the sites do.
import { PaymentProblem } from '@farthing/protocol';
import type { Context } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { dayOf } from './rules.ts';
import { readOne, type Transaction, transact } from './transaction.ts';
import type { CreditInfo } from './types.ts';

type CreditDoc = Doc<'credit'>;
const OFF: CreditDoc = { on: false, perDayMicro: 0n, day: 0, promisedMicro: 0n };

const promisedOn = ({ day, promisedMicro }: CreditDoc, today: number): bigint => (day >= today ? promisedMicro : 0n);

export const isOn = (doc: CreditDoc | undefined): boolean => doc?.on === true;

/** What may still be promised today, in base units; 0 while credit is off. */
export async function creditRoom(ctx: Context): Promise<bigint> {
  const doc = (await readOne(ctx.store, 'credit', keys.credit)) ?? OFF;
  const left = doc.perDayMicro - promisedOn(doc, dayOf(ctx.env().nowMs));
  return doc.on && left > 0n ? left : 0n;
}

/** What an offer can be paid with, where a method knows more than one way. */
export type Fundings = { readonly credit: boolean; readonly prepaid: boolean };

/** @throws {PaymentProblem} `credit-off`: this offer takes nothing else */
export async function needFunding(ctx: Context, { fundings }: { readonly fundings?: Fundings }): Promise<void> {
  if (!fundings || fundings.prepaid) return;
  if (!isOn(await readOne(ctx.store, 'credit', keys.credit))) throw new PaymentProblem('credit-off');
}

/** Part of the step that orders the certificate, which lists `keys.credit`. @throws {PaymentProblem} `limit-reached` */
export function promise(tx: Transaction, micro: bigint, nowMs: number): void {
  const doc = tx.get('credit', keys.credit) ?? OFF;
  const day = dayOf(nowMs);
  const promisedMicro = promisedOn(doc, day) + micro;
  if (!doc.on) throw new PaymentProblem('credit-off');
  if (promisedMicro > doc.perDayMicro)
    throw new PaymentProblem('limit-reached', { detail: 'your own limit of credit' });
  tx.put('credit', keys.credit, { ...doc, day: Math.max(day, doc.day), promisedMicro });
}

/** The broker gave no certificate. */
export function unpromise(tx: Transaction, micro: bigint, atMs: number): void {
  const doc = tx.get('credit', keys.credit);
  if (!doc || doc.day !== dayOf(atMs)) return;
  tx.put('credit', keys.credit, { ...doc, promisedMicro: doc.promisedMicro > micro ? doc.promisedMicro - micro : 0n });
}

export async function credit(ctx: Context): Promise<CreditInfo> {
  const doc = (await readOne(ctx.store, 'credit', keys.credit)) ?? OFF;
  const { on, perDayMicro } = doc;
  return { on, perDayMicro, promisedTodayMicro: promisedOn(doc, dayOf(ctx.env().nowMs)) };
}

export async function setCredit(ctx: Context, wish: { on: boolean; perDayMicro?: bigint }): Promise<void> {
  const { on, perDayMicro } = wish;
  if (perDayMicro !== undefined && perDayMicro < 0n) throw new RangeError('limits are not negative');
  await transact(ctx.store, [keys.credit], (tx) => {
    const doc = tx.get('credit', keys.credit) ?? OFF;
    tx.put('credit', keys.credit, { ...doc, on, perDayMicro: perDayMicro ?? doc.perDayMicro });
  });
  ctx.changed();
}
