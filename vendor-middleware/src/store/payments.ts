// The steps of payments, on whatever books a store keeps. Each decides first, reading and computing all that can fail, and then
// changes.
import { addClaim, type ClaimStep, type ClaimSum, type Json, limits, type Spend, type Tally } from '@farthing/protocol';
import type { TallySum } from './batch.ts';
import type { Books, Standing } from './books.ts';
import { claimsOf, type Line, lineOf } from './lines.ts';
import type { Reservation, Reserved, SessionChange, Stored, Undo, VendorStore } from './port.ts';

export function reserve(books: Books, entry: Reservation): Reserved {
  const known = books.find(entry.id);
  if (known) return { kind: 'known', stored: known };
  const held = holding(entry.spends, (key) => books.holder(key));
  if (held) return held;
  const { session } = entry;
  const written = session?.step(books.state.sessions.get(session.key)?.row);
  const all = written ? [...entry.tallies, ...written.deeds.flatMap(({ tallies }) => tallies)] : entry.tallies;
  const sums = tally(books.state, all);
  if ('kind' in sums) return sums;
  const booked = entry.state === 'committed' ? book(books.state, (written ?? entry).claims) : undefined;
  const line = lineOf(entry, written);
  books.change((state) => {
    state.put(line);
    set(state.tallies, sums);
    books.keepEvidence((written ?? entry).claims);
    if (booked) set(state.claims, booked);
    if (!session || !written) return;
    state.sessions.set(session.key, { row: written.next, untilMs: written.untilMs });
    for (const deed of written.deeds) books.keepDeed(deed);
  });
  return written ? { kind: 'won', written } : { kind: 'won' };
}

/** The first that stands in the way of these instruments, and the names of all that are lost for the same reason. */
export function holding(
  spends: readonly Spend[],
  holder: (key: string) => Stored | undefined,
): Extract<Reserved, { kind: 'held' }> | undefined {
  for (const { key, code } of spends) {
    const by = holder(key);
    if (!by) continue;
    const lost = spends.filter((spend) => spend.code === code && holder(spend.key) !== undefined);
    return { kind: 'held', code, names: lost.flatMap(({ name }) => name ?? []), by };
  }
  return undefined;
}

export type Verdict = Parameters<VendorStore['settle']>[2];

export type Settling = { readonly id: string; readonly owner: string; readonly verdict: Verdict };

export function settle(books: Books, { id, owner, verdict }: Settling, undo: Undo | undefined): boolean {
  const open = books.state.open(id);
  if (!open || (verdict !== 'commit' && open.owner !== owner)) return false;
  if (verdict === 'loose') books.change((state) => state.update(id, { state: 'loose' }));
  if (verdict === 'release') release(books, open.line, undo);
  if (verdict === 'commit') {
    const booked = book(books.state, claimsOf(open.line));
    books.change((state) => {
      state.close(id);
      set(state.claims, booked);
    });
  }
  return true;
}

function release(books: Books, { id, steps }: Line, undo: Undo | undefined): void {
  const { sessions, tallies } = books.state;
  const sums = new Map<string, TallySum>();
  for (const { key, add } of steps.tallies) {
    const now = sums.get(key) ?? tallies.get(key);
    if (!now) continue;
    const sum = now.sum - BigInt(add);
    // What was counted before may have been forgotten with its time.
    sums.set(key, { ...now, sum: sum < 0n ? 0n : sum });
  }
  const { session } = steps;
  const seen = session && undo && sessions.get(session.key);
  const row = seen && undo(seen.row, session.undo);
  books.change((state) => {
    state.release(id);
    books.dropEvidence(steps.claims);
    set(state.tallies, sums);
    if (seen && row !== undefined) state.sessions.set(session.key, { ...seen, row });
  });
}

export function takeOver(books: Books, id: string, take: Parameters<VendorStore['takeOver']>[1]): boolean {
  const open = books.state.open(id);
  if (!open || open.owner !== take.from || open.atMs !== take.atMs) return false;
  books.change((state) => state.update(id, { owner: take.to, atMs: take.nowMs, state: 'reserved' }));
  return true;
}

export function changeSession<Change extends SessionChange>(
  books: Books,
  key: string,
  change: (row: Json) => Change,
): Change | undefined {
  const seen = books.state.sessions.get(key);
  if (!seen) return undefined;
  const made = change(seen.row);
  const booked = book(books.state, made.claims);
  books.change((state) => {
    state.sessions.set(key, { row: made.next, untilMs: made.untilMs });
    set(state.claims, booked);
  });
  return made;
}

type Over = Extract<Reserved, { kind: 'over' }>;

/** What the tallies would be, or the first that would pass its limit. */
function tally(state: Standing, tallies: readonly Tally[]): ReadonlyMap<string, TallySum> | Over {
  const sums = new Map<string, TallySum>();
  for (const { key, add, limit, code, untilMs } of tallies) {
    const now = sums.get(key) ?? state.tallies.get(key);
    const sum = (now?.sum ?? 0n) + add;
    if (sum > limit) return { kind: 'over', code, key, sum: sum - add };
    sums.set(key, { sum: storable(sum), untilMs: untilMs ?? now?.untilMs });
  }
  return sums;
}

/** What the claims would be. */
function book(state: Standing, steps: readonly ClaimStep[]): ReadonlyMap<string, ClaimSum> {
  const sums = new Map<string, ClaimSum>();
  for (const step of steps) {
    const sum = bookedWith(step, sums.get(step.key) ?? state.claims.get(step.key));
    storable(sum.total);
    sums.set(step.key, sum);
  }
  return sums;
}

/** A claim of one step has no sum before it, and what shows it is in its table already. */
function bookedWith(step: ClaimStep, sum: ClaimSum | undefined): ClaimSum {
  return step.once ? { total: step.add, untilMs: step.untilMs } : addClaim(sum, step);
}

/** @throws {Error} the tables could not hold it */
function storable(sum: bigint): bigint {
  if (sum > limits.sumMax || sum < 0n) throw new Error('a sum passes what a store can hold');
  return sum;
}

function set<Row>(rows: { set(key: string, row: Row): void }, values: ReadonlyMap<string, Row>): void {
  for (const [key, row] of values) rows.set(key, row);
}
