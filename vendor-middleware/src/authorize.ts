// Payments and limits that a broker decides: asked after everything that the site can check by itself, and before the write.

import { type BrokerOrder, PaymentProblem, type Verified } from '@farthing/protocol';
import { GRACE_MS } from './approvals.ts';
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
  site: Site,
  { id, credential, verified, isServed }: Payment,
  attempt: (verified: Verified) => Promise<Found>,
): Promise<Found | { kind: 'known'; stored: Stored }> {
  const { store, approvals } = site;
  const { authorize } = verified;
  if (!authorize) return attempt(verified);
  const name = `${id} ${credential}`;
  const { giveUp } = authorize;
  const ask = () => approvals.ask(authorize, { id, name });
  return approvals.inTurn(name, async () => {
    const stored = await store.find(id);
    if (stored && (stored.credential !== credential || isServed(stored))) return { kind: 'known', stored };
    const { said, askedAtMs } = await ask();
    const found = await attempt({ ...verified, ...said }).catch(async (error: unknown) => {
      if (giveUp && isRefusal(error)) await letGo(site, { id, giveUp });
      throw error;
    });
    // Another payment stands in its way here, such as one with the same Idempotency-Key.
    if (giveUp && (found.kind === 'held' || found.kind === 'over')) await letGo(site, { id, giveUp });
    // Its write waited so long that what it was told may have been given up by a copy meanwhile.
    if (found.kind === 'won' && performance.now() - askedAtMs > GRACE_MS) await again(site, id, ask);
    return found;
  });
}

/** Asks about a payment that is written. @throws {PaymentProblem} as `Approvals.ask`: the payment is not this run's then */
async function again({ store, owner }: Site, id: string, ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    await store.settle(id, owner.id, isRefusal(error) ? 'release' : 'loose');
    throw error;
  }
}

const isRefusal = (error: unknown): boolean => error instanceof PaymentProblem && error.extra.consumed !== 'unknown';

type Held = { readonly id: string; readonly giveUp: BrokerOrder };

/** What goes with no credential: whoever finds it has another payment. */
const NOBODY = 'given up';

/**
 * Gives up what the broker holds for a payment that was not written. Its id is taken first, so that no copy of it, here or in
 * another process, is delivered while the money goes back; a crash meanwhile leaves it taken, and the hold ends by itself.
 */
async function letGo({ store, approvals, owner, env, tell }: Site, { id, giveUp }: Held): Promise<void> {
  const { nowMs: atMs } = env();
  const nothing = { spends: [], tallies: [], claims: [], mints: [], outcome: '' };
  const taken = {
    id,
    credential: NOBODY,
    target: NOBODY,
    owner: owner.id,
    atMs,
    untilMs: atMs,
    state: 'reserved',
  } as const;
  if ((await store.reserve({ ...taken, ...nothing })).kind !== 'won') return;
  approvals
    .giveUp(giveUp, id)
    .then(() => store.settle(id, owner.id, 'release'))
    .catch(() => tell({ code: 'store-fault', message: 'a payment that was given up could not be forgotten' }));
}

/**
 * Lets the broker free what a failed run holds; only while the payment is this run's own, and with its time renewed, so that
 * nobody takes it over and delivers meanwhile. `loose`: it may still be held, and a repeat asks again.
 */
export async function givenUp(
  { store, approvals, owner, env }: Site,
  { id, giveUp }: Held,
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
