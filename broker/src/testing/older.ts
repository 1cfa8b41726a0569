// Ledgers as older versions left them: only the tables and columns that those knew.
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { migrations } from '../ledger/schema.ts';
import { ledgerPath } from '../start.ts';

const namesIn = (db: DatabaseSync, sql: string): string[] =>
  db
    .prepare(sql)
    .all()
    .map(({ name }) => String(name));

/** Replaces the ledger in `data`, whose service is stopped, by the same one in the schema of `version`. */
export function makeOlder(data: string, version: number): void {
  const path = ledgerPath(data);
  const oldPath = join(data, 'old.db');
  const old = new DatabaseSync(oldPath);
  for (const statements of migrations.slice(0, version)) old.exec(statements);
  const tables = namesIn(old, "SELECT name FROM sqlite_schema WHERE type = 'table'").map((table) => {
    return { table, columns: namesIn(old, `SELECT name FROM pragma_table_info('${table}')`).join(', ') };
  });
  old.close();
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA foreign_keys=OFF; ATTACH '${oldPath}' AS old`);
  for (const { table, columns } of tables) {
    db.exec(`DELETE FROM old.${table}; INSERT INTO old.${table} (${columns}) SELECT ${columns} FROM main.${table}`);
  }
  db.exec(`PRAGMA old.user_version=${version}; PRAGMA wal_checkpoint(TRUNCATE)`);
  db.close();
  copyFileSync(oldPath, path);
  rmSync(oldPath);
}
