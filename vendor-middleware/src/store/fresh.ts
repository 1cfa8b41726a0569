// Payments as nearly all are: new, of new instruments, adding to claims that there are. Stores on a server write batches of them in one
// step that reads nothing first and either stands whole or not at all; then the batch is decided one by one.
import type { Reservation } from './port.ts';

/** It changes no row of a session, counts against no limit, and has no evidence to keep. */
export function isPlain({ id, session, tallies, claims, spends, state }: Reservation): boolean {
  return (
    !session &&
    tallies.length === 0 &&
    claims.every(({ key, once, evidence }) => !once && (!evidence || state === 'reserved') && key.isWellFormed()) &&
    // Otherwise it is refused, alone.
    spends.every(({ key }) => key.isWellFormed()) &&
    id.isWellFormed()
  );
}

export type Addition = { readonly add: bigint; readonly untilMs: number };

/** What the payments that stand at once add to each claim. Whole milliseconds: the future ends later, never sooner. */
export function additions(entries: readonly Reservation[]): Map<string, Addition> {
  const sums = new Map<string, Addition>();
  for (const { claims, state } of entries) {
    if (state === 'reserved') continue;
    for (const { key, add, untilMs } of claims) {
      const sum = sums.get(key);
      sums.set(key, { add: (sum?.add ?? 0n) + add, untilMs: Math.max(sum?.untilMs ?? 0, Math.ceil(untilMs)) });
    }
  }
  return sums;
}

/** So many batches are decided one by one after one that was not as hoped. */
const DOUBTED = 8;

/** Whether to try: who sends repeats all the time shall not cost every batch twice. */
export class Hope {
  #doubts = 0;

  /** Asked once for each batch. */
  isThere(): boolean {
    if (this.#doubts === 0) return true;
    this.#doubts--;
    return false;
  }

  lose(): void {
    this.#doubts = DOUBTED;
  }
}
