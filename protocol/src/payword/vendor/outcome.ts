// What a step of a session writes beside its row: receipt members, claims, and how long they are kept.
import type { JsonObject } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { Stepped } from '../../core/method.ts';
import { evidence, type SessionState, type Take, totals } from './session.ts';

/** Key of the session's row; for the claims of a deed: of the session that it would open. */
export const rowKey = (session: string): string => `payword:${session}`;

/** Members of every receipt of a session. */
export function receiptOf(state: SessionState, intent: string): JsonObject {
  const { authorized, spent } = totals(state);
  return {
    intent,
    session: state.id,
    authorized: authorized.toString(),
    spent: spent.toString(),
    remaining: (authorized - spent).toString(),
  };
}

export const claimsOf = (state: SessionState, takes: readonly Take[]): Stepped['claims'] =>
  takes.flatMap(({ d, amount }) => {
    const deed = state.deeds[d];
    if (!deed) return [];
    const untilMs = claimableUntilMs(deed.exp);
    return [{ key: rowKey(deed.id), add: amount, untilMs, evidence: evidence(state, d) }];
  });

export const claimableUntilMs = (exp: number): number => endOf(exp) + limits.paywordWindowMs;
export const endOfRow = ({ deeds }: SessionState): number => Math.max(...deeds.map(({ exp }) => endOf(exp)));

/** Until then it can be used; then it can be claimed for `limits.paywordWindowMs`. */
export const endOf = (exp: number): number => exp * 1000 + limits.clockSkewMs;
