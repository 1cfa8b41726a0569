// Maps that may hold more than fits into memory. What was used lately is there; the rest lies in a temporary file of SQLite, which has
// no name and goes with the process. So an audit takes the same memory whether ten pieces were sold or ten million.
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Crypto } from '@farthing/protocol';
import type { Findings } from './findings.ts';
import { packed, unpacked } from './packed.ts';

/** Values in memory at once: some 30 MB. */
const HOT_VALUES = 20_000;
const CACHE = 'PRAGMA cache_size=-32768';

/** The temporary file cannot be written or read: nothing is said about the ledger. */
export class NoScratch extends Error {
  override name = 'NoScratch';

  constructor(cause: unknown) {
    super(
      `the audit’s temporary file: ${cause instanceof Error ? cause.message : String(cause)}. TMPDIR says in which folder it lies`,
    );
  }
}

function onFile<Result>(use: () => Result): Result {
  try {
    return use();
  } catch (error) {
    throw new NoScratch(error);
  }
}

/** How values stand in the file: as JSON, the same text for the same value. */
export type Codec<Value> = { readonly print: (value: Value) => string; readonly read: (text: string) => Value };

/** For amounts, of which there are as many as pieces. */
export const amounts: Codec<bigint> = { print: (amount) => `"${amount}"`, read: (text) => BigInt(text.slice(1, -1)) };

/** All shelves of one audit: they share the file. */
export class Shelves implements Disposable {
  readonly #db = new DatabaseSync('', { readBigInts: true });
  readonly #all = new Map<string, Shelf<unknown>>();
  readonly #hotValues: number;

  /** @param hotValues how many values are kept in memory */
  constructor(hotValues: number = HOT_VALUES) {
    this.#hotValues = hotValues;
    // A temporary file: nothing of it has to survive, and nothing is ever undone.
    this.#db.exec(`PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; ${CACHE}; BEGIN`);
  }

  /** Without a codec: values of strings, integers of any size, lists and plain objects. @throws {Error} there is one of this name */
  add<Value>(
    name: string,
    codec: Codec<Value> = { print: packed, read: (text) => unpacked(text) as Value },
  ): Shelf<Value> {
    if (this.#all.has(name)) throw new Error(`there is a shelf ${name} already`);
    const shelf = new Shelf<Value>(this.#db, name, codec);
    this.#all.set(name, shelf as Shelf<unknown>);
    return shelf;
  }

  /** Call it when nobody holds a value any more: what is changed after that is lost. */
  settle(): void {
    let hot = 0;
    for (const shelf of this.#all.values()) hot += shelf.hotValues;
    if (hot > this.#hotValues) for (const shelf of this.#all.values()) shelf.settle();
  }

  /** Every value as text, in the order of names. */
  *rows(): Generator<readonly [shelf: string, name: string, text: string]> {
    for (const [name, shelf] of this.#all) for (const [key, text] of shelf.texts()) yield [name, key, text];
  }

  /** Puts back what `rows` gave. @throws {Error} there is no such shelf */
  put(shelf: string, name: string, text: string): void {
    const there = this.#all.get(shelf);
    if (!there) throw new Error(`there is no shelf ${shelf}`);
    there.put(name, text);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

type Hot<Value> = { value: Value; text: string | undefined };

/** What the parts of the model are made with. */
export type Auditing = { readonly shelves: Shelves; readonly crypto: Crypto; readonly findings: Findings };

/** As a map. Values may be changed in place until the shelves are settled. */
export class Shelf<Value> {
  readonly #db: DatabaseSync;
  readonly #table: string;
  readonly #codec: Codec<Value>;
  readonly #hot = new Map<string, Hot<Value>>();
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;

  /** @param name a plain word */
  constructor(db: DatabaseSync, name: string, codec: Codec<Value>) {
    this.#db = db;
    this.#codec = codec;
    this.#table = `shelf_${name}`;
    db.exec(`CREATE TABLE ${this.#table} (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID`);
    this.#get = db.prepare(`SELECT text FROM ${this.#table} WHERE name = ?`);
    this.#put = db.prepare(
      `INSERT INTO ${this.#table} VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET text = excluded.text`,
    );
    this.#delete = db.prepare(`DELETE FROM ${this.#table} WHERE name = ?`);
  }

  get hotValues(): number {
    return this.#hot.size;
  }

  get(name: string): Value | undefined {
    const hot = this.#hot.get(name);
    if (hot) return hot.value;
    const text = this.#textOf(name);
    if (text === undefined) return undefined;
    const value = this.#codec.read(text);
    this.#hot.set(name, { value, text });
    return value;
  }

  /** To look at and not to change: for who goes through all of them. */
  peek(name: string): Value | undefined {
    const hot = this.#hot.get(name);
    if (hot) return hot.value;
    const text = this.#textOf(name);
    return text === undefined ? undefined : this.#codec.read(text);
  }

  has(name: string): boolean {
    return this.#hot.has(name) || this.#textOf(name) !== undefined;
  }

  set(name: string, value: Value): void {
    const hot = this.#hot.get(name);
    if (hot) hot.value = value;
    else this.#hot.set(name, { value, text: undefined });
  }

  /** @returns whether it was there */
  delete(name: string): boolean {
    const wasHot = this.#hot.delete(name);
    return onFile(() => this.#delete.run(name)).changes > 0 || wasHot;
  }

  get size(): number {
    this.settle();
    return Number(this.#db.prepare(`SELECT count(*) AS n FROM ${this.#table}`).get()?.['n']);
  }

  /** In the order of names. Values are to be looked at. */
  *[Symbol.iterator](): Generator<[string, Value]> {
    for (const [name, text] of this.texts()) yield [name, this.#codec.read(text)];
  }

  *keys(): Generator<string> {
    this.settle();
    const rows = this.#db.prepare(`SELECT name FROM ${this.#table} ORDER BY name`).iterate();
    for (const { name } of rows) yield String(name);
  }

  /** Writes down what has changed, and forgets it. */
  settle(): void {
    for (const [name, { value, text }] of this.#hot) {
      const now = this.#codec.print(value);
      if (now !== text) this.put(name, now);
    }
    this.#hot.clear();
  }

  /** In the order of names. */
  *texts(): Generator<[name: string, text: string]> {
    this.settle();
    const rows = this.#db.prepare(`SELECT name, text FROM ${this.#table} ORDER BY name`).iterate();
    for (const { name, text } of rows) yield [String(name), String(text)];
  }

  /** A text as `texts` gives it. */
  put(name: string, text: string): void {
    onFile(() => this.#put.run(name, text));
  }

  #textOf(name: string): string | undefined {
    const text = onFile(() => this.#get.get(name))?.['text'];
    return typeof text === 'string' ? text : undefined;
  }
}
