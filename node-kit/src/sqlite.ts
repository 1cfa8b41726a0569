// SQLite opened for money: every open sets and reads back what durability needs, and refuses to go on otherwise.
import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isBusy } from './group-commit.ts';

/** Below this the WAL-reset bug can lose commits (sqlite.org/wal.html#walresetbug). */
const OLDEST = [3, 51, 3];

/** So long an open waits for who else uses the file. */
const BUSY_MS = 5000;

/**
 * Opens or makes a database: WAL, `synchronous=FULL`, foreign keys, bigint integers, 5 s busy time-out, mode 0600.
 * `migrations[n]` takes the schema from version n to n+1, each in a transaction of its own.
 * @throws {Error} a database of a newer program, a SQLite that is too old, a setting that does not hold
 */
export function openDatabase(path: string, migrations: readonly string[]): DatabaseSync {
  if (path !== ':memory:') {
    if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
  }
  const db = new DatabaseSync(path, { readBigInts: true, timeout: BUSY_MS });
  try {
    useWal(db);
    db.exec('PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;');
    check(db, path);
    migrate(db, path, migrations);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * SQLite does not wait for another process that is just making the same file into one with a WAL, whatever its time-out: it would
 * answer `database is locked` at once, and of several processes that start together on a new file one would end.
 */
function useWal(db: DatabaseSync): void {
  const endMs = performance.now() + BUSY_MS;
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      db.exec('PRAGMA journal_mode=WAL');
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > endMs) throw error;
      Atomics.wait(nobody, 0, 0, 1 + Math.random() * 10);
    }
  }
}

/** Opens an existing database to read it only: for audits and reports beside a running service. */
export function openReadOnly(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, readBigInts: true, timeout: BUSY_MS });
}

function check(db: DatabaseSync, path: string): void {
  const version = String(pragma(db, 'SELECT sqlite_version() AS value'));
  const parts = version.split('.').map(Number);
  const older = OLDEST.findIndex((n, i) => (parts[i] ?? 0) !== n);
  if (older >= 0 && (parts[older] ?? 0) < (OLDEST[older] as number)) {
    throw new Error(
      `SQLite ${version} is too old for money: ${OLDEST.join('.')} or newer is needed (Node 24 brings it)`,
    );
  }
  if (pragma(db, 'SELECT synchronous AS value FROM pragma_synchronous') !== 2n) {
    throw new Error(`${path}: synchronous=FULL does not hold`);
  }
  const mode = pragma(db, 'SELECT journal_mode AS value FROM pragma_journal_mode');
  if (mode !== 'wal' && path !== ':memory:')
    throw new Error(`${path}: WAL does not hold (the file system may not support it)`);
}

function migrate(db: DatabaseSync, path: string, migrations: readonly string[]): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    const version = Number(pragma(db, 'SELECT user_version AS value FROM pragma_user_version'));
    if (version > migrations.length) {
      throw new Error(
        `${path} was written by a newer version of Farthing (schema ${version}, this program knows ${migrations.length})`,
      );
    }
    for (const statement of migrations.slice(version)) db.exec(statement);
    db.exec(`PRAGMA user_version=${migrations.length}`);
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function pragma(db: DatabaseSync, sql: string): unknown {
  return db.prepare(sql).get()?.['value'];
}
