// Reading rows of STRICT tables: a column of another type than the schema says is our fault or a damaged file.
import type { Row } from '../books/port.ts';

export type { Row } from '../books/port.ts';

const wrong = (name: string, expected: string) => new Error(`column ${name}: expected ${expected}`);

export function text(row: Row, name: string): string {
  const value = row[name];
  if (typeof value !== 'string') throw wrong(name, 'text');
  return value;
}

export function textOrNull(row: Row, name: string): string | undefined {
  return row[name] === null ? undefined : text(row, name);
}

export function int(row: Row, name: string): bigint {
  const value = row[name];
  if (typeof value !== 'bigint') throw wrong(name, 'an integer');
  return value;
}

/** For times, serials and counts, which stay below 2^53; money is read by `int`. */
export function num(row: Row, name: string): number {
  const value = Number(int(row, name));
  if (!Number.isSafeInteger(value)) throw wrong(name, 'a safe integer');
  return value;
}

export function blob(row: Row, name: string): Uint8Array {
  const value = row[name];
  if (!(value instanceof Uint8Array)) throw wrong(name, 'bytes');
  return value;
}
