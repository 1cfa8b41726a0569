// Operations of one turn of the event loop share a transaction. Payments that are new are written by one statement. For all others, rows
// are locked, the operations decided one after the other in memory, and what changed is written in sets.
import { setTimeout as pause } from 'node:timers/promises';
import { StoreAway } from '../away.ts';
import { Hope, isPlain } from '../fresh.ts';
import { Lanes } from '../lanes.ts';
import { reserve } from '../payments.ts';
import type { Reservation, Reserved } from '../port.ts';
import type { Db } from './db.ts';
import { isSmall, writeFresh } from './fresh.ts';
import { Page } from './page.ts';
import { Missing, Overtaken } from './table.ts';

type Waiting = {
  readonly want: (page: Page) => void;
  readonly run: (page: Page) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
};
type Fresh = Waiting & { readonly entry: Reservation };
type Decided = { readonly value?: unknown; readonly error?: unknown; readonly threw: boolean };

const BATCH = 256;
/** One syncs while the next decides. */
const LANES = 2;
/** Batches that other processes got in the way of are decided again, after up to this long and twice as long each time. */
const AGAIN_MS = 4;
const TRIES = 12;
/** Serialisation failure, deadlock, lock not available: the server has undone the transaction. */
const UNDONE: ReadonlySet<unknown> = new Set(['40001', '40P01', '55P03']);
const WON: Reserved = { kind: 'won' };

export class Batches {
  readonly #db: Db;
  readonly #schema: string;
  readonly #lanes = new Lanes<Waiting>({ most: BATCH, lanes: LANES, carry: (batch) => this.#commit(batch) });
  /** Apart, so that one of the others does not hold them up. */
  readonly #fresh = new Lanes<Fresh>({ most: BATCH, lanes: LANES, carry: (batch) => this.#write(batch) });
  readonly #hope = new Hope();

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
      this.#lanes.add({ want, run, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** Resolves when it is on disk, or refused. */
  reserve(entry: Reservation): Promise<Reserved> {
    const want = (page: Page) => {
      page.payments.want(entry.id);
      for (const { key } of entry.spends) page.spends.want(key);
      for (const { key } of entry.tallies) page.tallies.want(key);
      for (const { key, once } of entry.claims) if (once || entry.state === 'committed') page.claims.want(key);
      if (entry.session) page.sessions.want(entry.session.key);
    };
    const run = (page: Page) => reserve(page, entry);
    if (!isPlain(entry) || !isSmall(entry)) return this.run(want, run);
    return new Promise((resolve, reject) => {
      this.#fresh.add({ entry, want, run, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** Lets what waits finish. */
  async close(): Promise<void> {
    // Some of these become others.
    await this.#fresh.close();
    await this.#lanes.close();
  }

  /** Settles those that are as nearly all are, and has the others decided; never throws. */
  async #write(batch: readonly Fresh[]): Promise<void> {
    const { first, others } = this.#hope.isThere() ? apart(batch) : { first: [], others: batch };
    for (const member of others) this.#lanes.addAgain(member);
    if (first.length === 0) return;
    try {
      const entries = first.map(({ entry }) => entry);
      const won = await writeFresh(this.#db, this.#schema, entries);
      if (!won) this.#hope.lose();
      for (const member of first) {
        if (won?.has(member.entry.id)) member.resolve(WON);
        else this.#lanes.addAgain(member);
      }
    } catch (error) {
      if (isUndone(error)) for (const member of first) this.#lanes.addAgain(member);
      else for (const { reject } of first) reject(new StoreAway(error));
    }
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
        if (!isUndone(error) || turn === TRIES) {
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

/** Of those that want the same the first is tried. */
function apart(batch: readonly Fresh[]): { first: Fresh[]; others: Fresh[] } {
  const [ids, keys] = [new Set<string>(), new Set<string>()];
  const [first, others]: [Fresh[], Fresh[]] = [[], []];
  for (const member of batch) {
    const { id, spends } = member.entry;
    const isFirst = !ids.has(id) && spends.every(({ key }) => !keys.has(key));
    // The instruments of one that waits are no reason for another to wait, but which of them has them is not known yet either.
    ids.add(id);
    for (const { key } of spends) keys.add(key);
    (isFirst ? first : others).push(member);
  }
  return { first, others };
}

const isUndone = (error: unknown): boolean =>
  error instanceof Overtaken || UNDONE.has((error as { code?: unknown }).code);

/** One after the other, each on what those before it changed. @throws {Overtaken} */
function decide(batch: readonly Waiting[], page: Page): Decided[] {
  return batch.map(({ run }) => {
    try {
      return { value: run(page), threw: false };
    } catch (error) {
      if (error instanceof Overtaken) throw error;
      return error instanceof Missing ? { threw: false } : { error, threw: true };
    }
  });
}
