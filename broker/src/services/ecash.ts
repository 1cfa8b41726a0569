// Coins for money and coins for coins, and what the mint says of them afterwards. It cannot know whom it serves: it sees one-time
// keys, each once, and says what they were worth.
import type { Json, JsonObject } from '@farthing/protocol';
import {
  coinSetHash,
  ecash,
  type ecashProveOrder,
  type ecashRestoreOrder,
  type ecashSpentOrder,
  type ecashSwapOrder,
  type ecashWithdrawOrder,
  type SpentCoin,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import type { PaymentRow } from '../ledger/ecash.ts';
import { account } from '../ledger/journal.ts';
import { useOf } from './ecash-payments.ts';
import { sign } from './ecash-sign.ts';
import type { OrderStep, Step } from './step.ts';

/** @throws {PaymentProblem} keyset problems, `coin-repeated`, `balance-short`, `request-malformed` */
export function withdraw(order: v.InferOutput<typeof ecashWithdrawOrder>, step: OrderStep): JsonObject {
  const { from, rid, cur, outputs } = order;
  const { ledger, env } = step;
  const user = account.user(from);
  const made = ecash.withdraw(outputs, cur, step.ledger.ecash.mintKeys(), env);
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
    const made = ecash.swapVoided({ coins, outputs, cur, amount }, step.ledger.ecash.mintKeys(), env);
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
  const made = ecash.swap({ coins, outputs, cur }, step.ledger.ecash.mintKeys(), env);
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

export function restore({ outputs }: v.InferOutput<typeof ecashRestoreOrder>, { ledger }: OrderStep): JsonObject {
  ledger.gather(() => outputs.map(({ ks, b }) => ledger.ecash.signature(ks, b)));
  return { signatures: outputs.map(({ ks, b }) => ledger.ecash.signature(ks, b) ?? null) };
}

/** Tells who holds a coin what became of it, and of no other. */
export function prove({ from, nonce }: v.InferOutput<typeof ecashProveOrder>, step: OrderStep): JsonObject {
  return { nonce, ...fateOf(from, step) };
}

/** The same of many, in one word each; and which of them are good together alone. */
export function spent({ coins }: v.InferOutput<typeof ecashSpentOrder>, step: OrderStep): JsonObject {
  step.ledger.gather(() => coins.map((pk) => step.ledger.ecash.useOf(pk)));
  const fates = coins.map((pk) => fateOf(pk, step));
  const sets = new Map<string, VoidedSet & { readonly of: number[] }>();
  fates.forEach(({ set }, place) => {
    if (!set) return;
    const known = sets.get(set.coins) ?? { ...set, of: [] };
    known.of.push(place);
    sets.set(set.coins, known);
  });
  return { spent: fates.map(({ state }) => state !== 'unspent'), sets: [...sets.values()] };
}

type VoidedSet = { readonly coins: string; readonly worth: string };
type Fate = {
  readonly state: 'unspent' | 'held' | 'paid' | 'voided' | 'swapped';
  readonly deposit?: Json;
  readonly set?: VoidedSet;
};

function fateOf(pk: string, { ledger, env }: OrderStep): Fate {
  const use = ledger.ecash.useOf(pk);
  const [kind, vnd = '', challenge = ''] = use?.split(' ') ?? [];
  if (kind === undefined) return { state: 'unspent' };
  if (kind === 'swap') return { state: 'swapped' };
  const row = ledger.ecash.payment(vnd, challenge);
  if (kind !== 'pay' || !row) throw new Error('a spent coin has a payment');
  if (row.state === 'held' || row.state === 'paid') return { state: row.state, deposit: row.receipt };
  // One whose change was never signed has its coins back: they are not in use.
  return { state: 'voided', set: { coins: coinSetHash(row.coins, env.crypto), worth: row.amount.toString() } };
}
