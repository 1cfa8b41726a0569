// What paying out makes of a claim, in every store that keeps claims as values.
import type { ClaimSum } from '@farthing/protocol';
import type { ClaimPaid } from './port.ts';

export type PaidClaim = ClaimSum & { readonly paid: bigint };

/** Never lowers what was paid. A claim that is over loses its evidence. */
export function paidOut({ evidence, ...claim }: PaidClaim, { total, over }: ClaimPaid): PaidClaim {
  const now = { ...claim, paid: total > claim.paid ? total : claim.paid };
  return evidence && !(over && now.paid === now.total) ? { ...now, evidence } : now;
}
