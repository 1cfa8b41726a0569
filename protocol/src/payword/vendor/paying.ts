// One payment in a session, on its row: the word is taken, then the price is drawn. Pure, so that a store may run it twice.
import type { Env } from '../../core/crypto.ts';
import type { Json } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { Stepped } from '../../core/method.ts';
import type { Currency } from '../../core/money.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { isPollDue } from '../poll.ts';
import type { PaywordKeys } from './keys.ts';
import type { Opened } from './opening.ts';
import { claimableUntilMs, claimsOf, endOfRow, receiptOf, rowKey } from './outcome.ts';
import { questionOf } from './question.ts';
import { add, advance, draw, needLive, readRow, type SessionState, type Shown, toRow, unmark } from './session.ts';
import { withoutLost } from './streams.ts';

type Undo = { a: number; i: number; takes: { d: number; amount: string }[] };

/** What all actions share: the request's price, and chance for a question to the broker, drawn once. */
export type Context = {
  readonly intent: string;
  readonly units: number;
  readonly cost: bigint;
  readonly currency: Currency;
  readonly chance: Uint8Array;
  readonly keys: PaywordKeys;
  readonly env: Env;
};

export const foreignCurrency = () =>
  new PaymentProblem('cert-foreign', { detail: 'the session is in another currency' });

export function known(seen: Json | undefined, session: string): SessionState {
  if (seen === undefined) throw new PaymentProblem('session-unknown', { members: { session } });
  return readRow(seen);
}

export const fresh = ({ brk, cur, deed }: Opened, { idleMs }: PaywordKeys, nowMs: number): SessionState => ({
  id: deed.id,
  brk,
  cur,
  deeds: [],
  chains: [],
  idleMs,
  seenMs: nowMs,
  state: 'open',
});

/**
 * Opens, tops up, or pays once more with the whole opening, as a wallet does until it knows that the site has it. A
 * commitment never starts anew: its indices are used once, in the one session that knows it.
 */
export function open(state: SessionState, opened: Opened, context: Context): Stepped {
  const { deed, chains, shown, tallies, shows } = opened;
  if (state.cur !== opened.cur || state.brk !== opened.brk) throw foreignCurrency();
  const d = state.deeds.findIndex(({ id }) => id === deed.id);
  if (d >= 0) {
    const base = state.chains.findIndex((chain) => chain.d === d);
    return take(state, { ...shown, a: base + shown.a }, context);
  }
  if (state.deeds.length >= limits.sessionDeeds) throw new PaymentProblem('session-full');
  const joined: SessionState = {
    ...state,
    deeds: [...state.deeds, deed],
    chains: [...state.chains, ...chains.map((chain) => ({ ...chain, d: state.deeds.length }))],
  };
  const stepped = take(joined, { ...shown, a: state.chains.length + shown.a }, context);
  const untilMs = claimableUntilMs(deed.exp);
  return { ...stepped, deeds: [{ key: rowKey(deed.id), deed: shows, tallies, untilMs }] };
}

/** One word, one request. */
export function take(state: SessionState, shown: Shown, context: Context): Stepped {
  const { cost, units, intent, keys, chance, env } = context;
  const { nowMs, crypto } = env;
  needLive(state, keys, nowMs);
  if (state.cur !== context.currency) throw foreignCurrency();
  const moved = advance(withoutLost(state, nowMs), shown, { maxStep: keys.maxStep, nowMs, crypto });
  const { state: next, takes } = draw(moved, cost, nowMs);
  const due = keys.pollMicro !== undefined && cost > 0n && isPollDue(chance, cost, keys.pollMicro);
  const ask = due ? questionOf(next, { vnd: keys.vnd, amount: cost }) : undefined;
  const undo = { a: shown.a, i: shown.i, takes: takes.map(({ d, amount }) => ({ d, amount: amount.toString() })) };
  return {
    next: toRow(next),
    undo,
    untilMs: endOfRow(next),
    claims: claimsOf(next, takes),
    deeds: [],
    reference: next.id,
    details: { ...receiptOf(next, intent), a: shown.a, index: shown.i, units },
    ...(ask ? { ask } : {}),
  };
}

/** After a handler that failed: the index and the money are good again; what the word revealed stays known. */
export function undo(row: Json, step: Json): Json {
  const { a, i, takes } = step as unknown as Undo;
  const given = takes.map(({ d, amount }) => ({ d, amount: BigInt(amount) }));
  return toRow(unmark(add(readRow(row), given, -1n), { a, i }));
}
