// The consuming write says who won (reliability §3): reserve, or find out what became of the payment before.
import type { Trail } from '@farthing/node-kit/telemetry';
import {
  type Applied,
  applied,
  type BrokerOrder,
  instantPrinter,
  PaymentProblem,
  type ProblemCode,
  printReceipt,
  type Question,
  readReceipt,
  type Spend,
  type Verified,
} from '@farthing/protocol';
import { authorized, reserveWithin } from './authorize.ts';
import { type Check, check, credentialHash, prove, targetHash } from './check.ts';
import type { Sessions } from './methods.ts';
import { isDead } from './owner.ts';
import type { Site } from './site.ts';
import type { Reservation, Reserved, SessionWritten, Stored, Undo } from './store/port.ts';

/**
 * May the handler run? `first`: this request consumed the payment, and its verdict decides. `takeover`: the same, after
 * a run that ended without verdict, whose receipt may be out: it never releases. `paid`: it was paid before.
 */
export type Pass = {
  readonly kind: 'first' | 'takeover' | 'paid';
  readonly id: string;
  readonly receipt: string;
  /** A handler that fails gives this payment back. */
  readonly releases: boolean;
  /** What the broker is told first then. */
  readonly giveUp?: BrokerOrder;
  readonly session?: SessionPass;
};

/** A payment inside a session. `final`: it ended the session, and buys nothing. */
export type SessionPass = { readonly key: string; readonly final: boolean; readonly undo: Undo };

export type Admission = Check & {
  readonly trail: Trail;
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
  const { crypto } = site.env();
  const hashes = { credential: credentialHash(credential, crypto), target: targetHash(visit, crypto) };
  const mine = identify(admission, hashes);
  const attempt = await prepare(admission, mine);
  admission.trail.step('reserve');
  const endMs = performance.now() + WAIT_MS;
  for (;;) {
    const found = await attempt();
    const pass = found.kind === 'won' ? won(admission, mine, found) : await decide(site, mine, found);
    if (typeof pass === 'object') return pass;
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) {
      throw new PaymentProblem('outcome-unknown', { consumed: 'unknown', retryAfter: 1 });
    }
    if (pass !== 'again') await site.flights.watch(pass.slice(5), leftMs);
  }
}

type Mine = Pick<Reservation, 'id' | 'credential' | 'target'> & {
  /** The problem of another payment under this id. */
  readonly code: ProblemCode;
  readonly session?: { readonly key: string; readonly role: Sessions };
};

/** One challenge serves a whole session, so its payments go by what they show: each index of a chain serves one request. */
function identify({ site, credential }: Check, hashes: Pick<Mine, 'credential' | 'target'>): Mine {
  const { challenge, payload } = credential;
  const role = site.methods.find(({ name }) => name === challenge.method)?.sessions;
  const named = role?.identify(payload, site.env());
  if (!role || !named) return { ...hashes, id: challenge.id, code: 'challenge-reused' };
  const { id, code, key } = named;
  return { ...hashes, id, code, session: { key, role } };
}

/**
 * A good credential is reserved. One that is not good (any more) may still be the repeat of one that was: what was
 * consumed in time stays good after the challenge, the price or the instrument has gone.
 */
async function prepare(admission: Admission, mine: Mine): Promise<Attempt> {
  const { site } = admission;
  try {
    while (!site.serials.isReady) await site.serials.lease();
    const verified = checked(admission) ?? (await checkedAgain(admission));
    if (verified.proofs) await prove(verified.proofs);
    if (!site.crashed.isEmpty) await site.crashed.settleBy(verified.spends);
    if (site.flights.isFull || site.redeemer.isFull) {
      throw new PaymentProblem('site-not-ready', { detail: 'too many payments are open', retryAfter: 5 });
    }
    if (site.readiness.isDraining) {
      throw new PaymentProblem('site-not-ready', { detail: 'the site is being closed', retryAfter: 2 });
    }
    if (!verified.authorize) return reserving(admission, mine, verified);
    const isServed = (stored: Stored) =>
      stored.state === 'committed' || (stored.state === 'reserved' && !isStale(site, stored));
    const payment = { ...mine, verified, isServed };
    return () => authorized(site, payment, (agreed) => reserving(admission, mine, agreed)());
  } catch (error) {
    if (!(error instanceof PaymentProblem)) throw error;
    return async () => {
      const stored = await site.store.find(mine.id);
      if (!stored) throw error;
      if (stored.credential !== mine.credential && error.code === 'challenge-mismatch') throw error;
      return { kind: 'known', stored };
    };
  }
}

/** Another process of this site may know the licence or the keyset. */
const UNKNOWN_HERE: ReadonlySet<ProblemCode> = new Set(['scrip-foreign', 'keyset-unknown']);

/** `undefined` for money of a licence or a keyset that is unknown here. @throws {PaymentProblem} */
function checked(admission: Admission): Verified | undefined {
  try {
    return check(admission);
  } catch (error) {
    if (error instanceof PaymentProblem && UNKNOWN_HERE.has(error.code)) return undefined;
    throw error;
  }
}

async function checkedAgain(admission: Admission): Promise<Verified> {
  const { site } = admission;
  await site.reload();
  while (!site.serials.isReady) await site.serials.lease();
  return check(admission);
}

/** May be made again, when another payment stood in the way. */
type Attempt = () => Promise<Won | Rest>;
type Won = Pick<Pass, 'receipt' | 'giveUp'> & {
  readonly kind: 'won';
  readonly final: boolean;
  readonly ask?: Question;
};
type Rest = Exclude<Reserved, { kind: 'won' }>;

