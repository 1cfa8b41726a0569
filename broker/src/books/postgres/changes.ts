// What a batch changed, as SQLite's session extension tells it: one net change for each row, however often it was written.
// The format is documented at sqlite.org/session/sqlite3session.html (sqlite3changeset).
import type { Value } from '../port.ts';

/** Of one table. `undefined`: a column that did not change. */
export type Change = {
  readonly table: string;
  /** Columns that name a row. */
  readonly key: readonly number[];
  readonly inserted: Cells[];
  /** Whole rows, as they were. */
  readonly deleted: Cells[];
  /** Keys are in `old`. */
  readonly updated: { readonly old: Cells; readonly now: Cells }[];
};
type Cells = readonly (Value | undefined)[];

const TABLE = 0x54;
const [INSERT, UPDATE, DELETE] = [18, 23, 9];
const [NONE, INTEGER, REAL, TEXT, BLOB, NULL] = [0, 1, 2, 3, 4, 5];

/** @throws {Error} it is not in the format that we know */
export function readChanges(changeset: Uint8Array): Change[] {
  const reader = new Reader(changeset);
  const changes: Change[] = [];
  let width = 0;
  while (!reader.isAtEnd) {
    const kind = reader.byte();
    if (kind === TABLE) {
      width = reader.length();
      const marks = reader.bytes(width);
      const key = [...marks.keys()].filter((i) => marks[i] !== 0);
      changes.push({ table: reader.name(), key, inserted: [], deleted: [], updated: [] });
      continue;
    }
    reader.byte(); // whether a trigger did it
    const change = changes.at(-1);
    if (kind === INSERT) change?.inserted.push(reader.row(width));
    else if (kind === DELETE) change?.deleted.push(reader.row(width));
    else if (kind === UPDATE) change?.updated.push({ old: reader.row(width), now: reader.row(width) });
    else throw new Error(`a change of an unknown kind ${kind}`);
  }
  return changes;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  bytes(length: number): Buffer {
    const found = this.#bytes.subarray(this.#at, this.#at + length);
    if (found.length !== length) throw new Error('a change that is cut off');
    this.#at += length;
    return found;
  }

  /** SQLite's varint: seven bits a byte, the highest first. */
  length(): number {
    let length = 0;
    for (let i = 0; i < 5; i++) {
      const byte = this.byte();
      length = length * 128 + (byte & 127);
      if (byte < 128) return length;
    }
    throw new Error('a length of more than 32 bits');
  }

  /** Up to a byte of zero. */
  name(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const name = this.bytes(end - this.#at).toString('utf8');
    this.#at++;
    return name;
  }

  row(width: number): Cells {
    return Array.from({ length: width }, () => this.#cell());
  }

  #cell(): Value | undefined {
    const type = this.byte();
    if (type === INTEGER) return this.bytes(8).readBigInt64BE();
    if (type === TEXT) return this.bytes(this.length()).toString('utf8');
    if (type === BLOB) return this.bytes(this.length());
    if (type === REAL) return this.bytes(8).readDoubleBE();
    if (type === NULL) return null;
    if (type !== NONE) throw new Error(`a value of an unknown type ${type}`);
    return undefined;
  }
}
