// Arrays as PostgreSQL's wire has them in binary: lengths say where a value ends, so nobody has to escape or to look for quotes.
// The format is that of array_send and array_recv in the server's source (src/backend/utils/adt/arrayfuncs.c).

export type ArrayType = keyof typeof OIDS;
export type ArrayValue = string | bigint | number | Uint8Array | null;

/** Numbers of types that no server changes (pg_type.dat). */
const OIDS = { bytea: 17, bigint: 20, smallint: 21, text: 25 } as const;
/** Dimensions, whether there are NULLs, type; for the one dimension its length and the number of its first. */
const HEAD = 20;
const LENGTH = 4;
const NULL = -1;
const BIGINT = 8;
const SMALLINT = 2;

/** @param values at least one @throws {Error} a value of another type */
export function arrayOf(type: ArrayType, values: readonly ArrayValue[]): Buffer {
  const sizes = values.map((value) => (value === null ? NULL : sizeOf(type, value)));
  // Exactly as large as it must be: buffers that are not in V8's heap make it collect garbage early.
  const out = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + LENGTH + Math.max(0, size), HEAD));
  let at = 0;
  for (const n of [1, sizes.includes(NULL) ? 1 : 0, OIDS[type], values.length, 1]) at = out.writeInt32BE(n, at);
  for (const [i, value] of values.entries()) {
    const size = sizes[i] ?? NULL;
    at = out.writeInt32BE(size, at);
    if (typeof value === 'string') at += out.write(value, at);
    else if (value instanceof Uint8Array) {
      out.set(value, at);
      at += size;
    } else if (size === BIGINT && value !== null) at = out.writeBigInt64BE(BigInt(value), at);
    else if (size === SMALLINT) at = out.writeInt16BE(Number(value), at);
  }
  return out;
}

function sizeOf(type: ArrayType, value: NonNullable<ArrayValue>): number {
  if (type === 'text' && typeof value === 'string') return Buffer.byteLength(value);
  if (type === 'bytea' && value instanceof Uint8Array) return value.length;
  const isNumber = typeof value === 'bigint' || typeof value === 'number';
  if (isNumber && type === 'bigint') return BIGINT;
  if (isNumber && type === 'smallint') return SMALLINT;
  throw new Error(`expected ${type}, got ${typeof value}`);
}
