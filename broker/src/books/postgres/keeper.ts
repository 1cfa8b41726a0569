// Books in PostgreSQL, for any number of processes. Operations of one turn of the event loop are decided in memory, one after
// the other, over rows that were brought in sets, and what they changed is written in sets: all in one serialisable transaction.
import { setTimeout as pause } from 'node:timers/promises';
import type { BatchParts, GroupOptions } from '@farthing/node-kit';
import { PaymentProblem } from '@farthing/protocol';
import { migrations } from '../../ledger/schema.ts';
import type { Bookkeeper } from '../port.ts';
import { Commits } from './commits.ts';
import { Gate } from './gate.ts';
import { Away, Line, Undone } from './line.ts';
import { Missing, type Need } from './needs.ts';
import { migrate, needSound } from './schema.ts';
import { bring } from './sets.ts';
import { View } from './view.ts';
import { Writes } from './writes.ts';

type Waiting = {
  readonly operation: () => unknown;
  readonly writes: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
};
type Decided = { readonly value?: unknown; readonly error?: unknown; readonly threw: boolean };

const BATCH = 256;
/** How long a batch is tried before its operations are refused: the same orders may be sent again. */
const PATIENCE_MS = 5_000;
/** At random up to this and twice as long each time, so that processes do not keep in step. */
const AGAIN_MS = 2;
/** How long after others have written they are expected to do so again. */
const RIVALS_MS = 10_000;
/** After so many changes what was decided is sent. Each slice is a set of statements: smaller ones cost the server more than they hide. */
const SLICE = 600;
/** More than any operation reads one after the other: it asks for something else each time. */
const PASSES = 5_000;

/** @throws {Error} no connection; settings that lose writes; tables of a newer program */
export async function postgresKeeper(url: string, observe?: GroupOptions['observe']): Promise<Bookkeeper> {
  const line = await Line.open(url);
  try {
    await needSound(line);
    await migrate(line);
    await Commits.forget(line);
  } catch (error) {
    await line.close();
    throw error;
  }
  return new Keeper(url, line, observe);
}

class Keeper implements Bookkeeper {
  readonly books = new View(migrations);
  readonly #url: string;
  readonly #commits = new Commits<readonly Decided[]>();
  #line: Line | undefined;
  #waiting: Waiting[] = [];
  #isRunning = false;
  #isClosed = false;
  #idle: PromiseWithResolvers<void> | undefined;
  /** Number of the last transaction of all processes, when the view was right. */
  #turn: bigint | undefined;
  /** When others were last seen to have written. */
  #rivalsMs = Number.NEGATIVE_INFINITY;
  readonly #gate: Gate;
  #isCurrent = true;
  readonly #observe: GroupOptions['observe'];
  /** Since when the first of those that wait does. */
  #sinceMs = 0;
  /** Of the one that is under way. */
  #parts = { turnMs: 0, decideMs: 0, serverMs: 0 };

  constructor(url: string, line: Line, observe: GroupOptions['observe']) {
    this.#observe = observe;
    this.#url = url;
    this.#line = line;
    this.#gate = new Gate(url);
  }

  run<Result>(operation: () => Result): Promise<Result> {
    return this.#enter(operation, true);
  }

  read<Result>(operation: () => Result): Promise<Result> {
    return this.#enter(operation, false);
  }

  apart<Result>(part: () => Result): Result {
    return this.books.apart(part);
  }

