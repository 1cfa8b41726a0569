// The rows that a batch works on, in memory: the ledger's own statements run here, on SQLite, over rows that were brought from
// PostgreSQL. A statement whose rows are not here yet says so, and everything is decided again when they are.
import { DatabaseSync, type Session, type StatementSync } from 'node:sqlite';
import type { Books, Row, Statement, Value } from '../port.ts';
import { type Change, readChanges } from './changes.ts';
import { type Load, type Plan, planOf } from './reach.ts';

/** Rows that are needed, or an answer (`table` empty), for these values of the parameters that the load uses. */
export type Need = { readonly name: string; readonly load: Load; readonly values: readonly Value[] };

export type Column = { readonly name: string; readonly type: string };

/** Rows of operations are not here yet: nothing that was decided counts. */
export class Missing extends Error {
  override name = 'Missing';
}

/** Thrown for each operation of a batch: where it comes from tells nothing, and looking for that takes as long as all the rest. */
const MISSING = new Missing();

/** Rows in memory, brought and written, beyond which a batch begins with none. */
const ROWS = 50_000;

export class View implements Books {
  readonly tables: ReadonlyMap<string, readonly Column[]>;
  readonly #db: DatabaseSync;
  readonly #bring = new Map<string, StatementSync>();
  /** Needs that were met, by name. */
  readonly #here = new Map<string, Need>();
  /** Of them, those that the batch which is under way asked for; then those of the last one; then those of the last two. */
  #used = new Map<string, Need>();
  #usedBefore: ReadonlyMap<string, Need> = new Map();
  #steady: readonly Need[] = [];
  readonly #answers = new Map<string, Row[]>();
  /** Short names of loads, by their text. */
  readonly #loads = new Map<string, number>();
  readonly #open: StatementSync;
  readonly #close: StatementSync;
  #wanted = new Map<string, Need>();
  /** Rows that were inserted by the pass, and are not in the database here. */
  #unread: { readonly table: string; readonly cells: Value[] }[] = [];
  #isGathering = false;
  /** Nothing is read: what is asked for is only named. */
  #isNaming = false;
  #rows = 0;
  /** Written by the batch that is under way. */
  #written = 0;
  #version = 0;

