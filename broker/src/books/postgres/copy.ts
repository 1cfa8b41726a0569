// A whole ledger from PostgreSQL into a file of SQLite and back, page by page: for audits, for reports, and for brokers that move.
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { migrations } from '../../ledger/schema.ts';
import { Line } from './line.ts';
import { needTables } from './schema.ts';
import { tablesOf } from './view.ts';

/** Called after each page: rows of this table so far, of how many. */
export type Progress = (table: string, done: number, all: number) => void;

/** Rows that are in memory at once. */
const PAGE = 2_000;

/** What there is at one moment, into an empty database. The line is in no transaction. */
async function copyOut(line: Line, db: DatabaseSync, progress?: Progress): Promise<void> {
  for (const step of migrations) db.exec(step);
  db.exec(`PRAGMA foreign_keys=OFF; PRAGMA user_version=${migrations.length}; BEGIN`);
  await line.script('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
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
  await line.script('ROLLBACK');
  db.exec('COMMIT; PRAGMA foreign_keys=ON');
}

/** Into a new file, which need not survive a crash. @throws {Error} there is no ledger at `url` */
export async function copyToFile(url: string, path: string): Promise<void> {
  closeSync(openSync(path, 'ax', 0o600));
  const line = await Line.open(url);
  const db = new DatabaseSync(path, { readBigInts: true, enableForeignKeyConstraints: false });
  try {
    db.exec('PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF');
    await needTables(line);
    await copyOut(line, db);
  } finally {
    db.close();
    await line.close();
  }
}
