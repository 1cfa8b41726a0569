// Wakes the streams of a session when it is paid on, and their companions when a stream has used it up or ended: at once in
// this process, within a moment when another process of the site did it.
import { setTimeout as pause } from 'node:timers/promises';
import { limits } from '@farthing/protocol';

const POLL_MS = 100;

export class Bells {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #seats = new Map<string, number>();
  #taken = 0;

  /** Room for one more companion of the session to wait, or `undefined`. */
  seat(key: string): { leave(): void } | undefined {
    const mine = this.#seats.get(key) ?? 0;
    if (mine >= limits.sessionCompanions || this.#taken >= limits.companions) return undefined;
    this.#count(key, 1);
    return { leave: () => this.#count(key, -1) };
  }

  #count(key: string, by: 1 | -1): void {
    const mine = (this.#seats.get(key) ?? 0) + by;
    if (mine === 0) this.#seats.delete(key);
    else this.#seats.set(key, mine);
    this.#taken += by;
  }

  /** The row of this session has just moved. */
  ring(key: string): void {
    for (const wake of this.#waiting.get(key) ?? []) wake();
  }

  /**
   * Resolves at the next ring, or after a moment, in which another process may have moved the row; or when aborted.
   * @param withinMs it takes no longer
   */
  async next(key: string, { signal, withinMs }: { signal: AbortSignal; withinMs: number }): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting.add(resolve));
    const stop = new AbortController();
    const late = pause(Math.min(POLL_MS, withinMs), undefined, {
      signal: AbortSignal.any([signal, stop.signal]),
    }).catch(() => {});
    await Promise.race([promise, late]);
    stop.abort();
    waiting.delete(resolve);
    if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
  }
}
