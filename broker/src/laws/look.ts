// One look at the laws after another: the sums as they are now, what was booked since the last look, and a stretch of what was
// booked long ago, because nobody asks for that any more.
import { type Drift, lookAtSums, Pass, type Reader } from './laws.ts';

/** New entries at one look; a broker that books more than that between two looks is behind, and says nothing wrong. */
const NEW = 200_000;
/** Old entries at one look. */
const OLD = 20_000;

export class Looks {
  readonly #news = new Pass();
  #olds = new Pass();
  /** Nobody mends an entry that was booked: what is odd there stays so until the broker is started again. */
  readonly #odd = new Map<string, Drift>();

  /** All of it in one snapshot. @returns the laws that are broken */
  async look(read: Reader): Promise<Drift[]> {
    const news = await this.#news.go(read, NEW);
    const olds = await this.#olds.go(read, OLD);
    if (olds.isThrough) this.#olds = new Pass();
    for (const one of [...news.found, ...olds.found]) this.#odd.set(`${one.law} ${one.cur}`, one);
    return [...this.#odd.values(), ...(await lookAtSums(read))];
  }
}
