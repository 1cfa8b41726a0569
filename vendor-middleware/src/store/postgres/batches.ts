// Operations of one turn of the event loop share a transaction: its rows are locked, the operations decided one after the other
// in memory, and what changed is written in sets. Two batches are under way at once, so that one syncs while the next decides.
import { setTimeout as pause } from 'node:timers/promises';
import { StoreAway } from '../away.ts';
import type { Db } from './db.ts';
import { Page } from './page.ts';
import { Missing, Overtaken } from './table.ts';

type Waiting = {
  readonly want: (page: Page) => void;
  readonly run: (page: Page) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
};
type Decided = { readonly value?: unknown; readonly error?: unknown; readonly threw: boolean };

const BATCH = 256;
const LANES = 2;
/** Batches that other processes got in the way of are decided again, after up to this long and twice as long each time. */
const AGAIN_MS = 4;
const TRIES = 12;
/** Serialisation failure, deadlock, lock not available: the server has undone the transaction. */
const UNDONE: ReadonlySet<unknown> = new Set(['40001', '40P01', '55P03']);

export class Batches {
  readonly #db: Db;
  readonly #schema: string;
  #waiting: Waiting[] = [];
  #lanes = 0;
  #scheduled = false;
  #idle: PromiseWithResolvers<void> | undefined;
  #closed = false;

  constructor(db: Db, schema: string) {
    this.#db = db;
    this.#schema = schema;
  }

  /**
   * Resolves when what `run` did is on disk. It may run again, and throws only before it changes anything.
   * @param want names the rows that `run` will ask for, as far as they are known: what is missing costs a turn more
   */
  run<Result>(want: (page: Page) => void, run: (page: Page) => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new Error('the store is closed');
      this.#waiting.push({ want, run, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** Lets what waits finish. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#lanes === 0 && this.#waiting.length === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  #schedule(): void {
    if (this.#scheduled || this.#lanes >= LANES) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const batch = this.#waiting.splice(0, BATCH);
      if (batch.length > 0) void this.#lane(batch);
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  async #lane(batch: readonly Waiting[]): Promise<void> {
    this.#lanes++;
    await this.#commit(batch);
    this.#lanes--;
    if (this.#waiting.length > 0) this.#schedule();
    else if (this.#lanes === 0) this.#idle?.resolve();
  }

  /** Settles every member; never throws. */
  async #commit(batch: readonly Waiting[]): Promise<void> {
    for (let turn = 1; ; turn++) {
      try {
        const decided = await this.#transaction(batch);
        for (const [i, { resolve, reject }] of batch.entries()) {
          const one = decided[i];
          if (one?.threw) reject(one.error);
          else resolve(one?.value);
        }
        return;
      } catch (error) {
        const isUndone = error instanceof Overtaken || UNDONE.has((error as { code?: unknown }).code);
        if (!isUndone || turn === TRIES) {
          for (const { reject } of batch) reject(new StoreAway(error));
          return;
        }
        await pause(Math.random() * AGAIN_MS * 2 ** Math.min(turn, 6));
      }
    }
  }

  #transaction(batch: readonly Waiting[]): Promise<Decided[]> {
    const page = new Page(this.#schema);
    for (const { want } of batch) want(page);
    return this.#db.begin(async (tx) => {
      for (;;) {
        await page.load(tx);
        const decided = decide(batch, page);
        if (page.isComplete) {
          await page.write(tx);
          return decided;
        }
        page.reset();
      }
    });
  }
}

/** One after the other, each on what those before it changed. */
function decide(batch: readonly Waiting[], page: Page): Decided[] {
  return batch.map(({ run }) => {
    try {
      return { value: run(page), threw: false };
    } catch (error) {
      return error instanceof Missing ? { threw: false } : { error, threw: true };
    }
  });
}
