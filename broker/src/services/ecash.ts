// Coins for money, coins for coins, and payments with coins. The mint cannot know whom it pays: it sees one-time keys, each
// once, and says what they were worth.
import {
  type Currency,
  isObject,
  type Json,
  type JsonObject,
  limits,
  objectHash,
  PaymentProblem,
  signObject,
} from '@farthing/protocol';
import {
  coinSetHash,
  ecash,
  type ecashCaptureOrder,
  type ecashDepositOrder,
  type ecashProveOrder,
  type ecashRestoreOrder,
  type ecashSpentOrder,
  type ecashSwapOrder,
  type ecashVoidOrder,
  type ecashWithdrawOrder,
  type MintKeys,
  type SpentCoin,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { type CoinRef, coinsSpent, type PaymentRow } from '../ledger/ecash.ts';
import { account } from '../ledger/journal.ts';
import { sign } from './ecash-sign.ts';
import { secondsOf } from './seconds.ts';
import type { OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

/** @throws {PaymentProblem} keyset problems, `coin-repeated`, `balance-short`, `request-malformed` */
export function withdraw(order: v.InferOutput<typeof ecashWithdrawOrder>, step: OrderStep): JsonObject {
  const { from, rid, cur, outputs } = order;
  const { ledger, env } = step;
  const user = account.user(from);
  const made = ecash.withdraw(outputs, cur, mintKeys(step), env);
  ledger.ecash.addTotals(made.totals);
  // Money first: who has none must not make the mint work.
  ledger.journal.post({
    atMs: env.nowMs,
    kind: 'ecash-withdraw',
    ref: '',
    order: { from, rid },
    postings: [
      { account: user, cur, amount: -made.value },
      { account: account.ecash, cur, amount: made.value },
    ],
  });
  return { signatures: sign(outputs, step), balance: ledger.journal.shown(user, cur), cur };
}

/**
 * Also takes the coins of a payment that was voided after its change went out: as one set, for its amount.
 * @throws {PaymentProblem} coin and keyset problems, `sum-wrong`
 */
export function swap(order: v.InferOutput<typeof ecashSwapOrder>, step: OrderStep): JsonObject {
  const { from, rid, cur, coins, outputs } = order;
  const { ledger, env } = step;
  const use = `swap ${from} ${rid}`;
  const voided = voidedSet(coins, step);
  if (voided) {
    const { amount } = voided;
    const made = ecash.swapVoided({ coins, outputs, cur, amount }, mintKeys(step), env);
    ledger.ecash.reuse(voided.coins, { from: useOf(voided), to: use });
    ledger.ecash.setPayment({ ...voided, state: 'swapped' });
    ledger.ecash.addTotals(made.totals);
    ledger.journal.post({
      atMs: env.nowMs,
      kind: 'ecash-swap',
      ref: '',
      order: { from, rid },
      postings: [
        { account: account.ecashHeld, cur, amount: -amount },
        { account: account.ecash, cur, amount },
      ],
    });
    return { signatures: sign(outputs, step) };
  }
  const made = ecash.swap({ coins, outputs, cur }, mintKeys(step), env);
  ledger.ecash.spend(coins, use);
  ledger.ecash.addTotals(made.totals);
  return { signatures: sign(outputs, step) };
}

/** The payment whose coins these are, all of them, if it was voided with its change out. */
function voidedSet(coins: readonly SpentCoin[], { ledger }: Step): PaymentRow | undefined {
  const [first] = coins;
  const use = first && ledger.ecash.useOf(first.pk);
  const [kind, vnd = '', challenge = ''] = use?.split(' ') ?? [];
  const row = kind === 'pay' ? ledger.ecash.payment(vnd, challenge) : undefined;
  if (row?.state !== 'void') return undefined;
  const set = new Set(row.coins.map(({ pk }) => pk));
  return coins.length === set.size && coins.every(({ pk }) => set.has(pk)) ? row : undefined;
}

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
  const made = ecash.deposit({ coins, terms, cur, hold }, mintKeys(step), env);
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
    const made = ecash.deposit({ coins, terms, cur: row.cur, hold: asked.hold }, mintKeys(step), env);
    ledger.ecash.spend(row.coins, useOf(row));
    ledger.ecash.addTotals(made.totals);
    book(asked.order, { from: account.ecash, to: asked.hold ? account.ecashHeld : payee(row) }, step);
  } else if (!asked.hold) {
    ledger.ecash.addTotals(ecash.capture(row.coins, mintKeys(step)));
    book(asked.order, { from: account.ecashHeld, to: payee(row) }, step);
  }
  const next: PaymentRow = { ...row, until, state: asked.hold ? 'held' : 'paid' };
  const receipt = receiptOf(next, step);
  ledger.ecash.setPayment({ ...next, receipt });
  return { receipt, change: [...row.change] };
}

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
      ledger.ecash.addTotals(ecash.capture(row.coins, mintKeys(step)));
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
  ledger.ecash.addTotals(ecash.free(row.coins, mintKeys(step)));
  return row.amount;
}

export function restore({ outputs }: v.InferOutput<typeof ecashRestoreOrder>, { ledger }: OrderStep): JsonObject {
  return { signatures: outputs.map(({ ks, b }) => ledger.ecash.signature(ks, b) ?? null) };
}

/** Tells who holds a coin what became of it, and of no other. */
export function prove({ from, nonce }: v.InferOutput<typeof ecashProveOrder>, step: OrderStep): JsonObject {
  return { nonce, ...fateOf(from, step) };
}

/** The same of many, in one word each. */
export function spent({ coins }: v.InferOutput<typeof ecashSpentOrder>, step: OrderStep): JsonObject {
  return { spent: coins.map((pk) => fateOf(pk, step).state !== 'unspent') };
}

type Fate = { readonly state: 'unspent' | 'held' | 'paid' | 'swapped'; readonly deposit?: Json };

function fateOf(pk: string, { ledger }: OrderStep): Fate {
  const use = ledger.ecash.useOf(pk);
  const [kind, vnd = '', challenge = ''] = use?.split(' ') ?? [];
  if (kind === undefined) return { state: 'unspent' };
  if (kind === 'swap') return { state: 'swapped' };
  const row = ledger.ecash.payment(vnd, challenge);
  if (kind !== 'pay' || !row) throw new Error('a spent coin has a payment');
  if (row.state !== 'paid' && row.state !== 'held') return { state: 'unspent' };
  return { state: row.state, deposit: row.receipt };
}

const mintKeys = ({ ledger }: Step): MintKeys => ledger.ecash.mintKeys();

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

function receiptOf(row: PaymentRow, { keys, env }: Step): JsonObject {
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
const payee = ({ vnd, via }: Pick<PaymentRow, 'vnd' | 'via'>): string =>
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
