// Runs the handler and ends the reservation when the status is known, before the first byte (reliability §3, rule 2).
// Nothing is buffered: `on-headers` is enough for every way of answering.
import { setTimeout as pause } from 'node:timers/promises';
import type { Trail } from '@farthing/node-kit/telemetry';
import type { Challenge } from '@farthing/protocol';
import type { NextFunction, Response } from 'express';
import onHeaders from 'on-headers';
import type { Pass } from './admit.ts';
import { givenUp } from './authorize.ts';
import type { Visit } from './check.ts';
import { addVary, keepPrivate, tellConsumed } from './headers.ts';
import type { Offers } from './offers.ts';
import type { Site } from './site.ts';
import { StoreAway } from './store/away.ts';

/** How often a store that is away is told again what was delivered. */
const AGAIN_MS = 500;

export type Delivery = {
  readonly site: Site;
  readonly offers: Offers;
  readonly visit: Visit;
  readonly pass: Pass;
  /** The one that was paid. */
  readonly challenge?: Challenge;
  readonly trail?: Trail;
};

export function deliver(delivery: Delivery, res: Response, next: NextFunction): void {
  const { pass, site } = delivery;
  if (res.destroyed) {
    end(delivery, false);
    return;
  }
  let ended = false;
  const startMs = site.env().nowMs;
  // A run that took longer may have been taken over, and then its release comes too late.
  const isOurs = () => site.env().nowMs - startMs < site.reservationMs / 2;
  const verdict = (good: boolean) => {
    if (ended) return;
    ended = true;
    end(delivery, good);
  };
  onHeaders(res, () => {
    // An answer that comes after the hang-up goes nowhere and gets no receipt.
    if (ended && pass.kind !== 'paid') return;
    const good = res.statusCode < 400;
    verdict(good);
    if (good) attach(delivery, res);
    else tellConsumed(res, !(pass.releases && isOurs()));
  });
  res.once('close', () => verdict(false));
  next();
}

/** A repeat changes nothing: what was paid stays paid, also when this run fails. */
export function end({ site, pass, trail }: Pick<Delivery, 'site' | 'pass' | 'trail'>, good: boolean): void {
  if (pass.kind === 'paid') return;
  trail?.step('verdict');
  if (trail && good) site.figures.stands(trail);
  const ended = () => {
    site.flights.end(pass.id);
    trail?.end(good ? 'ok' : 'undelivered');
    if (good) site.redeemer.nudge();
  };
  // Without its verdict the reservation stays: a repeat of the credential resolves it.
  const lost = () => {
    site.tell({ code: 'store-fault', message: 'a verdict could not be stored; see the log of the store' });
    ended();
  };
  const write = (verdict: 'commit' | 'release' | 'loose') =>
    site.store.settle(pass.id, site.owner.id, verdict, pass.session?.undo);
  // A commit may be said twice. A release may not: the first could have been heard, and somebody pay under the same id since.
  const settle = (verdict: 'commit' | 'release' | 'loose') =>
    verdict === 'commit' ? untilBack(() => write(verdict)) : write(verdict);
  const { giveUp, releases } = pass;
  // Released here after the broker has let go of it: in between nobody can present it again.
  const settled =
    !good && releases && giveUp
      ? givenUp(site, { id: pass.id, giveUp }).then(settle)
      : settle(good ? 'commit' : releases ? 'release' : 'loose');
  settled.then(ended, lost);
}

/** What was delivered is claimed, however long the store is away. */
async function untilBack<Result>(write: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof StoreAway)) throw error;
      await pause(AGAIN_MS, undefined, { ref: false });
    }
  }
}

/** The receipt, a fresh challenge for the next page by the same method, and headers that keep shared caches away. */
export function attach({ offers, visit, pass, challenge }: Delivery, res: Response): void {
  res.setHeader('Payment-Receipt', pass.receipt);
  keepPrivate(res);
  addVary(res);
  // Goods are bought once: there is no next page.
  if (visit.opening || (challenge && offers.servesOn(challenge))) return;
  try {
    const next = offers.print(visit.quote, visit.scope, challenge);
    if (next.length > 0) res.appendHeader('WWW-Authenticate', next);
  } catch {
    // No offer for the next page (its licence has ended): this one is paid all the same.
  }
}
