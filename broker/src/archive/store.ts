// The few changes that archiving makes to books, in one transaction, in SQLite here and in PostgreSQL alike.
import type { DatabaseSync } from 'node:sqlite';
import type { Row } from '../books/port.ts';
import { tablesOf } from '../books/postgres/tables.ts';

export type Store = {
  /** Integers as parameters (`?`). */
  all(sql: string, ...values: readonly bigint[]): Promise<Row[]>;
  insert(table: string, rows: readonly Row[]): Promise<void>;
  /** All of it or nothing, durable when it resolves. */
  inOne<Result>(work: () => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
};

export function fileStore(db: DatabaseSync): Store {
  const tables = tablesOf(db);
  return {
    all: async (sql, ...values) => db.prepare(sql).all(...values),
    async insert(table, rows) {
      const names = columnsIn(tables, table).map(({ name }) => name);
      const insert = db.prepare(`INSERT INTO ${table} (${names}) VALUES (${names.map(() => '?')})`);
      for (const row of rows) insert.run(...names.map((name) => row[name] ?? null));
    },
    async inOne(work) {
      db.exec('BEGIN IMMEDIATE');
      try {
        const result = await work();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    },
    close: async () => db.close(),
  };
}

export function columnsIn(tables: ReturnType<typeof tablesOf>, table: string) {
  const columns = tables.get(table);
  if (!columns) throw new Error(`there is no table ${table}`);
  return columns;
}
