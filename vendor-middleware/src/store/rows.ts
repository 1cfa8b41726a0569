// Rows that change often, such as those of sessions: the newest state in memory, the table brought up to date now and then.
// What differs from the table is always in memory; of the rest as much as was used lately.

/** How one kind of row lies in its table. */
export type Table<Row> = { read(key: string): Row | undefined; write(key: string, row: Row): void };

/** Clean rows kept: between this and twice as many. */
const KEPT = 500;

export class Rows<Row> {
  readonly #table: Table<Row>;
  /** Newer than the table. */
  #dirty = new Map<string, Row>();
  /** The same as in the table; `#old` was used longer ago. */
  #young = new Map<string, Row>();
  #old = new Map<string, Row>();
  #changed = new Map<string, Row>();

  constructor(table: Table<Row>) {
    this.#table = table;
  }

  get(key: string): Row | undefined {
    const near = this.#dirty.get(key) ?? this.#young.get(key);
    if (near !== undefined) return near;
    const row = this.#old.get(key) ?? this.#table.read(key);
    if (row !== undefined) this.#keep(key, row);
    return row;
  }

  set(key: string, row: Row): void {
    this.#dirty.set(key, row);
    this.#changed.set(key, row);
  }

  /** What another process set. */
  learn(key: string, row: Row): void {
    this.#dirty.set(key, row);
  }

  /** What was set since this was last asked. */
  takeChanges(): ReadonlyMap<string, Row> {
    const changes = this.#changed;
    if (changes.size > 0) this.#changed = new Map();
    return changes;
  }

  flush(): void {
    for (const [key, row] of this.#dirty) this.#table.write(key, row);
    this.flushed();
  }

  /** Somebody wrote the table. */
  flushed(): void {
    for (const [key, row] of this.#dirty) this.#keep(key, row);
    if (this.#dirty.size > 0) this.#dirty = new Map();
  }

  /** The table lost rows: those that are clean are read again when they are needed. */
  forgetClean(): void {
    this.#young = new Map();
    this.#old = new Map();
  }

  #keep(key: string, row: Row): void {
    if (this.#young.size >= KEPT) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, row);
  }
}