  /** @param schema statements that make the tables */
  constructor(schema: readonly string[]) {
    // Rows are here without the rows that they refer to: PostgreSQL checks references.
    this.#db = new DatabaseSync(':memory:', { readBigInts: true, enableForeignKeyConstraints: false });
    for (const step of schema) this.#db.exec(step);
    this.#open = this.#db.prepare('SAVEPOINT part');
    this.#close = this.#db.prepare('RELEASE part');
    this.tables = tablesOf(this.#db);
    for (const [table, columns] of this.tables) {
      const marks = columns.map(() => '?').join(', ');
      this.#bring.set(table, this.#db.prepare(`INSERT OR IGNORE INTO ${table} VALUES (${marks})`));
    }
  }

  prepare(sql: string, reach?: Parameters<Books['prepare']>[1]): Statement {
    const plan = planOf(sql, reach);
    if (plan.kind === 'unread') return this.#unreadBy(plan);
    for (const load of plan.kind === 'answer' ? [plan.load] : plan.loads) {
      if (!this.#loads.has(load.sql)) this.#loads.set(load.sql, this.#loads.size);
    }
    if (plan.kind === 'answer') return this.#brought(plan.load);
    const statement = this.#db.prepare(sql);
    return {
      get: (...values) => (this.#has(plan, values) ? statement.get(...values) : undefined),
      all: (...values) => (this.#has(plan, values) ? statement.all(...values) : []),
      run: (...values) => (this.#has(plan, values) ? statement.run(...values) : { changes: 0 }),
    };
  }

  version(): number {
    return this.#version;
  }

  gather(read: () => unknown): void {
    const before = this.#wanted.size;
    this.#isGathering = true;
    try {
      read();
    } finally {
      this.#isGathering = false;
    }
    if (this.#wanted.size > before) throw MISSING;
  }

  foresee(name: () => unknown): void {
    this.#isNaming = true;
    try {
      this.gather(name);
    } finally {
      this.#isNaming = false;
    }
  }

  /** @throws {Missing} another operation of the batch misses something: all will be decided again */
  certain(): void {
    if (this.#wanted.size > 0) throw MISSING;
  }

  /** What the last batches asked for each time, and the next one will, beside what it has missed already. */
  steady(missing: readonly Need[]): readonly Need[] {
    const named = new Set(missing.map(({ name }) => name));
    return this.#steady.filter(({ name }) => !this.#here.has(name) && !named.has(name));
  }

  /** Nothing in it can be wrong. */
  get isEmpty(): boolean {
    return this.#here.size === 0;
  }

  /** How much memory it takes, in rows. */
  get size(): number {
    return this.#rows;
  }

  begin(): void {
    if (this.#rows > ROWS) this.clear();
    this.#db.exec('BEGIN');
  }

  /** Runs `decide` until it misses nothing. @returns what is missing, or what it changed */
  pass(decide: () => void): { readonly missing: readonly Need[] } | { readonly changes: readonly Change[] } {
    this.#wanted = new Map();
    this.#unread = [];
    this.#db.exec('SAVEPOINT pass');
    const session = this.#db.createSession();
    try {
      decide();
      if (this.#wanted.size === 0) return { changes: this.#kept(session) };
      this.#undo();
      return { missing: [...this.#wanted.values()] };
    } catch (error) {
      this.#undo();
      throw error;
    } finally {
      session.close();
    }
  }

  /** A part that is undone by itself when it throws. */
  apart<Result>(part: () => Result): Result {
    const unread = this.#unread.length;
    this.#open.run();
    try {
      const result = part();
      this.#close.run();
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK TO part; RELEASE part');
      this.#unread.length = unread;
      throw error;
    }
  }

  /** Rows of a table or of an answer, as PostgreSQL gave them. */
  bring(load: Load, rows: readonly Row[]): void {
    const insert = this.#bring.get(load.table);
    const columns = this.tables.get(load.table);
    if (!insert || !columns) throw new Error(`there is no table ${load.table}`);
    for (const row of rows) this.#rows += Number(insert.run(...columns.map(({ name }) => row[name] ?? null)).changes);
  }

  /** All that there is for a need was brought. */
  met(need: Need, answer?: Row[]): void {
    this.#here.set(need.name, need);
    if (answer) this.#answers.set(need.name, answer);
  }

  /** It is durable now. */
  commit(): void {
    this.#db.exec('COMMIT');
    this.#rows += this.#written;
    this.#answers.clear();
    for (const [name, { load }] of this.#here) if (!load.lasts || load.table === '') this.#here.delete(name);
    this.#steady = [...this.#used.values()].filter(({ name, load }) => load.table !== '' && this.#usedBefore.has(name));
    this.#usedBefore = this.#used;
    this.#used = new Map();
  }

  /** Forgets everything: nobody knows whether it still holds. */
  clear(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    for (const table of this.tables.keys()) this.#db.exec(`DELETE FROM ${table}`);
    this.#here.clear();
    this.#answers.clear();
    this.#used.clear();
    this.#rows = 0;
    this.#version++;
  }

  close(): void {
    this.#db.close();
  }

  #kept(session: Session): Change[] {
    const changes = readChanges(session.changeset());
    this.#written = changes.reduce((sum, { inserted }) => sum + inserted.length, 0);
    this.#db.exec('RELEASE pass');
    for (const [table, rows] of Map.groupBy(this.#unread, (row) => row.table)) {
      const inserted = rows.map(({ cells }) => cells);
      changes.push({ table, key: [], inserted, deleted: [], updated: [] });
    }
    return changes;
  }

  #undo(): void {
    this.#db.exec('ROLLBACK TO pass; RELEASE pass');
    this.#version++;
  }

  /** False while rows are gathered: it is not known yet. @throws {Missing} */
  #has({ loads }: Extract<Plan, { kind: 'rows' }>, values: readonly Value[]): boolean {
    let isHere = true;
    for (const load of loads) if (!this.#isHere(load, values)) isHere = false;
    if (!isHere && !this.#isGathering) throw MISSING;
    return isHere && !this.#isNaming;
  }

  #unreadBy({ table, columns }: Extract<Plan, { kind: 'unread' }>): Statement {
    const all = this.tables.get(table) ?? [];
    const places = all.map(({ name }) => columns.indexOf(name));
    const run = (...values: Value[]) => {
      this.#unread.push({ table, cells: places.map((at) => values[at] ?? null) });
      return { changes: 1 };
    };
    const none = () => {
      throw new Error('an insert tells nothing');
    };
    return { run, get: none, all: none };
  }

  #brought(load: Load): Statement {
    const all = (...values: Value[]): Row[] => {
      if (this.#isHere(load, values)) return this.#answers.get(this.#nameOf(load, used(load, values))) ?? [];
      if (!this.#isGathering) throw MISSING;
      return [];
    };
    const run = () => {
      throw new Error('an answer as of the start changes nothing');
    };
    return { all, get: (...values) => all(...values)[0], run };
  }

  /** Strings of other lengths cannot be taken for each other. */
  #nameOf({ sql }: Load, values: readonly Value[]): string {
    let name = String(this.#loads.get(sql));
    for (const value of values) {
      const part = namedBy(value);
      name += ` ${part.length} ${part}`;
    }
    return name;
  }

  #isHere(load: Load, all: readonly Value[]): boolean {
    const values = used(load, all);
    const name = this.#nameOf(load, values);
    const need = this.#here.get(name);
    if (need) {
      this.#used.set(name, need);
      return true;
    }
    this.#wanted.set(name, { name, load, values });
    return false;
  }
}

const used = ({ params }: Load, values: readonly Value[]): Value[] => params.map((n) => values[n - 1] ?? null);

const namedBy = (value: Value): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);

/** In the order in which they refer to each other. */
export function tablesOf(db: DatabaseSync): Map<string, Column[]> {
  const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").all();
  const columns = db.prepare('SELECT name, type FROM pragma_table_info(?) ORDER BY cid');
  return new Map(
    names.map(({ name }) => [
      String(name),
      columns.all(String(name)).map((column) => ({ name: String(column['name']), type: String(column['type']) })),
    ]),
  );
}
