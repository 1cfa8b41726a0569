// Payments with coins: what a site presents is spent at once, paid or held, and answered the same way however often it comes.
import { type Currency, type JsonObject, limits, objectHash, PaymentProblem, signObject } from '@farthing/protocol';
import { coinSetHash, ecash, type ecashDepositOrder, type SpentCoin } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { type CoinRef, coinsSpent, type PaymentRow } from '../ledger/ecash.ts';
import { account } from '../ledger/journal.ts';
import { sign } from './ecash-sign.ts';
import { secondsOf } from './seconds.ts';
import type { OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

/** @throws {PaymentProblem} `vendor-unknown`, `challenge-reused`, coin and keyset problems, `sum-wrong` */
export function deposit(order: v.InferOutput<typeof ecashDepositOrder>, step: OrderStep): JsonObject {
  ownVendor(order.vnd, order.from, step.ledger);
  return take(order, { ...step, via: '' });
}

/** `via`: the broker that hands on an order of a site of its own, and is paid in its place; empty: the site is ours. */
export type ViaStep = OrderStep & { readonly via: string };

/** @throws {PaymentProblem} `challenge-reused`, coin and keyset problems, `sum-wrong` */
export function take(order: v.InferOutput<typeof ecashDepositOrder>, step: ViaStep): JsonObject {
  const { vnd, challengeId, amount, cur, coins, change = [], exp, hold } = order;
  const { ledger, env, via } = step;
  const terms = { challengeId, vnd, amount, cur, coins, change, exp };
  const hash = paymentHash(terms, step);
  const known = ledger.ecash.payment(vnd, challengeId);
  if (known) return again(known, { hash, hold, order }, step);
  const made = ecash.deposit({ coins, terms, cur, hold }, step.ledger.ecash.mintKeys(), env);
  const state = hold ? ('held' as const) : ('paid' as const);
  const signed = record({ terms, hash, cur, change: sign(change, step), state }, step);
  // Not before: a coin that comes twice is spent, and no alarm.
  ledger.ecash.addTotals(made.totals);
  book(order, { from: account.ecash, to: hold ? account.ecashHeld : payee({ vnd, via }) }, step);
  return { receipt: signed.receipt, change: [...signed.change] };
}

/** With the coins whole. */
type Terms = Omit<Parameters<typeof ecash.deposit>[0]['terms'], 'coins'> & { readonly coins: readonly SpentCoin[] };
type Recorded = { terms: Terms; hash: string; cur: Currency; change: readonly string[]; state: 'held' | 'paid' };

/** Spends the coins, and writes down what for. @throws {PaymentProblem} `coin-spent` */
export function record({ terms, hash, cur, change, state }: Recorded, step: Step & { via: string }): PaymentRow {
  const { ledger, env, via } = step;
  const { vnd, challengeId: challenge, amount } = terms;
  const coins = terms.coins.map((coin): CoinRef => ({ ks: coin.ks, pk: coin.pk }));
  const until = secondsOf(env.nowMs + limits.coinHoldMs);
  const row: PaymentRow = { vnd, challenge, cur, amount, hash, coins, change, receipt: null, until, state, via };
  ledger.ecash.spend(coins, useOf(row));
  const signed = { ...row, receipt: receiptOf(row, step) };
  ledger.ecash.addPayment(signed);
  return signed;
}

/** The same payment again, under whatever order id: what was answered before. A voided one is held again. */
function again(
  row: PaymentRow,
  asked: { hash: string; hold: boolean; order: v.InferOutput<typeof ecashDepositOrder> },
  step: ViaStep,
): JsonObject {
  if (row.hash !== asked.hash || row.via !== step.via) throw new PaymentProblem('challenge-reused');
  if (row.state === 'swapped') throw coinsSpent(row.coins);
  if (row.state !== 'void') return { receipt: row.receipt, change: [...row.change] };
  const { ledger, env } = step;
  const until = secondsOf(env.nowMs + limits.coinHoldMs);
  // Without change its coins went free, and may have been spent since.
  if (row.change.length === 0) {
    const { coins, terms } = { coins: asked.order.coins, terms: { ...asked.order, change: [] } };
    const made = ecash.deposit({ coins, terms, cur: row.cur, hold: asked.hold }, step.ledger.ecash.mintKeys(), env);
    ledger.ecash.spend(row.coins, useOf(row));
    ledger.ecash.addTotals(made.totals);
    book(asked.order, { from: account.ecash, to: asked.hold ? account.ecashHeld : payee(row) }, step);
  } else if (!asked.hold) {
    ledger.ecash.addTotals(ecash.capture(row.coins, step.ledger.ecash.mintKeys()));
    book(asked.order, { from: account.ecashHeld, to: payee(row) }, step);
  }
  const next: PaymentRow = { ...row, until, state: asked.hold ? 'held' : 'paid' };
  const receipt = receiptOf(next, step);
  ledger.ecash.setPayment({ ...next, receipt });
  return { receipt, change: [...row.change] };
}

export const useOf = ({ vnd, challenge }: Pick<PaymentRow, 'vnd' | 'challenge'>): string => `pay ${vnd} ${challenge}`;

/** Names all that the coins were signed over, and the coins themselves. */
export function paymentHash({ challengeId, vnd, amount, cur, coins, change = [], exp }: Terms, { env }: Step): string {
  const named = {
    typ: 'coin-payment/1',
    ...{ challengeId, vnd, amount: amount.toString(), cur, exp },
    coins: coinSetHash(coins, env.crypto),
    change: change.map(({ ks, b }) => ({ ks, b })),
  };
  return objectHash(named, env.crypto);
}

export function receiptOf(row: PaymentRow, { keys, env }: Step): JsonObject {
  const unsigned = {
    typ: 'ecash-deposit/1' as const,
    ...{ brk: keys.brk, vnd: row.vnd, challengeId: row.challenge, amount: row.amount.toString(), cur: row.cur },
    coins: coinSetHash(row.coins, env.crypto),
    state: row.state === 'held' ? ('held' as const) : ('paid' as const),
    ...(row.via === '' ? {} : { via: row.via }),
    until: row.until,
    at: secondsOf(env.nowMs),
  };
  return { ...unsigned, sig: signObject(unsigned, keys.seed, env.crypto) };
}

/** Who gets the money. */
export const payee = ({ vnd, via }: Pick<PaymentRow, 'vnd' | 'via'>): string =>
  via === '' ? account.vendor(vnd) : account.peer(via);

function book(
  { vnd, cur, amount }: v.InferOutput<typeof ecashDepositOrder>,
  move: { from: string; to: string },
  { ledger, env, order }: OrderStep,
): void {
  ledger.journal.post({
    atMs: env.nowMs,
    kind: 'ecash-deposit',
    ref: vnd,
    order: { from: order.from, rid: order.rid },
    postings: [
      { account: move.from, cur, amount: -amount },
      { account: move.to, cur, amount },
    ],
  });
}
