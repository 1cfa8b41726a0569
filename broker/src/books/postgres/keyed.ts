// Tables of the view whose rows are asked for one by one, by their key, and in no other way: most rows of most batches are in
// these. They are kept as objects: a database in memory would copy each of them in and out, and find its own changes at the end.
import type { Row, Statement, Value } from '../port.ts';
import type { Change } from './changes.ts';
import { INSERT, numbered } from './reach.ts';
import type { Column } from './tables.ts';

/** No statement scans these. */
export const KEYED: ReadonlySet<string> = new Set(['root', 'balance']);

const ONE = /^(?:SELECT (?<shown>.*?) FROM|UPDATE) (?<table>\w+)(?: SET (?<set>.*?))? WHERE (?<where>.*)$/;

type Before = { readonly name: string; readonly row: Row | undefined };

/** `at`: which parameter. */
type Cell = { readonly name: string; readonly at: number };

export class Keyed {
  readonly #table: string;
  readonly #columns: readonly string[];
  readonly #key: readonly string[];
  readonly #rows = new Map<string, Row>();
  /** What rows were before each change of the pass, oldest first. */
  #before: Before[] = [];

  constructor(table: string, columns: readonly Column[], key: readonly string[]) {
    this.#table = table;
    this.#columns = columns.map(({ name }) => name);
    this.#key = key;
  }

  /** @throws {Error} it asks in another way than by the key */
  prepare(sql: string): Statement {
    const text = numbered(sql.replace(/\s+/g, ' ').trim());
    const insert = INSERT.exec(text)?.groups;
    if (insert) return this.#inserting(insert, text);
    const { shown, set, table, where = '' } = ONE.exec(text)?.groups ?? {};
    const key = equals(where, ' AND ');
    const at = this.#key.map((name) => key?.find((one) => one.name === name)?.at);
    const sets = set === undefined ? [] : equals(set, ', ');
    const isShown =
      shown === undefined || shown === '*' || shown.split(', ').every((one) => this.#columns.includes(one));
    const isByKey = key?.length === this.#key.length && !at.includes(undefined);
    if (table !== this.#table || !sets || !isShown || !isByKey) throw unknown(this.#table, text);
    const nameOf = (values: readonly Value[]): string => named(at.map((n) => values[n ?? 0] ?? null));
    const get = (...values: Value[]): Row | undefined => this.#rows.get(nameOf(values));
    return {
      get,
      all: (...values) => [get(...values) ?? []].flat(),
      run: (...values) => {
        const name = nameOf(values);
        const row = this.#rows.get(name);
        if (row) this.#put(name, { ...row, ...changed(sets, values) });
        return { changes: row ? 1 : 0 };
      },
    };
  }

  /** Where there is none yet. @returns whether there was none */
  bring(row: Row): boolean {
    const name = this.#nameIn(row);
    if (this.#rows.has(name)) return false;
    this.#rows.set(name, row);
    return true;
  }

  /** A place to which `undo` goes back. */
  get mark(): number {
    return this.#before.length;
  }

  undo(mark: number): void {
    for (const { name, row } of this.#before.splice(mark).reverse()) {
      if (row) this.#rows.set(name, row);
      else this.#rows.delete(name);
    }
  }

  /** The net change since the pass began, one for each row. */
  changes(): Change {
    const { inserted, updated } = { inserted: [] as Value[][], updated: [] as Change['updated'] };
    const key = this.#key.map((name) => this.#columns.indexOf(name));
    const seen = new Set<string>();
    for (const { name, row: old } of this.#before) {
      const now = this.#rows.get(name);
      if (seen.has(name) || !now) continue;
      seen.add(name);
      const cells = this.#columns.map((column) => now[column] ?? null);
      if (!old) inserted.push(cells);
      else {
        const isOther = this.#columns.map((column) => !same(old[column], now[column]));
        if (!isOther.includes(true)) continue;
        const told = this.#columns.map((column, i) =>
          isOther[i] || key.includes(i) ? (old[column] ?? null) : undefined,
        );
        updated.push({ old: told, now: cells.map((cell, i) => (isOther[i] ? cell : undefined)) });
      }
    }
    return { table: this.#table, key, inserted, deleted: [], updated };
  }

  /** What was changed stays. */
  commit(): void {
    this.#before = [];
  }

  clear(): void {
    this.#rows.clear();
    this.#before = [];
  }

  #inserting({ table, columns = '', values = '', key }: Record<string, string | undefined>, text: string): Statement {
    const names = columns.split(', ');
    if (table !== this.#table) throw unknown(this.#table, text);
    const isPlain = values === names.map((_, i) => `?${i + 1}`).join(', ');
    const set = / DO UPDATE SET (?<set>.*)$/.exec(text)?.groups?.['set'];
    const sets = set === undefined ? [] : excluded(set, names);
    const isOnKey = key === undefined || key === this.#key.join(', ');
    if (!isPlain || !sets || !isOnKey || (key !== undefined && set === undefined)) throw unknown(this.#table, text);
    const read = (): never => {
      throw new Error('an insert tells nothing');
    };
    return {
      get: read,
      all: read,
      run: (...values) => {
        const row: Row = Object.fromEntries(names.map((name, at) => [name, cellOf(values[at] ?? null)]));
        const name = this.#nameIn(row);
        const there = this.#rows.get(name);
        if (there && key === undefined) throw new Error(`a row of ${this.#table} is there already`);
        this.#put(name, there ? { ...there, ...changed(sets, values) } : row);
        return { changes: 1 };
      },
    };
  }

  #nameIn = (row: Row): string => named(this.#key.map((name) => row[name] ?? null));

  #put(name: string, row: Row): void {
    this.#before.push({ name, row: this.#rows.get(name) });
    this.#rows.set(name, row);
  }
}

/** `a = ?1`, between separators. */
function equals(text: string, separator: string): Cell[] | undefined {
  const parts = text.split(separator).map((part) => /^(\w+) = \?(\d+)$/.exec(part));
  if (parts.includes(null)) return undefined;
  return parts.map((part) => ({ name: part?.[1] ?? '', at: Number(part?.[2]) - 1 }));
}

/** `a = excluded.a`, of a row whose columns are the parameters. */
function excluded(text: string, names: readonly string[]): Cell[] | undefined {
  const sets = text.split(', ').map((part) => ({ part, name: /^\w+/.exec(part)?.[0] ?? '' }));
  if (sets.some(({ part, name }) => part !== `${name} = excluded.${name}` || !names.includes(name))) return undefined;
  return sets.map(({ name }) => ({ name, at: names.indexOf(name) }));
}

const unknown = (table: string, text: string) =>
  new Error(`rows of ${table} are asked for by their key alone: ${text}`);

const changed = (sets: readonly Cell[], values: readonly Value[]): Row =>
  Object.fromEntries(sets.map(({ name, at }) => [name, cellOf(values[at] ?? null)]));

/** As it is read: integers of any kind are bigints. */
function cellOf(value: Value): Row[string] {
  if (typeof value === 'number') return BigInt(value);
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}

const same = (a: Row[string] | undefined, b: Row[string] | undefined): boolean =>
  a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) === 0 : a === b;

/** Strings of other lengths cannot be taken for each other. */
const named = (values: readonly Value[]): string =>
  values.map((value) => `${String(value).length} ${String(value)}`).join(' ');
