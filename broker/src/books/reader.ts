// Reads the books where they lie, beside the running service: question by question, each answered as of its own moment. For what
// only grows and is read a page at a time; reports that need one moment take a copy.
import type { StatementSync } from 'node:sqlite';
import { openReadOnly } from '@farthing/node-kit';
import { existing, type Place } from './open.ts';
import type { Row } from './port.ts';

/** SQL that SQLite and PostgreSQL both run, with `?` for each value. */
export type Read = (sql: string, ...values: readonly (bigint | string)[]) => Promise<Row[]>;
export type BookReader = AsyncDisposable & { readonly read: Read };

/** @throws {Error} there are no books */
export async function openReader({ data, database }: Place): Promise<BookReader> {
  return database === undefined ? ofFile(existing(data)) : ofServer(database);
}

function ofFile(path: string): BookReader {
  const db = openReadOnly(path);
  const known = new Map<string, StatementSync>();
  return {
    async read(sql, ...values) {
      const statement = known.get(sql) ?? db.prepare(sql);
      known.set(sql, statement);
      return statement.all(...values);
    },
    [Symbol.asyncDispose]: async () => db.close(),
  };
}

async function ofServer(url: string): Promise<BookReader> {
  const [{ Line }, { needTables }] = await Promise.all([import('./postgres/line.ts'), import('./postgres/schema.ts')]);
  const line = await Line.open(url);
  try {
    await needTables(line);
  } catch (error) {
    await line.close();
    throw error;
  }
  return {
    async read(sql, ...values) {
      let last = 0;
      const text = sql.replaceAll('?', () => `$${++last}`);
      return (await line.run(text, ...values.map(String))).rows;
    },
    [Symbol.asyncDispose]: () => line.close(),
  };
}
