// The units of one stream, read from its source: one by one from a source that makes them as time goes by, and several at
// once from one that has them ready, so that one durable write can take them together.
import { limits } from '@farthing/protocol';
import { unlessAborted } from './abort.ts';

export type Chunk = string | Uint8Array;

/** Units in hand are no more than a socket would hold. */
const MOST_BYTES = 65_536;

export class Units {
  readonly #source: AsyncIterator<Chunk>;
  readonly #signal: AbortSignal;
  readonly #ready: Chunk[] = [];
  #bytes = 0;
  /** One at first, twice as many each time that the source had them all. */
  #batch = 1;
  #reading: Promise<void> | undefined;
  #end: { readonly error?: unknown } | undefined;

  constructor(source: AsyncIterable<Chunk>, signal: AbortSignal) {
    this.#source = source[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /**
   * Waits for a unit, and reads what else is ready in the same turn, but no more than `most` in all.
   * @returns how many are in hand; 0: the source has ended, or nobody listens
   * @throws what the source threw, once the units before that were taken out
   */
  async gather(most: number): Promise<number> {
    const wanted = Math.max(1, Math.min(this.#batch, most));
    while (this.#ready.length === 0 && !this.#end && !this.#signal.aborted) {
      await unlessAborted(this.#read(), this.#signal);
    }
    let isLate = false;
    const turn = new Promise((resolve) => setImmediate(resolve)).then(() => {
      isLate = true;
    });
    while (this.#ready.length < wanted && this.#bytes < MOST_BYTES && !this.#end && !isLate) {
      await Promise.race([this.#read(), turn]);
    }
    // Also a source that is never late leaves the process to others once for each batch.
    await turn;
    const count = this.#ready.length;
    if (count >= this.#batch) this.#batch = Math.min(2 * count, limits.streamBatch);
    else if (count < wanted) this.#batch = Math.max(1, count);
    if (count === 0 && this.#end && 'error' in this.#end) throw this.#end.error;
    return this.#signal.aborted ? 0 : count;
  }

  /** Takes out so many of those in hand. */
  take(count: number): Chunk[] {
    const units = this.#ready.splice(0, count);
    for (const { length } of units) this.#bytes -= length;
    return units;
  }

  /** A source that waits for something else may never come back: nobody waits for it. */
  close(): void {
    void Promise.resolve(this.#source.return?.()).catch(() => {});
  }

  #read(): Promise<void> {
    this.#reading ??= this.#next().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #next(): Promise<void> {
    try {
      const next = await this.#source.next();
      if (next.done) {
        this.#end = {};
        return;
      }
      this.#ready.push(next.value);
      this.#bytes += next.value.length;
    } catch (error) {
      this.#end = { error };
    }
  }
}
