// Group commit: concurrent operations share one durable transaction; each answer leaves after COMMIT has returned.
import type { DatabaseSync, StatementSync } from 'node:sqlite';

type Waiting = {
  run: (db: DatabaseSync) => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  guard: Guard;
};

/**
 * How an operation that throws leaves nothing behind: by a SAVEPOINT of its own; because it decides before it changes anything; or
 * because all of its batch is undone and run again.
 */
type Guard = 'savepoint' | 'decides' | 'repeats';

/** How one transaction went. `left`: operations that wait after it. */
export type BatchTimes = {
  readonly operations: number;
  /** The first of them, until the transaction began. */
  readonly waitedMs: number;
  readonly tookMs: number;
  /** COMMIT alone, with its fsync. */
  readonly commitMs: number;
  readonly left: number;
  /** Of books on another machine. */
  readonly parts?: BatchParts;
};

/** Where the time went, beside COMMIT: waiting for others who write, deciding, and waiting for what the server was asked. */
export type BatchParts = { readonly turnMs: number; readonly decideMs: number; readonly serverMs: number };

export type GroupOptions = {
  /** How long to wait for a lock that others hold. */
  readonly lockedMs?: number;
  /** Is told of each transaction that became durable. */
  readonly observe?: ((times: BatchTimes) => void) | undefined;
};

/** What a store that keeps state in memory does inside each transaction, around its operations. A throw fails them all. */
export type Around = { readonly begin: () => void; readonly end: () => void };

/** The most operations in one transaction; more wait for the next. */
const BATCH = 256;
/** How long others may hold the lock of the file before an operation is refused, with nothing written. */
const LOCKED_MS = 10_000;
/** How long the event loop stands still for one try. */
const TRY_MS = 5;
/** At random up to this, so that processes that wait for the same lock do not keep in step. */
const APART_MS = 4;
/** How long an operation that is in no hurry waits for company: less than a sync takes, or a crash would cut off more. */
const LATER_MS = 1;
/** After a batch had to be run again, so many have SAVEPOINTs at once: what came once comes more often. */
const CAREFUL = 16;

type Result = { readonly value?: unknown; readonly error?: unknown; readonly threw: boolean };

/** An operation threw after it had changed something. */
class HalfDone extends Error {}

/**
 * An operation that throws undoes itself and spoils no other. A COMMIT that fails is an error for every member, and nothing is tried again on this handle: after an
 * I/O error only a restart tells what is on disk.
 *
 * Several processes may write to one file. SQLite's lock knows no queue and its own waiting blocks the event loop, so a lock
 * that is taken is tried again between the turns of the loop.
 */
export class GroupCommit {
  readonly #db: DatabaseSync;
  readonly #around: Around | undefined;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #waiting: Waiting[] = [];
  #scheduled = false;
  #late: NodeJS.Timeout | undefined;
  #failed: Error | undefined;
  #closed = false;
  /** `performance.now()` of the first try for the lock that others hold. */
  #lockedSinceMs: number | undefined;
  readonly #lockedMs: number;
  readonly #observe: GroupOptions['observe'];
  /** Since when the first of those that wait does. */
  #waitingSinceMs = 0;
  readonly #save: StatementSync;
  readonly #release: StatementSync;
  readonly #changes: StatementSync;
  /** All rows that were changed, when the operation began that is under way. */
  #changesBefore: unknown;
  #isHalfDone = false;
  /** So many batches have SAVEPOINTs. */
  #careful = 0;
  #undone = 0;

  constructor(db: DatabaseSync, around?: Around, { lockedMs = LOCKED_MS, observe }: GroupOptions = {}) {
    this.#db = db;
    this.#around = around;
    this.#lockedMs = lockedMs;
    this.#observe = observe;
    db.exec(`PRAGMA busy_timeout=${TRY_MS}`);
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
    this.#save = db.prepare('SAVEPOINT part');
    this.#release = db.prepare('RELEASE part');
    this.#changes = db.prepare('SELECT total_changes() AS n');
  }

  /** Runs `operation` synchronously inside a transaction; resolves once its writes are on disk. */
  run<Result>(operation: (db: DatabaseSync) => Result): Promise<Result> {
    return this.#enter(operation, { guard: 'savepoint', hurry: true });
  }

  /**
   * The same without a SAVEPOINT, for operations that throw only before they change anything.
   * @param hurry false: may wait a millisecond for others to share a transaction with
   */
  decide<Result>(operation: () => Result, { hurry = true } = {}): Promise<Result> {
    return this.#enter(operation, { guard: 'decides', hurry });
  }

  /**
   * The same for operations that may be run more than once. A SAVEPOINT copies each page that is changed after it, so they have
   * none until one of them throws after it has changed something: then all of the batch is undone and run again, with SAVEPOINTs.
   */
  repeat<Value>(operation: () => Value): Promise<Value> {
    return this.#enter(operation, { guard: 'repeats', hurry: true });
  }

