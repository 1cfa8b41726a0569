// Streams: units are taken out of what was paid ahead, as they are delivered, without a new credential. The row is written
// before a unit is delivered, so the seller never delivers more than was paid; what was taken is claimed once it has left.

import type { Env } from '../../core/crypto.ts';
import type { Json } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { Metered, Price, StreamProgress } from '../../core/method.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { isPollDue } from '../poll.ts';
import type { PaywordKeys } from './keys.ts';
import { claimsOf, endOfRow, receiptOf } from './outcome.ts';
import { questionOf } from './question.ts';
import { add, draw, freeOf, need, needLive, readRow, type SessionState, toRow } from './session.ts';
import { lift, put, withoutLost } from './streams.ts';

type Want = { price: Price; units: number; stream: StreamProgress };

/** @throws {PaymentProblem} `session-final`, `limit-reached`, `cert-foreign`, `site-not-ready`: too many streams */
export function meter(row: Json, { price, units, stream }: Want, keys: PaywordKeys, env: Env): Metered {
  const { nowMs } = env;
  const { state, sent, held } = lift(withoutLost(readRow(row), nowMs), stream);
  needLive(state, keys, nowMs);
  if (price.currency !== state.cur) throw new PaymentProblem('cert-foreign');
  if ((state.streams?.length ?? 0) >= limits.sessionStreams) {
    throw new PaymentProblem('site-not-ready', { detail: 'too many streams of this session are running' });
  }
  const free = [...state.deeds.keys()].reduce((sum, d) => sum + freeOf(state, d, nowMs), 0n);
  const [asked, most] = [bounded(units), free / price.amount];
  const count = most < asked ? most : asked;
  const cost = count * price.amount;
  const { state: drawn, takes } = draw(state, cost, nowMs);
  const known: SessionState = count === 0n ? drawn : { ...drawn, seenMs: nowMs };
  const next = put(known, { id: stream.id, price: price.amount, takes: [...held, ...takes], nowMs });
  const due = keys.pollMicro !== undefined && count > 0n && isPollDue(env.random(6), cost, keys.pollMicro);
  const ask = due ? questionOf(next, { vnd: keys.vnd, amount: cost }) : undefined;
  return {
    units: Number(count),
    left: Number(bounded(most - count)),
    next: toRow(next),
    claims: claimsOf(next, sent),
    untilMs: endOfRow(next),
    details: { ...receiptOf(next, 'session'), units: Number(count) },
    ...(asked > 0n && count === 0n ? { need: { session: state.id, ...need(state, price.amount - free) } } : {}),
    ...(ask ? { ask } : {}),
  };
}

export function leave(row: Json, stream: StreamProgress, { nowMs }: Env): ReturnType<typeof changed> {
  const { state, sent, held } = lift(withoutLost(readRow(row), nowMs), stream);
  return changed(add(state, held, -1n), sent);
}

const changed = (next: SessionState, sent: Parameters<typeof claimsOf>[1]) => ({
  next: toRow(next),
  claims: claimsOf(next, sent),
  untilMs: endOfRow(next),
  details: receiptOf(next, 'session'),
});

function bounded(units: number | bigint): bigint {
  const most = BigInt(limits.sessionUnits);
  const count = typeof units === 'bigint' ? units : BigInt(Math.max(0, Math.floor(units)));
  return count < most ? count : most;
}
