// Streams: units are taken out of what was paid ahead, as they are delivered, without a new credential. The row is written
// before a unit is delivered, so the seller never delivers more than was paid, and the buyer loses one unit at most.

import type { Env } from '../../core/crypto.ts';
import type { Json } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { Metered, Price } from '../../core/method.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { isPollDue } from '../poll.ts';
import type { PaywordKeys } from './keys.ts';
import { claimsOf, endOfRow, receiptOf } from './outcome.ts';
import { questionOf } from './question.ts';
import { draw, freeOf, need, needLive, readRow, toRow } from './session.ts';

/** @throws {PaymentProblem} `session-final`, `limit-reached`, `cert-foreign` */
export function meter(row: Json, want: { price: Price; units: number }, keys: PaywordKeys, env: Env): Metered {
  const state = readRow(row);
  const { price } = want;
  needLive(state, env.nowMs);
  if (price.currency !== state.cur) throw new PaymentProblem('cert-foreign');
  const free = [...state.deeds.keys()].reduce((sum, d) => sum + freeOf(state, d, env.nowMs), 0n);
  const most = free / price.amount;
  const asked = BigInt(Math.min(Math.max(0, Math.floor(want.units)), limits.sessionUnits));
  const units = most < asked ? most : asked;
  const untilMs = endOfRow(state);
  if (units === 0n) {
    const wanted = { session: state.id, ...need(state, price.amount - free) };
    return { units: 0, next: row, claims: [], untilMs, details: receiptOf(state, 'session'), need: wanted };
  }
  const cost = units * price.amount;
  const { state: drawn, takes } = draw(state, cost, env.nowMs);
  const next = { ...drawn, seenMs: env.nowMs };
  const due = keys.pollMicro !== undefined && isPollDue(env.random(6), cost, keys.pollMicro);
  const ask = due ? questionOf(next, { vnd: keys.vnd, amount: cost }) : undefined;
  return {
    units: Number(units),
    next: toRow(next),
    claims: claimsOf(next, takes),
    untilMs,
    details: { ...receiptOf(next, 'session'), units: Number(units) },
    ...(ask ? { ask } : {}),
  };
}