  /** Inside of an operation of `repeat`: a part that is undone by itself when it throws. */
  apart<Result>(part: () => Result): Result {
    if (this.#careful > 0) return this.#saved(part);
    try {
      return part();
    } catch (error) {
      if (!this.#hasChanged()) throw error;
      this.#isHalfDone = true;
      throw new HalfDone();
    }
  }

  /** How many batches were undone and run again: what was read in them may never have been. */
  get undone(): number {
    return this.#undone;
  }

  /** @throws {Error} the database failed or is closed: what memory holds of it may not be on disk */
  check(): void {
    if (this.#failed) throw this.#failed;
    if (this.#closed) throw new Error('the database is closed');
  }

  /** Lets what waits finish, then closes the database. */
  close(): void {
    if (this.#closed) return;
    clearTimeout(this.#late);
    while (this.#waiting.length > 0 && !this.#failed) this.#flush();
    this.#closed = true;
    this.#db.close();
  }

  #enter<Result>(
    run: (db: DatabaseSync) => Result,
    { guard, hurry }: { guard: Guard; hurry: boolean },
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.check();
      if (this.#waiting.length === 0) this.#waitingSinceMs = performance.now();
      this.#waiting.push({ run, resolve: resolve as (value: unknown) => void, reject, guard });
      if (hurry) this.#schedule();
      else this.#late ??= setTimeout(() => this.#beLate(), LATER_MS);
    });
  }

  #beLate(): void {
    this.#late = undefined;
    if (this.#waiting.length > 0) this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const turn = () => {
      this.#scheduled = false;
      if (this.#closed) return;
      this.#flush();
      if (this.#waiting.length > 0 && !this.#failed) this.#schedule();
    };
    // setImmediate gathers what arrived in this turn of the loop; a timer of 1 ms halves the throughput.
    if (this.#lockedSinceMs === undefined) setImmediate(turn);
    else setTimeout(turn, Math.random() * APART_MS);
  }

  #flush(): void {
    const batch = this.#waiting.length <= BATCH ? this.#waiting : this.#waiting.splice(0, BATCH);
    if (batch === this.#waiting) this.#waiting = [];
    if (batch.length === 0 || !this.#began(batch)) return;
    const beganMs = performance.now();
    let committingMs = beganMs;
    const results: Result[] = [];
    try {
      this.#around?.begin();
      for (const member of batch) results.push(this.#one(member));
      this.#around?.end();
      committingMs = performance.now();
      this.#commit.run();
    } catch (error) {
      if (error instanceof HalfDone) this.#again(batch);
      else this.#fail(error, batch);
      return;
    }
    if (this.#careful > 0) this.#careful--;
    this.#told(batch.length, { beganMs, committingMs });
    for (const [i, { resolve, reject }] of batch.entries()) {
      const result = results[i];
      if (result?.threw) reject(result.error);
      else resolve(result?.value);
    }
  }

  #told(operations: number, { beganMs, committingMs }: { beganMs: number; committingMs: number }): void {
    const nowMs = performance.now();
    const waitedMs = beganMs - this.#waitingSinceMs;
    const times = { operations, waitedMs, tookMs: nowMs - beganMs, commitMs: nowMs - committingMs };
    this.#waitingSinceMs = nowMs;
    this.#observe?.({ ...times, left: this.#waiting.length });
  }

  /** While another process holds the lock nothing is written, and a later try is safe: the batch goes back to those who wait. */
  #began(batch: Waiting[]): boolean {
    try {
      this.#begin.run();
      this.#lockedSinceMs = undefined;
      return true;
    } catch (error) {
      if (isBusy(error)) this.#wait(error, batch);
      else this.#fail(error, batch);
      return false;
    }
  }

  #wait(error: unknown, batch: Waiting[]): void {
    const nowMs = performance.now();
    this.#lockedSinceMs ??= nowMs;
    if (nowMs - this.#lockedSinceMs < this.#lockedMs) {
      this.#waiting = [...batch, ...this.#waiting];
      return;
    }
    this.#lockedSinceMs = undefined;
    for (const member of batch) member.reject(error);
  }

  #one({ run, guard }: Waiting): Result {
    const isSaved = guard === 'savepoint' || (guard === 'repeats' && this.#careful > 0);
    const isTrusted = guard === 'repeats' && !isSaved;
    if (isTrusted) this.#changesBefore = this.#changes.get()?.['n'];
    this.#isHalfDone = false;
    let result: Result;
    try {
      result = { value: isSaved ? this.#saved(() => run(this.#db)) : run(this.#db), threw: false };
    } catch (error) {
      // Some errors end the transaction: what was done in it is gone, and what comes next would be outside of any.
      if (!this.#db.isTransaction) throw error;
      this.#isHalfDone ||= isTrusted && this.#hasChanged();
      result = { error, threw: true };
    }
    if (this.#isHalfDone) throw new HalfDone();
    return result;
  }

  #hasChanged(): boolean {
    return this.#changes.get()?.['n'] !== this.#changesBefore;
  }

  /** SAVEPOINTs of one name nest. */
  #saved<Result>(part: () => Result): Result {
    this.#save.run();
    try {
      const result = part();
      this.#release.run();
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK TO part; RELEASE part');
      throw error;
    }
  }

  #again(batch: Waiting[]): void {
    try {
      this.#db.exec('ROLLBACK');
    } catch (error) {
      this.#fail(error, batch);
      return;
    }
    this.#undone++;
    this.#careful = CAREFUL;
    this.#waiting = [...batch, ...this.#waiting];
    this.#flush();
  }

  #fail(error: unknown, batch: Waiting[]): void {
    this.#failed = new Error('the database failed; restart to see what is on disk', { cause: error });
    for (const member of [...batch, ...this.#waiting.splice(0)]) member.reject(this.#failed);
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
  }
}

/** SQLITE_BUSY and its extended codes: the low byte is 5. */
export function isBusy(error: unknown): boolean {
  const code = (error as { errcode?: number } | undefined)?.errcode;
  return typeof code === 'number' && (code & 0xff) === 5;
}
