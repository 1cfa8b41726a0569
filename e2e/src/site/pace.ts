// Real time for things that are ready: a film must not be sold faster than anybody can watch it.
import { setTimeout as pause } from 'node:timers/promises';

export type Pace = {
  /** How long a piece lasts. */
  readonly everyMs: number;
  /** How far ahead of the time that the pieces last they may come. Default 0. */
  readonly aheadMs?: number;
};

/** The pieces in their time. Who had to wait for one begins anew from it: nothing is made up for. */
export async function* paced<Piece>(
  pieces: Iterable<Piece>,
  { everyMs, aheadMs = 0 }: Pace,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  let dueMs = performance.now();
  for (const piece of pieces) {
    const earlyMs = dueMs - aheadMs - performance.now();
    // Whoever listened is gone: there is nothing more to give.
    if (earlyMs > 0 && !(await pause(earlyMs, true, { signal }).catch(() => false))) return;
    yield piece;
    dueMs = Math.max(dueMs + everyMs, performance.now());
  }
}
