// Rows of one table within one transaction: locked as they are read, changed in memory, written in one statement each for
// all that are new, changed and gone.
import { type ArrayType, arrayOf } from '@farthing/node-kit';
import type { Tx } from './db.ts';

export type Cell = string | bigint | null;

/** How a kind of row lies in its table, beside its key. */
export type Shape<Row> = {
  readonly name: string;
  /** The column that the rows go by. */
  readonly key: string;
  readonly columns: Readonly<Record<string, ArrayType>>;
  toCells(row: Row, key: string): readonly Cell[];
  fromCells(cells: Readonly<Record<string, unknown>>): Row;
};

/** A row was asked for that was not read yet: it is, and everything is decided again. */
export class Missing extends Error {
  override name = 'Missing';
}

/** Another batch made a row that was not there when it was read: nothing is written, and all is decided again. */
export class Overtaken extends Error {
  override name = 'Overtaken';
}

export class Table<Row> {
  readonly #shape: Shape<Row>;
  readonly #sql: ReturnType<typeof statements>;
  readonly #stored = new Map<string, Row | undefined>();
  readonly #wanted = new Set<string>();
  #now = new Map<string, Row | undefined>();

  constructor(shape: Shape<Row>, schema: string) {
    this.#shape = shape;
    this.#sql = statements(shape, schema);
  }

  /** Will be needed. */
  want(key: string): void {
    if (!this.#stored.has(key)) this.#wanted.add(key);
  }

  /** @throws {Missing} */
  get(key: string): Row | undefined {
    if (this.#now.has(key)) return this.#now.get(key);
    if (!this.#stored.has(key)) {
      this.#wanted.add(key);
      throw new Missing();
    }
    return this.#stored.get(key);
  }

  set(key: string, row: Row): void {
    this.want(key);
    this.#now.set(key, row);
  }

  drop(key: string): void {
    this.want(key);
    this.#now.set(key, undefined);
  }

  get isComplete(): boolean {
    return this.#wanted.size === 0;
  }

  /** As read. */
  reset(): void {
    this.#now = new Map();
  }

  /** Reads what is wanted, and locks it. */
  async load(tx: Tx): Promise<void> {
    if (this.#wanted.size === 0) return;
    const keys = [...this.#wanted].sort();
    this.#wanted.clear();
    for (const key of keys) this.#stored.set(key, undefined);
    const { key: name, fromCells } = this.#shape;
    for (const cells of (await tx.run(this.#sql.read, arrayOf('text', keys))).rows) {
      this.#stored.set(String(cells[name]), fromCells(cells));
    }
  }

  /** @throws {Overtaken} */
  async write(tx: Tx): Promise<void> {
    const made: [string, Row][] = [];
    const changed: [string, Row][] = [];
    const gone: string[] = [];
    for (const [key, row] of [...this.#now].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const was = this.#stored.get(key);
      if (row === undefined) {
        if (was !== undefined) gone.push(key);
      } else if (was === undefined) made.push([key, row]);
      else if (was !== row) changed.push([key, row]);
    }
    const { insert, update, remove } = this.#sql;
    if (gone.length > 0) await tx.run(remove, arrayOf('text', gone));
    if (changed.length > 0) await tx.run(update, ...this.#columns(changed));
    if (made.length === 0) return;
    const { count } = await tx.run(insert, ...this.#columns(made));
    if (count !== made.length) throw new Overtaken();
  }

  #columns(rows: readonly (readonly [string, Row])[]): Buffer[] {
    return columnsOf(this.#shape, rows);
  }
}

/** The keys, and then column by column: what `unnest` makes rows of again. */
export function columnsOf<Row>({ columns, toCells }: Shape<Row>, rows: readonly (readonly [string, Row])[]): Buffer[] {
  const cells = rows.map(([key, row]) => toCells(row, key));
  const keys = rows.map(([key]) => key);
  const types = Object.values(columns);
  return [
    arrayOf('text', keys),
    ...types.map((type, i) =>
      arrayOf(
        type,
        cells.map((row) => row[i] ?? null),
      ),
    ),
  ];
}

/** Rows of such columns. @param from the number of the first parameter */
export function rowsOf<Row>({ key, columns }: Shape<Row>, from = 1): { names: string; rows: string } {
  const names = [key, ...Object.keys(columns)].join(', ');
  const types = ['text', ...Object.values(columns)].map((type, i) => `$${from + i}::${type}[]`);
  return { names, rows: `unnest(${types.join(', ')}) AS v(${names})` };
}

function statements<Row>(shape: Shape<Row>, schema: string) {
  const { name, key, columns } = shape;
  const table = `${schema}.${name}`;
  const { names, rows } = rowsOf(shape);
  const set = Object.keys(columns).map((column) => `${column} = v.${column}`);
  return {
    // In the order of the keys, so that two processes do not wait for each other.
    read: `SELECT ${names} FROM ${table} WHERE ${key} = ANY($1::text[]) ORDER BY ${key} FOR UPDATE`,
    insert: `INSERT INTO ${table}(${names}) SELECT * FROM ${rows} ON CONFLICT DO NOTHING`,
    update: `UPDATE ${table} AS t SET ${set.join(', ')} FROM ${rows} WHERE t.${key} = v.${key}`,
    remove: `DELETE FROM ${table} WHERE ${key} = ANY($1::text[])`,
  };
}
