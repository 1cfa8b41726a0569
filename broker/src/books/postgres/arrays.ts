// Arrays as PostgreSQL's wire has them in binary: lengths say where a value ends, so nobody has to escape or to look for quotes.
// The format is that of array_send and array_recv in the server's source (src/backend/utils/adt/arrayfuncs.c).
import type { Value } from '../port.ts';

export type ArrayType = 'text' | 'bigint' | 'bytea';

/** Numbers of types that no server changes (pg_type.dat). */
const OIDS: Readonly<Record<ArrayType, number>> = { bytea: 17, bigint: 20, text: 25 };
/** Dimensions, whether there are NULLs, type; for the one dimension its length and the number of its first. */
const HEAD = 20;
const NULL = -1;

/** @param values at least one @throws {Error} a value of another type */
export function arrayOf(type: ArrayType, values: readonly Value[]): Buffer {
  const cells = values.map((value) => (value === null ? undefined : bytesOf(type, value)));
  const out = Buffer.allocUnsafe(cells.reduce((sum, cell) => sum + 4 + (cell?.length ?? 0), HEAD));
  let at = 0;
  for (const n of [1, cells.includes(undefined) ? 1 : 0, OIDS[type], cells.length, 1]) at = out.writeInt32BE(n, at);
  for (const cell of cells) {
    at = out.writeInt32BE(cell?.length ?? NULL, at);
    if (!cell) continue;
    out.set(cell, at);
    at += cell.length;
  }
  return out;
}

function bytesOf(type: ArrayType, value: NonNullable<Value>): Uint8Array {
  if (type === 'text' && typeof value === 'string') return Buffer.from(value, 'utf8');
  if (type === 'bytea' && value instanceof Uint8Array) return value;
  if (type === 'bigint' && (typeof value === 'bigint' || typeof value === 'number')) {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigInt64BE(BigInt(value));
    return bytes;
  }
  throw new Error(`expected ${type}, got ${typeof value}`);
}
