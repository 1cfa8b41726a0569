// A wallet's storage in one SQLite file: every step one transaction, on disk before it counts.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { openDatabase } from '@farthing/node-kit';
import { type Json, PaymentProblem } from '@farthing/protocol';
import type { Change, WalletStore } from '../index.ts';

const migrations = ['CREATE TABLE doc (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID'];

/** Sorts after every key of ours, which are ASCII. */
const LAST = '\u{10ffff}';

export class SqliteStore implements WalletStore {
  readonly #db: DatabaseSync;
  readonly #get: StatementSync;
  readonly #set: StatementSync;
  readonly #drop: StatementSync;
  readonly #up: StatementSync;
  readonly #down: StatementSync;

  /** @throws {Error} the file is of a newer version, or cannot be written durably */
  constructor(path: string) {
    this.#db = openDatabase(path, migrations);
    // What was written over is zeros, not an old page that still names a secret.
    this.#db.exec('PRAGMA secure_delete=ON');
    this.#get = this.#db.prepare('SELECT value FROM doc WHERE key = ?');
    this.#set = this.#db.prepare(
      'INSERT INTO doc (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    );
    this.#drop = this.#db.prepare('DELETE FROM doc WHERE key = ?');
    this.#up = this.#db.prepare('SELECT key, value FROM doc WHERE key >= ? AND key < ? ORDER BY key LIMIT ?');
    this.#down = this.#db.prepare('SELECT key, value FROM doc WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT ?');
  }

  async read(keys: readonly string[]): Promise<(Json | undefined)[]> {
    return this.#step('BEGIN', () => keys.map((key) => this.#value(key)));
  }

  async update<Result>(
    keys: readonly string[],
    change: (docs: readonly (Json | undefined)[]) => Change<Result>,
  ): Promise<Result> {
    return this.#step('BEGIN IMMEDIATE', () => {
      const { put, result } = change(keys.map((key) => this.#value(key)));
      for (const [key, value] of Object.entries(put)) {
        if (!keys.includes(key)) throw new TypeError(`${key} was put but not read`);
        if (value === undefined) this.#drop.run(key);
        else this.#set.run(key, JSON.stringify(value));
      }
      return result;
    });
  }

  async list(
    prefix: string,
    { limit, reverse = false, before }: { limit?: number; reverse?: boolean; before?: string } = {},
  ): Promise<{ key: string; value: Json }[]> {
    const statement = reverse ? this.#down : this.#up;
    const end = reverse && before !== undefined ? before : prefix + LAST;
    return statement.all(prefix, end, BigInt(limit ?? -1)).map((row) => {
      const { key, value } = row;
      return { key: String(key), value: parse(value) };
    });
  }

  /** Pages that no document uses any more, and the log with their older content, are gone afterwards. */
  async scrub(): Promise<void> {
    let isDone = false;
    try {
      this.#db.exec('VACUUM');
      isDone = this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0n;
    } catch (error) {
      if (!isDatabaseFault(error)) throw error;
    }
    if (isDone) return;
    const detail = 'the secrets are sealed, but older copies were not erased: close other programs of this wallet';
    throw new PaymentProblem('storage-fault', { detail: `${detail}, and change the password` });
  }

  close(): void {
    this.#db.close();
  }

  /** Any fault means ROLLBACK; one of the database says that nothing more may be spent. */
  #step<Result>(begin: string, run: () => Result): Result {
    try {
      this.#db.exec(begin);
      const result = run();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      if (!isDatabaseFault(error)) throw error;
      throw new PaymentProblem('storage-fault', { detail: error.message });
    }
  }

  #value(key: string): Json | undefined {
    const row = this.#get.get(key);
    return row === undefined ? undefined : parse(row['value']);
  }
}

function parse(text: unknown): Json {
  try {
    return JSON.parse(String(text)) as Json;
  } catch {
    throw new PaymentProblem('storage-fault', { detail: 'a stored document is damaged' });
  }
}

const isDatabaseFault = (error: unknown): error is Error => error instanceof Error && 'errcode' in error;