const timestamp = instantPrinter();

/** The consuming write. What depends on a session's row is completed inside of it, perhaps more than once. */
function reserving(admission: Admission, mine: Mine, verified: Verified): Attempt {
  const { site, credential } = admission;
  const { opening } = admission.visit;
  const atMs = site.env().nowMs;
  const receiptOf = ({ reference, details }: Pick<Applied, 'reference' | 'details'>): string =>
    printReceipt({
      status: 'success',
      method: credential.challenge.method,
      timestamp: timestamp(atMs),
      reference,
      challengeId: credential.challenge.id,
      details: opening ? { ...details, key: opening.key } : details,
    });
  const plain = reservation(admission, mine, { verified, atMs });
  const { session, authorize } = verified;
  if (!session) {
    const entry = { ...plain, outcome: receiptOf(verified) };
    const giveUp = authorize?.giveUp ? { giveUp: authorize.giveUp } : {};
    return async () => {
      const found = await written(reserveWithin(site, entry));
      return found.kind === 'won' ? { kind: 'won', receipt: entry.outcome, final: false, ...giveUp } : found;
    };
  }
  return async () => {
    let made: Applied | undefined;
    const step = (seen: Parameters<typeof applied>[1]): SessionWritten => {
      made = applied(verified, seen);
      const { untilMs, claims, deeds, row } = made;
      if (!row) throw new Error('a step of a session writes its row');
      return { outcome: receiptOf(made), untilMs, claims, deeds, next: row.next, undo: row.undo };
    };
    const found = await written(reserveWithin(site, { ...plain, session: { key: session.key, step } }));
    if (found.kind !== 'won') return found;
    const final = made?.details['final'] === true;
    return { kind: 'won', receipt: found.written?.outcome ?? '', final, ...(made?.ask ? { ask: made.ask } : {}) };
  };
}

function reservation(
  { site, upfront, alsoSpend }: Admission,
  { id, credential, target }: Mine,
  { verified, atMs }: { verified: Verified; atMs: number },
): Reservation {
  const { spends, tallies, claims, mints = [], untilMs } = verified;
  return {
    id,
    credential,
    target,
    owner: site.owner.id,
    atMs,
    untilMs,
    outcome: '',
    state: upfront ? 'committed' : 'reserved',
    spends: [...spends, ...alsoSpend.map((spend) => ({ ...spend, untilMs }))],
    tallies,
    claims,
    mints,
  };
}

/** A write that failed may or may not be on disk. What a session refuses was not written. */
async function written<Value>(write: Promise<Value>): Promise<Value> {
  try {
    return await write;
  } catch (cause) {
    if (cause instanceof PaymentProblem) throw cause;
    throw Object.assign(new PaymentProblem('outcome-unknown', { consumed: 'unknown', retryAfter: 2 }), { cause });
  }
}

function won({ site, upfront }: Admission, { id, session }: Mine, { receipt, final, ask, giveUp }: Won): Pass {
  site.flights.start(id);
  const pass = { kind: 'first' as const, id, receipt, releases: !upfront, ...(giveUp ? { giveUp } : {}) };
  if (!session) return pass;
  const { key, role } = session;
  site.bells.ring(key);
  if (ask) site.questions.ask(ask, { key, role });
  return { ...pass, session: { key, final, undo: role.undo } };
}

/** What a repeat knows of its session is in the receipt that it gets again. */
function again(kind: 'takeover' | 'paid', { id, session }: Mine, receipt: string): Pass {
  const pass = { kind, id, receipt, releases: false };
  if (!session) return pass;
  const final = readReceipt(receipt)?.details['final'] === true;
  return { ...pass, session: { key: session.key, final, undo: session.role.undo } };
}

/** A pass, or `wait:<id>`: look again when that payment has ended; or `again`: look again now. */
async function decide(site: Site, mine: Mine, found: Rest): Promise<Pass | `wait:${string}` | 'again'> {
  if (found.kind === 'over') throw new PaymentProblem(found.code);
  if (found.kind === 'held') {
    if (found.by.state === 'reserved' && !isStale(site, found.by)) return `wait:${found.by.id}`;
    throw spentElsewhere(found);
  }
  const { stored } = found;
  if (stored.credential !== mine.credential) throw new PaymentProblem(mine.code);
  if (stored.target !== mine.target) {
    throw new PaymentProblem(mine.code, { consumed: stored.state === 'committed' ? true : 'unknown' });
  }
  if (stored.state === 'committed') return again('paid', mine, stored.outcome);
  if (stored.state === 'reserved' && !isStale(site, stored)) return `wait:${stored.id}`;
  const { nowMs } = site.env();
  const take = { from: stored.owner, atMs: stored.atMs, to: site.owner.id, nowMs };
  if (!(await written(site.store.takeOver(mine.id, take)))) return 'again';
  site.flights.start(mine.id);
  return again('takeover', mine, stored.outcome);
}

const spentElsewhere = ({ code, names }: { code: ProblemCode; names: readonly string[] }): PaymentProblem => {
  const members = names.length > 0 ? { members: { spent: names } } : {};
  return new PaymentProblem(code, { consumed: code !== 'idempotency-reused', ...members });
};

/** Nobody serves it any more: its process is gone, or has had its time. */
const isStale = (site: Site, { id, owner, atMs }: Stored): boolean =>
  !site.flights.has(id) && (isDead(owner) || site.env().nowMs - atMs > site.reservationMs);
