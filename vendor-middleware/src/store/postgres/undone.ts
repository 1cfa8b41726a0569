// What other processes got in the way of is done again.
import { setTimeout as pause } from 'node:timers/promises';
import { Overtaken } from './table.ts';

/** After up to this long, and twice as long each time. */
const AGAIN_MS = 4;
const TRIES = 12;
/** Serialisation failure, deadlock, lock not available: the server has undone the transaction. */
const UNDONE: ReadonlySet<unknown> = new Set(['40001', '40P01', '55P03']);

export const isUndone = (error: unknown): boolean =>
  error instanceof Overtaken || UNDONE.has((error as { code?: unknown }).code);

/** @param work all of it, or nothing @throws what it throws, when it was undone too often or broke */
export async function untilDone<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let turn = 1; ; turn++) {
    try {
      return await work();
    } catch (error) {
      if (!isUndone(error) || turn === TRIES) throw error;
      await pause(Math.random() * AGAIN_MS * 2 ** Math.min(turn, 6));
    }
  }
}
