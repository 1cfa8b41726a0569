// Rows of one table within one transaction: locked as they are read, changed in memory, written in one statement each for
// all that are new, changed and gone.
import type { Tx } from './db.ts';

type Type = 'text' | 'bigint' | 'smallint';
export type Cell = string | bigint | null;

/** How a kind of row lies in its table, beside its key. */
export type Shape<Row> = {
  readonly name: string;
  /** The column that the rows go by. */
  readonly key: string;
  readonly columns: Readonly<Record<string, Type>>;
  toCells(row: Row, key: string): readonly Cell[];
  fromCells(cells: Readonly<Record<string, unknown>>): Row;
};

/** A row was asked for that was not read yet: it is, and everything is decided again. */
export class Missing extends Error {
  override name = 'Missing';
}

/** Another process made a row that was not there when it was read: nothing was written, and all is decided again. */
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
    for (const cells of (await tx.run(this.#sql.read, keys)).rows) {
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
    if (gone.length > 0) await tx.run(remove, gone);
    if (changed.length > 0) await tx.run(update, ...this.#columns(changed));
    if (made.length === 0) return;
    const { count } = await tx.run(insert, ...this.#columns(made));
    if (count !== made.length) throw new Overtaken();
  }

  /** As text: the statement says what it is. */
  #columns(rows: readonly (readonly [string, Row])[]): (string | null)[][] {
    const cells = rows.map(([key, row]) => [key, ...this.#shape.toCells(row, key)]);
    return [...(cells[0] ?? [])].map((_, column) => cells.map((row) => row[column]?.toString() ?? null));
  }
}

function statements<Row>({ name, key, columns }: Shape<Row>, schema: string) {
  const table = `${schema}.${name}`;
  const names = [key, ...Object.keys(columns)];
  const types = ['text', ...Object.values(columns)];
  const rows = `unnest(${types.map((type, i) => `$${i + 1}::${type}[]`).join(', ')}) AS v(${names.join(', ')})`;
  const set = Object.keys(columns).map((column) => `${column} = v.${column}`);
  return {
    // In the order of the keys, so that two processes do not wait for each other.
    read: `SELECT ${names.join(', ')} FROM ${table} WHERE ${key} = ANY($1::text[]) ORDER BY ${key} FOR UPDATE`,
    insert: `INSERT INTO ${table}(${names.join(', ')}) SELECT * FROM ${rows} ON CONFLICT DO NOTHING`,
    update: `UPDATE ${table} AS t SET ${set.join(', ')} FROM ${rows} WHERE t.${key} = v.${key}`,
    remove: `DELETE FROM ${table} WHERE ${key} = ANY($1::text[])`,
  };
}
