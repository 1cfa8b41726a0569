// Operations of one turn of the event loop share a transaction. Payments that are new are written by one statement. For all others, rows
// are locked, the operations decided one after the other in memory, and what changed is written in sets.
import { StoreAway } from '../away.ts';
import { Hope, isPlain } from '../fresh.ts';
import { Lanes } from '../lanes.ts';
import { reserve, type Settling, settle } from '../payments.ts';
import type { Reservation, Reserved, Undo } from '../port.ts';
import { fold } from './additions.ts';
import { closeOpen } from './close.ts';
import type { Db } from './db.ts';
import { isSmall, writeFresh } from './fresh.ts';
import { Page } from './page.ts';
import { Missing, Overtaken } from './table.ts';
import { isUndone, untilDone } from './undone.ts';

type Waiting = {
  readonly want: (page: Page) => void;
  readonly run: (page: Page) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
};
type Fresh = Waiting & { readonly entry: Reservation };
type Verdict = Waiting & { readonly id: string };
type Decided = { readonly value?: unknown; readonly error?: unknown; readonly threw: boolean };

const BATCH = 256;
/** Half a batch: two statements that overlap then cost less than four small ones, Node and the server alike. */
const ENOUGH = 128;
/** One syncs while the next decides. */
const LANES = 2;
const WON: Reserved = { kind: 'won' };

export class Batches {
  readonly #db: Db;
  readonly #schema: string;
  readonly #lanes = new Lanes<Waiting>({ most: BATCH, lanes: LANES, carry: (batch) => this.#commit(batch) });
  /** Apart, so that one of the others does not hold them up. */
  readonly #fresh = new Lanes<Fresh>({
    most: BATCH,
    lanes: LANES,
    enough: ENOUGH,
    carry: (batch) => this.#write(batch),
  });
  readonly #verdicts = new Lanes<Verdict>({
    most: BATCH,
    lanes: LANES,
    enough: ENOUGH,
    carry: (batch) => this.#close(batch),
  });
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
      page.wantPayment(entry.id);
      for (const { key } of entry.spends) page.spends.want(key);
      for (const { key } of entry.tallies) page.tallies.want(key);
      for (const { key, once } of entry.claims) if (once || entry.state === 'committed') page.claims.want(key);
      if (entry.session) page.sessions.want(entry.session.key);
    };
    const run = (page: Page) => reserve(page, entry);
    if (!isPlain(entry)) return this.run(want, run);
    if (!isSmall(entry)) return this.fold().then(() => this.run(want, run));
    return new Promise((resolve, reject) => {
      this.#fresh.add({ entry, want, run, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** Resolves when it is on disk, or there was nothing to settle. */
  settle(given: Settling, undo: Undo | undefined): Promise<boolean> {
    const { id, verdict } = given;
    const want = (page: Page) => page.wantPayment(id);
    const run = (page: Page) => settle(page, given, undo);
    if (verdict !== 'commit') return this.run(want, run);
    return new Promise((resolve, reject) => {
      this.#verdicts.add({ id, want, run, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** What was added to claims until now is in their rows afterwards. @throws {StoreAway} */
  async fold(): Promise<void> {
    try {
      await fold(this.#db, this.#schema);
    } catch (error) {
      throw new StoreAway(error);
    }
  }

  /** Lets what waits finish. */
  async close(): Promise<void> {
    // Some of these become others.
    await Promise.all([this.#fresh.close(), this.#verdicts.close()]);
    await this.#lanes.close();
  }

  /** As `#attempt`. */
  async #write(batch: readonly Fresh[]): Promise<void> {
    const { first, others } = this.#hope.isThere()
      ? apart(batch, ({ entry }) => [`p${entry.id}`, ...entry.spends.map(({ key }) => `s${key}`)])
      : { first: [], others: batch };
    for (const member of others) this.#lanes.addAgain(member);
    await this.#attempt(first, WON, async () => {
      const won = await writeFresh(
        this.#db,
        this.#schema,
        first.map(({ entry }) => entry),
      );
      if (!won) this.#hope.lose();
      return ({ entry }) => won?.has(entry.id) === true;
    });
  }

  /** As `#attempt`. */
  async #close(batch: readonly Verdict[]): Promise<void> {
    const { first, others } = apart(batch, ({ id }) => [id]);
    for (const member of others) this.#lanes.addAgain(member);
    await this.#attempt(first, true, async () => {
      const ids = first.map((member) => member.id);
      const closed = await closeOpen(this.#db, this.#schema, ids);
      return ({ id }) => closed.has(id);
    });
  }

  /** Settles those that are as nearly all are, and has the others decided; never throws. */
  async #attempt<Member extends Waiting>(
    members: readonly Member[],
    good: unknown,
    write: () => Promise<(member: Member) => boolean>,
  ): Promise<void> {
    if (members.length === 0) return;
    try {
      const isDone = await write();
      for (const member of members) {
        if (isDone(member)) member.resolve(good);
        else this.#lanes.addAgain(member);
      }
    } catch (error) {
      if (isUndone(error)) for (const member of members) this.#lanes.addAgain(member);
      else for (const { reject } of members) reject(new StoreAway(error));
    }
  }

  /** Settles every member; never throws. */
  async #commit(batch: readonly Waiting[]): Promise<void> {
    try {
      const decided = await untilDone(() => this.#transaction(batch));
      for (const [i, { resolve, reject }] of batch.entries()) {
        const one = decided[i];
        if (one?.threw) reject(one.error);
        else resolve(one?.value);
      }
    } catch (error) {
      for (const { reject } of batch) reject(new StoreAway(error));
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

/** Of those that want the same the first is tried. The others wait for it, whether it gets what it wants or not. */
function apart<Member>(
  batch: readonly Member[],
  wants: (member: Member) => readonly string[],
): { first: Member[]; others: Member[] } {
  const seen = new Set<string>();
  const [first, others]: [Member[], Member[]] = [[], []];
  for (const member of batch) {
    const names = wants(member);
    (names.some((name) => seen.has(name)) ? others : first).push(member);
    for (const name of names) seen.add(name);
  }
  return { first, others };
}

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
