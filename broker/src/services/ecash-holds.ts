// What becomes of held payments: a site captures what it delivered and gives up what it did not; the rest ends by itself.
import { type Currency, isObject, type JsonObject, PaymentProblem } from '@farthing/protocol';
import { ecash, type ecashCaptureOrder, type ecashVoidOrder } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import type { PaymentRow } from '../ledger/ecash.ts';
import { account } from '../ledger/journal.ts';
import { payee, receiptOf, useOf, type ViaStep } from './ecash-payments.ts';
import { secondsOf } from './seconds.ts';
import type { OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

/** @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`, `request-malformed`, `balance-full` */
export function capture(order: v.InferOutput<typeof ecashCaptureOrder>, step: OrderStep): JsonObject {
  ownVendor(order.vnd, order.from, step.ledger);
  const { paidAt: _, ...result } = pay(order, { ...step, via: '' });
  return result;
}

/** Pays what is held. @throws {PaymentProblem} `request-malformed`, `balance-full` */
export function pay({ vnd, cur, held }: v.InferOutput<typeof ecashCaptureOrder>, step: ViaStep) {
  const { ledger, env, via, order } = step;
  const paid: string[] = [];
  const paidAt: number[] = [];
  const gone: string[] = [];
  let sum = 0n;
  for (const challenge of new Set(held)) {
    const row = heldFor({ vnd, challenge }, step);
    if (row && row.cur !== cur)
      throw new PaymentProblem('request-malformed', { detail: `held: expected payments in ${cur}` });
    if (row?.state === 'held') {
      ledger.ecash.addTotals(ecash.capture(row.coins, step.ledger.ecash.mintKeys()));
      const next: PaymentRow = { ...row, state: 'paid' };
      ledger.ecash.setPayment({ ...next, receipt: receiptOf(next, step) });
      sum += row.amount;
    }
    const isPaid = row?.state === 'held' || row?.state === 'paid';
    (isPaid ? paid : gone).push(challenge);
    if (isPaid) paidAt.push(paidAtOf(row, step));
  }
  const to = payee({ vnd, via });
  if (sum > 0n) {
    ledger.journal.post({
      atMs: env.nowMs,
      kind: 'ecash-capture',
      ref: vnd,
      order: { from: order.from, rid: order.rid },
      postings: [
        { account: account.ecashHeld, cur, amount: -sum },
        { account: to, cur, amount: sum },
      ],
    });
  }
  return { paid, paidAt, gone, balance: ledger.journal.shown(to, cur), cur };
}

/** A payment that was presented by who asks now. */
function heldFor({ vnd, challenge }: Pick<PaymentRow, 'vnd' | 'challenge'>, { ledger, via }: ViaStep) {
  const row = ledger.ecash.payment(vnd, challenge);
  return row?.via === via ? row : undefined;
}

/** When a payment was paid, by its receipt; one that is paid now has none yet. */
function paidAtOf({ state, receipt }: PaymentRow, { env }: Step): number {
  const at = state === 'paid' && isObject(receipt) ? receipt['at'] : undefined;
  return typeof at === 'number' ? at : secondsOf(env.nowMs);
}

/** @throws {PaymentProblem} `vendor-unknown`, `signature-invalid` */
export function giveUp(order: v.InferOutput<typeof ecashVoidOrder>, step: OrderStep): JsonObject {
  ownVendor(order.vnd, order.from, step.ledger);
  return free(order, { ...step, via: '' });
}

export function free({ vnd, held }: v.InferOutput<typeof ecashVoidOrder>, step: ViaStep): JsonObject {
  const { ledger, env, order } = step;
  const freed: string[] = [];
  const gone: string[] = [];
  const back = new Map<Currency, bigint>();
  for (const challenge of new Set(held)) {
    const row = heldFor({ vnd, challenge }, step);
    if (row?.state === 'held') {
      const amount = freePayment(row, step);
      back.set(row.cur, (back.get(row.cur) ?? 0n) + amount);
    }
    (row?.state === 'held' || row?.state === 'void' ? freed : gone).push(challenge);
  }
  const postings = [...back].filter(([, sum]) => sum > 0n).flatMap(([cur, sum]) => toCoins(cur, sum));
  if (postings.length > 0) {
    ledger.journal.post({
      atMs: env.nowMs,
      kind: 'ecash-void',
      ref: vnd,
      order: { from: order.from, rid: order.rid },
      postings,
    });
  }
  return { freed, gone };
}

export const toCoins = (cur: Currency, sum: bigint) => [
  { account: account.ecashHeld, cur, amount: -sum },
  { account: account.ecash, cur, amount: sum },
];

/** Writes that a held payment is void. @returns what goes back to coins now: nothing while its change is out */
export function freePayment(row: PaymentRow, step: Step): bigint {
  const { ledger } = step;
  const next: PaymentRow = { ...row, state: 'void' };
  ledger.ecash.setPayment({ ...next, receipt: row.receipt });
  if (row.change.length > 0) return 0n;
  ledger.ecash.free(row.coins, useOf(row));
  ledger.ecash.addTotals(ecash.free(row.coins, step.ledger.ecash.mintKeys()));
  return row.amount;
}
