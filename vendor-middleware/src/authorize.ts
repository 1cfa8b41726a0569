// Payments and limits that a broker decides: asked after everything that the site can check by itself, and before the write.
import { type BrokerOrder, PaymentProblem, type Verified } from '@farthing/protocol';
import type { Site } from './site.ts';
import type { Reservation, Reserved, Stored } from './store/port.ts';

type Payment = Pick<Reservation, 'id' | 'credential'> & {
  readonly verified: Verified;
  isServed(stored: Stored): boolean;
};

/**
 * Asks about a payment, and makes the attempt with what the broker says of it. A payment that the site knows is found, and
 * nobody is asked; but one whose run was cut off is asked about again, because its hold may have ended.
 * @throws {PaymentProblem} as `Approvals.ask`, and what the attempt throws
 */
export async function authorized<Found extends { readonly kind: string }>(
  { store, approvals }: Site,
  { id, credential, verified, isServed }: Payment,
  attempt: (verified: Verified) => Promise<Found>,
): Promise<Found | { kind: 'known'; stored: Stored }> {
  const { authorize } = verified;
  if (!authorize) return attempt(verified);
  const stored = await store.find(id);
  if (stored && (stored.credential !== credential || isServed(stored))) return { kind: 'known', stored };
  const giveUp = () => authorize.giveUp && void approvals.giveUp(authorize.giveUp, id);
  const approved = await approvals.ask(authorize, { id, name: `${id} ${credential}` });
  try {
    const found = await attempt({ ...verified, ...approved });
    // Another payment stands in its way here, such as one with the same Idempotency-Key.
    if (found.kind === 'held' || found.kind === 'over') giveUp();
    return found;
  } catch (error) {
    const isRefused = error instanceof PaymentProblem && error.extra.consumed !== 'unknown';
    if (isRefused) giveUp();
    throw error;
  }
}

/**
 * Lets the broker free what a failed run holds; only while the payment is this run's own, and with its time renewed, so that
 * nobody takes it over and delivers meanwhile. `loose`: it may still be held, and a repeat asks again.
 */
export async function givenUp(
  { store, approvals, owner, env }: Site,
  { id, giveUp }: { id: string; giveUp: BrokerOrder },
): Promise<'release' | 'loose'> {
  const stored = await store.find(id);
  if (stored?.state !== 'reserved' || stored.owner !== owner.id) return 'loose';
  const isOurs = await store.takeOver(id, { from: owner.id, atMs: stored.atMs, to: owner.id, nowMs: env().nowMs });
  return isOurs && (await approvals.giveUp(giveUp, id)) ? 'release' : 'loose';
}

/** The write; when a tally is full, once more within the limit that the broker gives. @throws {PaymentProblem} as `Approvals.ask` */
export async function reserveWithin({ approvals, store }: Site, entry: Reservation): Promise<Reserved> {
  const write = () => store.reserve({ ...entry, tallies: entry.tallies.map((tally) => approvals.withLimit(tally)) });
  const found = await write();
  if (found.kind !== 'over') return found;
  const full = entry.tallies.find(({ key }) => key === found.key);
  return full && (await approvals.raise(full, found.sum, entry.id)) ? write() : found;
}