  isCurrent(): boolean {
    return this.#isCurrent;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isRunning) {
      this.#idle ??= Promise.withResolvers();
      await this.#idle.promise;
    }
    await this.#line?.close();
    await this.#gate.close();
    this.books.close();
  }

  #enter<Result>(operation: () => Result, writes: boolean): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new Error('the books are closed');
      if (this.#waiting.length === 0) this.#sinceMs = performance.now();
      this.#waiting.push({ operation, writes, resolve: resolve as (value: unknown) => void, reject });
      if (!this.#isRunning) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      // Gathers what arrives in this turn of the loop, and what arrives while others write.
      await new Promise((next) => setImmediate(next));
      if (this.#waiting.some((one) => one.writes)) await this.#queue().catch(() => undefined);
      const waitedMs = performance.now() - this.#sinceMs;
      this.#sinceMs = performance.now();
      await this.#settle(this.#waiting.splice(0, BATCH), waitedMs);
      this.#gate.leave();
    }
    this.#isRunning = false;
    this.#idle?.resolve();
  }

  #hasRivals(): boolean {
    return performance.now() - this.#rivalsMs < RIVALS_MS;
  }

  /** Where nobody else writes there is no queue. */
  async #queue(): Promise<void> {
    if (this.#hasRivals()) await this.#timed('turnMs', () => this.#gate.enter());
  }

  async #timed<Result>(part: keyof BatchParts, work: () => Promise<Result>): Promise<Result> {
    const startMs = performance.now();
    try {
      return await work();
    } finally {
      this.#parts[part] += performance.now() - startMs;
    }
  }

  /** Answers every member; never throws. */
  async #settle(batch: readonly Waiting[], waitedMs = 0): Promise<void> {
    const startMs = performance.now();
    for (let tries = 0; ; tries++) {
      try {
        const decided = await this.#transaction(batch);
        const times = { operations: batch.length, waitedMs, tookMs: performance.now() - startMs };
        this.#observe?.({ ...times, commitMs: this.#commits.lastMs, left: this.#waiting.length, parts: this.#parts });
        this.#parts = { turnMs: 0, decideMs: 0, serverMs: 0 };
        // Others go on while what was decided here is answered.
        this.#gate.leave();
        for (const [i, { resolve, reject }] of batch.entries()) {
          const one = decided[i];
          if (one?.threw) reject(one.error);
          else resolve(one?.value);
        }
        return;
      } catch (error) {
        const isPassing = error instanceof Undone || error instanceof Away;
        if (error instanceof Undone) this.#rivalsMs = performance.now();
        await this.#recover(error);
        if (!isPassing) return this.#settleApart(batch, error);
        if (performance.now() - startMs > PATIENCE_MS) {
          this.#commits.abandon();
          const problem = new PaymentProblem('unavailable', { consumed: 'unknown', retryAfter: 2 });
          for (const { reject } of batch) reject(problem);
          return;
        }
        if (tries > 0) await pause(Math.random() * AGAIN_MS * 2 ** Math.min(tries, 7));
      }
    }
  }

  /** One of them cannot be written: alone each gets what is its own. */
  async #settleApart(batch: readonly Waiting[], error: unknown): Promise<void> {
    if (batch.length === 1) batch[0]?.reject(error);
    else for (const one of batch) await this.#settle([one]);
  }

  async #recover(error: unknown): Promise<void> {
    this.books.clear();
    this.#turn = undefined;
    if (error instanceof Away || this.#line?.isBroken) {
      await this.#line?.close();
      this.#line = undefined;
    } else await this.#line?.script('ROLLBACK').catch(() => this.#line?.close());
  }

  async #transaction(batch: readonly Waiting[]): Promise<readonly Decided[]> {
    const isWriting = batch.some((one) => one.writes);
    if (isWriting) await this.#queue();
    if (!this.#line || this.#line.isBroken) this.#line = await Line.open(this.#url);
    const line = this.#line;
    const view = this.books;
    // What is here was overtaken, most likely.
    if (this.#hasRivals()) view.clear();
    view.begin();
    const decided: Decided[] = [];
    const wasEmpty = view.isEmpty;
    // Before the turn: what is missing comes together with it.
    const early = this.#pass(batch, decided);
    const { turn, isOvertaken } = await this.#timed('serverMs', () =>
      this.#begin(line, isWriting, 'missing' in early ? early.missing : []),
    );
    if (isOvertaken && (!wasEmpty || 'changes' in early)) {
      view.clear();
      view.begin();
    }
    const before = await this.#commits.standing(line);
    if (before) {
      view.clear();
      await line.script('ROLLBACK');
      return before;
    }
    let done = early;
    if (isOvertaken || 'missing' in early) {
      decided.length = 0;
      done = this.#pass(batch, decided, { hurry: true });
    }
    const writes = new Writes(view, line, this.#isCurrent);
    for (let passes = 0; 'missing' in done || decided.length < batch.length; passes++) {
      if (passes === PASSES) throw new Error('an operation asks for something else each time it runs');
      if ('missing' in done) await this.#bring(done.missing, writes, line);
      else writes.send(done.changes);
      done = this.#pass(batch, decided, { hurry: true });
    }
    writes.send(done.changes);
    await this.#timed('serverMs', () => writes.done());
    if (writes.isEmpty) await line.script('ROLLBACK');
    else {
      await this.#commits.commit(line, decided);
      this.#turn = turn;
    }
    view.commit();
    return decided;
  }

  /**
   * Decides those of the batch that are not in `decided` yet.
   * @param options.hurry only so many that it takes a moment: while the server writes what these changed, the next are decided
   */
  #pass(batch: readonly Waiting[], decided: Decided[], { hurry = false } = {}): ReturnType<View['pass']> {
    const { books: view } = this;
    const [startMs, from] = [performance.now(), decided.length];
    const done = view.pass(() => {
      const before = view.changed;
      decided.length = from;
      for (const { operation } of batch.slice(from)) {
        decided.push(this.#decide(operation));
        // What all of them miss comes in one journey.
        if (hurry && !view.isMissing && view.changed - before >= SLICE) break;
      }
    });
    if ('missing' in done) decided.length = from;
    this.#parts.decideMs += performance.now() - startMs;
    return done;
  }

  async #bring(missing: readonly Need[], writes: Writes, line: Line): Promise<void> {
    try {
      await this.#timed('serverMs', () => bring(missing, this.books, line));
    } catch (error) {
      await writes.done();
      throw error;
    }
  }

  /** Whoever writes has the turn until the end. `isOvertaken`: others have written since the view was right. */
  async #begin(line: Line, writes: boolean, missing: readonly Need[]): Promise<{ turn: bigint; isOvertaken: boolean }> {
    const text = writes
      ? 'BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE turn SET n = n + 1 WHERE one = 1 RETURNING n, (SELECT n FROM version) AS version'
      : 'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT n, (SELECT n FROM version) AS version FROM turn WHERE one = 1';
    const wanted = [...missing, ...this.books.steady(missing)];
    const [[row]] = await Promise.all([line.script(text), bring(wanted, this.books, line)]);
    this.#isCurrent = row?.['version'] === BigInt(migrations.length);
    const turn = BigInt(String(row?.['n']));
    const before = writes ? turn - 1n : turn;
    const isOvertaken = this.#turn !== before;
    if (this.#turn !== undefined && isOvertaken) this.#rivalsMs = performance.now();
    this.#turn = before;
    return { turn, isOvertaken };
  }

  #decide(operation: () => unknown): Decided {
    try {
      return { value: this.books.apart(operation), threw: false };
    } catch (error) {
      return error instanceof Missing ? { threw: false } : { error, threw: true };
    }
  }
}
