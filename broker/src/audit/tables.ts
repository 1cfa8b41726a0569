// The audit's own reading of the file: plain cells, no knowledge of how the service wrote them.
import type { DatabaseSync } from 'node:sqlite';
import { toBase64url } from '@farthing/protocol';
import type { Cell, Cells } from './findings.ts';

/** All rows of a query as cells; bytes become base64url. */
export function* rowsOf(db: DatabaseSync, sql: string): Generator<Cells> {
  for (const row of db.prepare(sql).iterate()) {
    const cells: Record<string, Cell> = {};
    for (const [name, value] of Object.entries(row)) {
      if (value instanceof Uint8Array) cells[name] = toBase64url(value);
      else if (typeof value === 'number') cells[name] = String(value);
      else cells[name] = value;
    }
    yield cells;
  }
}

/** Rows by key: the named columns, joined by a space. */
export function keyed(db: DatabaseSync, sql: string, key: readonly string[]): Map<string, Cells> {
  return new Map([...rowsOf(db, sql)].map((row) => [key.map((name) => String(row[name])).join(' '), row]));
}

export const textCell = (row: Cells, name: string): string => String(row[name] ?? '');
export const intCell = (row: Cells, name: string): bigint => {
  const value = row[name];
  return typeof value === 'bigint' ? value : 0n;
};
