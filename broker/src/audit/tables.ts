// The audit's own reading of the file: plain cells, no knowledge of how the service wrote them.
import type { DatabaseSync } from 'node:sqlite';
import { toBase64url } from '@farthing/protocol';
import { type Cell, type Cells, compareEach, type Findings } from './findings.ts';
import type { Shelf } from './shelves.ts';

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

/** Rows by key: the named columns, joined by a space. For tables that do not grow with what is sold. */
export function keyed(db: DatabaseSync, sql: string, key: readonly string[]): Map<string, Cells> {
  return new Map([...rowsOf(db, sql)].map((row) => [nameBy(key)(row), row]));
}

const nameBy =
  (key: readonly string[]) =>
  (row: Cells): string =>
    key.map((name) => String(row[name])).join(' ');

type Check<Value> = {
  readonly findings: Findings;
  readonly table: string;
  /** Columns that name a row, or what makes the name of one. */
  readonly key: readonly string[] | ((row: Cells) => string);
  /** The cells that a row must have. `actual`: the row that there is. */
  readonly cells: (value: Value, name: string, actual: Cells) => Cells;
};

/** A table that may be larger than memory holds what is on a shelf, and nothing else. */
export function checkShelf<Value>(
  db: DatabaseSync,
  shelf: Shelf<Value>,
  { findings, table, key, cells }: Check<Value>,
): void {
  const get = (name: string, actual: Cells): Cells | undefined => {
    const value = shelf.peek(name);
    return value === undefined ? undefined : cells(value, name, actual);
  };
  const expected = { get, keys: () => shelf.keys() };
  const nameOf = typeof key === 'function' ? key : nameBy(key);
  compareEach(findings, table, { expected, nameOf, actual: () => rowsOf(db, `SELECT * FROM ${table}`) });
}

/** Of shelves that hold the cells of rows. */
export const asTheyAre = (cells: Cells): Cells => cells;

export const textCell = (row: Cells, name: string): string => String(row[name] ?? '');
export const intCell = (row: Cells, name: string): bigint => {
  const value = row[name];
  return typeof value === 'bigint' ? value : 0n;
};
