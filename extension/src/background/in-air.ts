// Payments of scripts that have no answer yet: what one of them opens may pay the next request, if that waits a moment.
import type { Payment } from '@farthing/wallet';
import { arrival, wake } from './asked.ts';

/** By payment, the site that it goes to. */
const inAir = new Map<string, string>();
const LANDING_MS = 800;

export const takeOff = ({ id, url }: Payment) => void inAir.set(id, new URL(url).origin);

export function land(paymentId: string): void {
  if (inAir.delete(paymentId)) wake();
}

/** Waits for an answer that is on its way from this site. False: there is none. */
export async function landedAt(origin: string): Promise<boolean> {
  const before = [...inAir].flatMap(([id, site]) => (site === origin ? [id] : []));
  if (before.length === 0) return false;
  return (await arrival(() => before.some((id) => !inAir.has(id)) || undefined, LANDING_MS)) ?? false;
}
