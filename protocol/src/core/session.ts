// One shape for what a payment writes, whether it stands alone or is a step of a session, so that hosts have one path.
import type { Json } from './json.ts';
import type { ClaimStep, Deed, Question, Verified } from './method.ts';

export type Applied = Pick<Verified, 'claims' | 'untilMs' | 'reference' | 'details'> & {
  readonly deeds: readonly Deed[];
  /** The session's row before was read; this is the row to write and what would undo it. */
  readonly row?: { readonly key: string; readonly next: Json; readonly undo: Json };
  readonly ask?: Question;
};

/**
 * To be called inside the atomic write, with the session's row as it stands there (`undefined`: none, or no session).
 * @throws {PaymentProblem} the session does not allow this payment: nothing is written
 */
export function applied(verified: Verified, seen: Json | undefined): Applied {
  const { session, claims, untilMs, reference, details } = verified;
  if (!session) return { claims, untilMs, reference, details, deeds: [] };
  const { next, undo, ...rest } = session.step(seen);
  return { ...rest, row: { key: session.key, next, undo } };
}

/** A claim's total with the evidence of the highest rank. Stores merge steps with this, in any order. */
export type ClaimSum = { readonly total: bigint; readonly untilMs: number; readonly evidence?: ClaimStep['evidence'] };

export function addClaim(sum: ClaimSum | undefined, { add, untilMs, evidence }: ClaimStep): ClaimSum {
  const known = sum?.evidence;
  const best = known && (!evidence || known.rank >= evidence.rank) ? known : evidence;
  return {
    total: (sum?.total ?? 0n) + add,
    untilMs: Math.max(sum?.untilMs ?? 0, untilMs),
    ...(best ? { evidence: best } : {}),
  };
}
