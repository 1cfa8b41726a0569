// The consuming write says who won (reliability §3): reserve, or find out what became of the payment before.
import {
  type Credential,
  PaymentProblem,
  type ProblemCode,
  printReceipt,
  type Spend,
  type Verified,
} from '@farthing/protocol';
import { check, credentialHash, targetHash, type Visit } from './check.ts';
import type { Offers } from './offers.ts';
import { isDead } from './owner.ts';
import type { Site } from './site.ts';
import type { Reservation, Reserved, Stored } from './store/port.ts';

/**
 * May the handler run? `first`: this request consumed the payment, and its verdict decides. `takeover`: the same, after
 * a run that ended without verdict, whose receipt may be out: it never releases. `paid`: it was paid before.
 */
export type Pass = { readonly kind: 'first' | 'takeover' | 'paid'; readonly id: string; readonly receipt: string };

export type Admission = {
  readonly site: Site;
  readonly offers: Offers;
  readonly visit: Visit;
  readonly credential: Credential;
  /** The payment stands before the handler runs. */
  readonly upfront: boolean;
  /** Binds an Idempotency-Key: a second payment under it is refused. */
  readonly alsoSpend: readonly Spend[];
};

/** How long a repeat waits for the first to end. */
const WAIT_MS = 2000;

/** @throws {PaymentProblem} everything that is wrong; `consumed` says whether money moved */
export async function admit(admission: Admission): Promise<Pass> {
  const { site, credential, visit } = admission;
  const mine = { id: credential.challenge.id, credential: credentialHash(credential), target: targetHash(visit) };
  const { attempt, receipt } = await prepare(admission, mine);
  const endMs = performance.now() + WAIT_MS;
  for (;;) {
    const found = await attempt();
    const pass = found.kind === 'won' ? won(site, mine.id, receipt) : await decide(site, mine, found);
    if (typeof pass === 'object') return pass;
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) {
      throw new PaymentProblem('outcome-unknown', { consumed: 'unknown', retryAfter: 1 });
    }
    if (pass !== 'again') await site.flights.watch(pass.slice(5), leftMs);
  }
}

type Mine = Pick<Reservation, 'id' | 'credential' | 'target'>;

/**
 * A good credential is reserved. One that is not good (any more) may still be the repeat of one that was: what was
 * consumed in time stays good after the challenge, the price or the instrument has gone.
 */
async function prepare(
  admission: Admission,
  mine: Mine,
): Promise<{ attempt: () => Promise<Reserved>; receipt: string }> {
  const { site } = admission;
  try {
    const verified = await checked(admission);
    await site.crashed.settleBy(verified.spends);
    if (site.flights.isFull || site.redeemer.isFull) {
      throw new PaymentProblem('site-not-ready', { detail: 'too many payments are open', retryAfter: 5 });
    }
    const entry = reservation(admission, mine, verified);
    return { attempt: () => written(site.store.reserve(entry)), receipt: entry.outcome };
  } catch (error) {
    if (!(error instanceof PaymentProblem)) throw error;
    const attempt = async (): Promise<Reserved> => {
      const stored = await site.store.find(mine.id);
      if (!stored) throw error;
      if (stored.credential !== mine.credential && error.code === 'challenge-mismatch') throw error;
      return { kind: 'known', stored };
    };
    return { attempt, receipt: '' };
  }
}

async function checked({ site, offers, visit, credential }: Admission): Promise<Verified> {
  try {
    return await check(site, offers, visit, credential);
  } catch (error) {
    if (!(error instanceof PaymentProblem && error.code === 'scrip-foreign')) throw error;
    // Another process of this site may have been granted the licence that it is of.
    await site.reload();
    return check(site, offers, visit, credential);
  }
}

function reservation({ site, credential, upfront, alsoSpend }: Admission, mine: Mine, verified: Verified): Reservation {
  const { nowMs } = site.env();
  const { spends, tallies, claims, mints = [], untilMs, reference, details } = verified;
  const receipt = printReceipt({
    status: 'success',
    method: credential.challenge.method,
    timestamp: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
    reference,
    challengeId: mine.id,
    details,
  });
  return {
    ...mine,
    owner: site.owner.id,
    atMs: nowMs,
    untilMs,
    outcome: receipt,
    state: upfront ? 'committed' : 'reserved',
    spends: [...spends, ...alsoSpend.map((spend) => ({ ...spend, untilMs }))],
    tallies,
    claims,
    mints,
  };
}

/** A write that failed may or may not be on disk. */
async function written<Value>(write: Promise<Value>): Promise<Value> {
  try {
    return await write;
  } catch (cause) {
    throw Object.assign(new PaymentProblem('outcome-unknown', { consumed: 'unknown', retryAfter: 2 }), { cause });
  }
}

function won({ flights }: Site, id: string, receipt: string): Pass {
  flights.start(id);
  return { kind: 'first', id, receipt };
}

/** A pass, or `wait:<id>`: look again when that payment has ended; or `again`: look again now. */
async function decide(
  site: Site,
  mine: Mine,
  found: Exclude<Reserved, { kind: 'won' }>,
): Promise<Pass | `wait:${string}` | 'again'> {
  if (found.kind === 'over') throw new PaymentProblem(found.code);
  if (found.kind === 'held') {
    if (found.by.state === 'reserved' && !isStale(site, found.by)) return `wait:${found.by.id}`;
    throw spentElsewhere(found.code);
  }
  const { stored } = found;
  if (stored.credential !== mine.credential) throw new PaymentProblem('challenge-reused');
  if (stored.target !== mine.target) {
    throw new PaymentProblem('challenge-reused', { consumed: stored.state === 'committed' ? true : 'unknown' });
  }
  if (stored.state === 'committed') return { kind: 'paid', id: mine.id, receipt: stored.outcome };
  if (stored.state === 'reserved' && !isStale(site, stored)) return `wait:${stored.id}`;
  const { nowMs } = site.env();
  const take = { from: stored.owner, atMs: stored.atMs, to: site.owner.id, nowMs };
  if (!(await written(site.store.takeOver(mine.id, take)))) return 'again';
  site.flights.start(mine.id);
  return { kind: 'takeover', id: mine.id, receipt: stored.outcome };
}

const spentElsewhere = (code: ProblemCode): PaymentProblem =>
  new PaymentProblem(code, { consumed: code !== 'idempotency-reused' });

/** Nobody serves it any more: its process is gone, or has had its time. */
const isStale = (site: Site, { id, owner, atMs }: Stored): boolean =>
  !site.flights.has(id) && (isDead(owner) || site.env().nowMs - atMs > site.reservationMs);
