// Seeded runs of any steps in any order, by two processes that restart: a plain memory says what is right.
import { type ClaimStep, type Json, limits, PaymentProblem } from '@farthing/protocol';
import { type Rng, seeded } from '@farthing/protocol/testing';
import { expect } from 'vitest';
import { memory } from '../store/memory.ts';
import type { Reservation, SessionWritten, Stored, VendorStore } from '../store/port.ts';
import { reservation, spend } from './store-suite.ts';

type Run = (store: VendorStore) => Promise<unknown>;

/**
 * Steps that are asked for at once may be carried out in any order, but as if one after the other.
 * @param open another process on the same store
 * @param spread over both processes at once: not where one waits for the other's lock and both are this one
 */
export async function playAnyOrder(
  seed: number,
  open: () => Promise<VendorStore> | VendorStore,
  { spread = false } = {},
): Promise<void> {
  const rng = seeded(seed);
  const model = new Model();
  const stores = [await open(), await open()];
  for (let round = 0; round < 120; round++) {
    const at = rng.below(2);
    if (rng.chance(0.08)) {
      await stores[at]?.close();
      stores[at] = await open();
    }
    const [store, other] = [stores[at] as VendorStore, stores[1 - at] as VendorStore];
    const steps = Array.from({ length: 1 + rng.below(5) }, () => step(rng));
    const got = await Promise.all(steps.map((run) => outcomeOf(run(spread && rng.chance(0.5) ? other : store))));
    await model.follow(steps, { got, all: await everything(other) }, `seed ${seed}, round ${round}`);
    if (rng.chance(0.1)) {
      const kind = rng.pick(['', 's:']);
      await model.with(store, (one) => payOut(kind, one));
    }
    if (rng.chance(0.05)) await model.with(store, sweepAll);
  }
  for (const store of stores) await store.close();
}

type Found = { readonly got: unknown[]; readonly all: unknown };

/** What is right: a memory, and how it came to be what it is. */
class Model {
  #memory = memory();
  readonly #history: Run[] = [];

