// A whole ledger from PostgreSQL into a file of SQLite and back, page by page: for audits, for reports, and for brokers that move.
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { migrations } from '../../ledger/schema.ts';
import type { Row } from '../port.ts';
import { Line, UNHURRIED } from './line.ts';
import { needTables } from './schema.ts';
import { insertRows } from './sets.ts';
import { tablesOf } from './tables.ts';

/** Called after each page: rows of this table so far, of how many. */
export type Progress = (table: string, done: number, all: number) => void;

/** Rows that are in memory at once. */
const PAGE = 2_000;

/** What there is at one moment, into an empty database. The line is in a transaction, which the caller ends. */
export async function copyOut(line: Line, db: DatabaseSync, progress?: Progress): Promise<void> {
  for (const step of migrations) db.exec(step);
  db.exec(`PRAGMA foreign_keys=OFF; PRAGMA user_version=${migrations.length}; BEGIN`);
  for (const [table, columns] of tablesOf(db)) {
    const names = columns.map(({ name }) => name);
    const insert = db.prepare(`INSERT INTO ${table} (${names}) VALUES (${names.map(() => '?')})`);
    const [counted] = await line.script(`SELECT count(*) AS n FROM ${table}`);
    const all = Number(counted?.['n'] ?? 0n);
    await line.script(`DECLARE page NO SCROLL CURSOR FOR SELECT ${names} FROM ${table}`);
    for (let done = 0; ; ) {
      const rows = await line.script(`FETCH ${PAGE} FROM page`);
      if (rows.length === 0) break;
      for (const row of rows) insert.run(...names.map((name) => row[name] ?? null));
      done += rows.length;
      progress?.(table, done, all);
    }
    await line.script('CLOSE page');
  }
  db.exec('COMMIT; PRAGMA foreign_keys=ON');
}

/** All rows into empty tables. The line is in a transaction, which the caller ends. */
export async function copyIn(db: DatabaseSync, line: Line, progress?: Progress): Promise<void> {
  for (const [table, columns] of tablesOf(db)) {
    const all = Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'] ?? 0n);
    let page: Row[] = [];
    let done = 0;
    const flush = async () => {
      if (page.length === 0) return;
      await insertRows(line, table, { columns, rows: page.map((row) => columns.map(({ name }) => row[name] ?? null)) });
      done += page.length;
      page = [];
      progress?.(table, done, all);
    };
    for (const row of db.prepare(`SELECT * FROM ${table}`).iterate()) {
      page.push(row);
      if (page.length === PAGE) await flush();
    }
    await flush();
  }
}

/** Into a new file, which need not survive a crash. @throws {Error} there is no ledger at `url` */
export async function copyToFile(url: string, path: string): Promise<void> {
  const line = await Line.open(url);
  const db = quickFile(path);
  try {
    await needTables(line);
    await line.script(`BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; ${UNHURRIED}`);
    await copyOut(line, db);
  } finally {
    db.close();
    await line.close();
  }
}

/** A new file that need not survive a crash. @throws {Error} there is one */
export function quickFile(path: string): DatabaseSync {
  closeSync(openSync(path, 'ax', 0o600));
  const db = new DatabaseSync(path, { readBigInts: true, enableForeignKeyConstraints: false });
  db.exec('PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF');
  return db;
}
