// Group commit: concurrent operations share one durable transaction; each answer leaves after COMMIT has returned.
import type { DatabaseSync } from 'node:sqlite';

type Waiting = {
  run: (db: DatabaseSync) => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
};

/** The most operations in one transaction; more wait for the next. */
const BATCH = 256;

/**
 * Each operation has a SAVEPOINT of its own: one that throws undoes itself and spoils no other. A COMMIT that fails is
 * an error for every member, and nothing is tried again on this handle: after an I/O error only a restart tells what
 * is on disk.
 */
export class GroupCommit {
  readonly #db: DatabaseSync;
  readonly #waiting: Waiting[] = [];
  #scheduled = false;
  #failed: Error | undefined;
  #closed = false;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Runs `operation` synchronously inside a transaction; resolves once its writes are on disk. */
  run<Result>(operation: (db: DatabaseSync) => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#failed) return reject(this.#failed);
      if (this.#closed) return reject(new Error('the database is closed'));
      this.#waiting.push({ run: operation, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** Lets what waits finish, then closes the database. */
  close(): void {
    if (this.#closed) return;
    while (this.#waiting.length > 0 && !this.#failed) this.#flush();
    this.#closed = true;
    this.#db.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // setImmediate gathers what arrived in this turn of the loop; a timer of 1 ms halves the throughput.
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#flush();
      if (this.#waiting.length > 0 && !this.#failed) this.#schedule();
    });
  }

  #flush(): void {
    const batch = this.#waiting.splice(0, BATCH);
    if (batch.length === 0) return;
    const done: (() => void)[] = [];
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      for (const member of batch) {
        this.#db.exec('SAVEPOINT operation');
        try {
          const value = member.run(this.#db);
          this.#db.exec('RELEASE operation');
          done.push(() => member.resolve(value));
        } catch (error) {
          this.#db.exec('ROLLBACK TO operation; RELEASE operation');
          done.push(() => member.reject(error));
        }
      }
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#fail(error, batch);
      return;
    }
    for (const tell of done) tell();
  }

  #fail(error: unknown, batch: Waiting[]): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    // Another process held the lock beyond the time-out: nothing was written, a later try is safe.
    if (isBusy(error)) {
      for (const member of batch) member.reject(error);
      return;
    }
    this.#failed = new Error('the database failed; restart to see what is on disk', { cause: error });
    for (const member of [...batch, ...this.#waiting.splice(0)]) member.reject(this.#failed);
  }
}

/** SQLITE_BUSY and its extended codes: the low byte is 5. */
export function isBusy(error: unknown): boolean {
  const code = (error as { errcode?: number } | undefined)?.errcode;
  return typeof code === 'number' && (code & 0xff) === 5;
}