  /** The same to a store and here. */
  async with(store: VendorStore, run: Run): Promise<void> {
    for (const one of [store, this.#memory]) await run(one);
    this.#history.push(run);
  }

  /** Looks for an order of these steps that gives what was found. */
  async follow(steps: readonly Run[], found: Found, name: string): Promise<void> {
    const first = await play(this.#memory, steps, steps);
    let order: readonly Run[] | undefined = isSame(first, found) ? steps : undefined;
    for (const other of order ? [] : orders(steps)) {
      const again = memory();
      for (const run of this.#history) await outcomeOf(run(again));
      if (!isSame(await play(again, steps, other), found)) continue;
      this.#memory = again;
      order = other;
      break;
    }
    if (!order) expect(found, name).toEqual(first);
    this.#history.push(...(order ?? []));
  }
}

/** In this order; the answers in that of `steps`. */
async function play(store: VendorStore, steps: readonly Run[], order: readonly Run[]): Promise<Found> {
  const answers = new Map<Run, unknown>();
  for (const run of order) answers.set(run, await outcomeOf(run(store)));
  return { got: steps.map((run) => answers.get(run)), all: await everything(store) };
}

function isSame(one: Found, other: Found): boolean {
  try {
    expect(one).toEqual(other);
    return true;
  } catch {
    return false;
  }
}

function* orders(steps: readonly Run[]): Generator<readonly Run[]> {
  if (steps.length < 2) yield steps;
  else {
    for (const [i, run] of steps.entries()) {
      for (const rest of orders(steps.toSpliced(i, 1))) yield [run, ...rest];
    }
  }
}

const IDS = Array.from({ length: 8 }, (_, i) => `id${i}`);
const SPENDS = ['a', 'b', 'c', 'd', 'e', 'f'];
const OWNERS = ['me', 'you'];
const ROOTS = ['root', 's:0', 's:1'];

/** Then every payment has ended, and no claim. */
const SWEEP_MS = 1_000_001 + limits.clockSkewMs + limits.retentionMs;

function step(rng: Rng): Run {
  const [id, owner, key] = [rng.pick(IDS), rng.pick(OWNERS), rng.pick(ROOTS)];
  const [amount, atMs] = [1 + rng.below(9), rng.below(3)];
  const kind = rng.below(10);
  if (kind < 5) {
    const entry = payment(rng, { id, owner, atMs });
    return (store) => store.reserve(entry);
  }
  if (kind < 8) {
    const verdict = rng.pick(['commit', 'commit', 'release', 'loose'] as const);
    return (store) => store.settle(id, owner, verdict, (row, undo) => Number(row) - Number(undo));
  }
  if (kind < 9) {
    const take = { from: owner, atMs, to: rng.pick(OWNERS), nowMs: atMs + 1 };
    return (store) => store.takeOver(id, take);
  }
  return (store) =>
    store.changeSession(key, (row) => {
      if (Number(row) % 5 === 4) throw new PaymentProblem('session-final');
      return { next: Number(row) + amount, claims: [{ key, add: BigInt(amount), untilMs: 1e15 }], untilMs: 1e15 };
    });
}

function payment(rng: Rng, given: Pick<Reservation, 'id' | 'owner' | 'atMs'>): Reservation {
  const amount = 1 + rng.below(9);
  const untilMs = rng.below(1_000_000);
  // Some are larger than a float holds, some small enough for any short way.
  const add = (amount % 2 ? 2n ** 53n : 0n) + BigInt(amount);
  const claims: ClaimStep[] = [{ key: rng.pick(ROOTS), add, untilMs: 1e15 }];
  const single = { key: `s:once-${rng.below(2 ** 30)}`, add: BigInt(amount), untilMs: 1e15, once: true } as const;
  if (rng.chance(0.3)) claims.push({ ...single, evidence: { rank: 0, proof: { of: given.id } } });
  const entry = reservation({
    ...given,
    untilMs,
    outcome: `"outcome\n${rng.below(1000)}`,
    credential: `cred${rng.below(3)}`,
    state: rng.chance(0.3) ? 'committed' : 'reserved',
    spends: SPENDS.filter(() => rng.chance(0.2)).map(spend),
    tallies: rng.chance(0.3) ? [{ key: 'tally', add: BigInt(amount), limit: 60n, code: 'licence-exceeded' }] : [],
    claims,
    mints: [`mint${amount}`],
  });
  return rng.chance(0.4) ? { ...entry, claims: [], session: { key: rng.pick(ROOTS), step: adding(amount) } } : entry;
}

const adding =
  (amount: number) =>
  (seen: Json | undefined): SessionWritten => {
    if (Number(seen) % 7 === 6) throw new PaymentProblem('index-used');
    const next = Number(seen ?? 0) + amount;
    const key = 's:1';
    const tallies = [{ key: 'deeds', add: 1n, limit: 4n, code: 'limit-reached' as const }];
    return {
      outcome: `row was ${seen}`,
      untilMs: 1_000_000,
      claims: [{ key, add: BigInt(amount), untilMs: 1e15, evidence: { rank: next, proof: { at: next } } }],
      next,
      undo: amount,
      deeds: seen === undefined ? [{ key, deed: { amount }, tallies, untilMs: 1e15 }] : [],
    };
  };

async function outcomeOf(answer: Promise<unknown>): Promise<unknown> {
  return answer
    .then(decided)
    .catch((error: unknown) => (error instanceof PaymentProblem ? error.code : `fault ${error}`));
}

function decided(answer: unknown): unknown {
  const { kind, stored, by, code }: Partial<Record<string, unknown>> = Object(answer);
  if (kind === 'known') return { kind, stored: owned(stored as Stored) };
  return kind === 'held' ? { kind, code, by: owned(by as Stored) } : answer;
}

/** Nobody asks who has a payment that was decided. */
const owned = (stored: Stored | undefined): Partial<Stored> | undefined =>
  stored?.state === 'committed' ? { ...stored, owner: '', atMs: 0 } : stored;

/** All that can be asked of a store. */
async function everything(store: VendorStore) {
  return {
    found: await Promise.all(IDS.map(async (id) => owned(await store.find(id)))),
    rows: await Promise.all(ROOTS.map((key) => store.readSession(key))),
    open: (await store.unsettled(100)).sort((a, b) => (a.id < b.id ? -1 : 1)),
    due: [await store.claimsDue(1000), await store.claimsDue(1000, 's:')].map((list) =>
      list.sort((a, b) => (a.key < b.key ? -1 : 1)),
    ),
    count: await store.countDue(1000),
  };
}

async function payOut(kind: string, store: VendorStore): Promise<void> {
  const due = await store.claimsDue(1000, kind);
  const over = (key: string) => (key.includes('once') ? { over: true as const } : {});
  const paid = due.map(({ key, total }) => ({ key, total, ...over(key) }));
  expect(await store.claimsPaid(paid, { key: 'outbox', was: undefined, put: {} })).toBe(true);
}

async function sweepAll(store: VendorStore): Promise<void> {
  while ((await store.sweep(SWEEP_MS, 1)) > 0);
}
