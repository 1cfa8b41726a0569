// Columns of many rows as PostgreSQL takes arrays in its binary form: nothing is escaped here, and nothing is parsed there.

export type Type = 'text' | 'bigint' | 'smallint';
export type Cell = string | bigint | null;

/** The numbers that PostgreSQL knows the types by. */
const TYPES = { text: 25, bigint: 20, smallint: 21 } as const;
/** Dimensions, whether there are nulls, type, length, where it begins. */
const HEAD = 20;
const LENGTH = 4;
const NULL = -1;

/** One dimension. @param cells as the type wants them */
export function columnOf(type: Type, cells: readonly Cell[]): Buffer {
  const sizes = cells.map((cell) => (cell === null ? NULL : sizeOf(type, cell)));
  // Exactly as large as it must be: what V8 must not move makes it collect garbage early.
  const column = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + LENGTH + Math.max(0, size), HEAD));
  const head = [1, cells.includes(null) ? 1 : 0, TYPES[type], cells.length, 1];
  let at = 0;
  for (const number of head) at = column.writeInt32BE(number, at);
  for (const [i, cell] of cells.entries()) {
    at = column.writeInt32BE(sizes[i] ?? NULL, at);
    if (cell === null) continue;
    if (type === 'text') at += column.write(String(cell), at);
    else if (type === 'bigint') at = column.writeBigInt64BE(BigInt(cell), at);
    else at = column.writeInt16BE(Number(cell), at);
  }
  return column;
}

function sizeOf(type: Type, cell: string | bigint): number {
  if (type === 'text') return Buffer.byteLength(String(cell));
  return type === 'bigint' ? 8 : 2;
}
