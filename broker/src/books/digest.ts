// A digest over every row of every table: two ledgers that have the same are the same.
import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { keyOf, tablesOf } from './postgres/tables.ts';

export function digestOf(db: DatabaseSync): { digest: string; rows: number } {
  const hash = createHash('sha256');
  let rows = 0;
  for (const [table, columns] of tablesOf(db)) {
    const names = columns.map(({ name }) => name);
    hash.update(`\0${table}\0`);
    const order = keyOf(db, table).join(', ');
    for (const row of db.prepare(`SELECT ${names.join(', ')} FROM ${table} ORDER BY ${order}`).iterate()) {
      rows++;
      hash.update(JSON.stringify(names.map((name) => printed(row[name]))));
    }
  }
  return { digest: hash.digest('hex'), rows };
}

const printed = (value: unknown): string | null => {
  if (value === null) return null;
  return value instanceof Uint8Array ? `x${Buffer.from(value).toString('hex')}` : `${typeof value} ${String(value)}`;
};
