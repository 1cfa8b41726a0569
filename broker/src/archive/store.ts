// The few changes that archiving makes to books, in one transaction, in SQLite and in PostgreSQL alike.
import type { DatabaseSync } from 'node:sqlite';
import type { Row } from '../books/port.ts';
import type { Line } from '../books/postgres/line.ts';
import { insertRows } from '../books/postgres/sets.ts';
import { tablesOf } from '../books/postgres/view.ts';

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

/** `tables`: of the same schema, from a file. */
export function serverStore(line: Line, tables: ReturnType<typeof tablesOf>): Store {
  return {
    async all(sql, ...values) {
      let last = 0;
      const text = sql.replaceAll('?', () => `$${++last}::bigint`);
      return (await line.run(text, ...values.map(String))).rows;
    },
    async insert(table, rows) {
      const columns = columnsIn(tables, table);
      await insertRows(line, table, { columns, rows: rows.map((row) => columns.map(({ name }) => row[name] ?? null)) });
    },
    async inOne(work) {
      // The turn of a writer: every broker looks at the tables anew afterwards.
      await line.script('BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE turn SET n = n + 1 WHERE one = 1');
      try {
        const result = await work();
        await line.script('COMMIT');
        return result;
      } catch (error) {
        if (!line.isBroken) await line.script('ROLLBACK').catch(() => undefined);
        throw error;
      }
    },
    close: () => line.close(),
  };
}

function columnsIn(tables: ReturnType<typeof tablesOf>, table: string) {
  const columns = tables.get(table);
  if (!columns) throw new Error(`there is no table ${table}`);
  return columns;
}
