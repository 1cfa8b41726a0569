// The rows that a batch works on, in memory: the ledger's own statements run here, on SQLite, over rows that were brought from
// PostgreSQL. A statement whose rows are not here yet says so, and everything is decided again when they are.
import { DatabaseSync, type Session, type StatementSync } from 'node:sqlite';
import type { Books, Row, Statement, Value } from '../port.ts';
import { type Change, readChanges } from './changes.ts';
import { KEYED, Keyed } from './keyed.ts';
import { MISSING, type Need, Needs } from './needs.ts';
import { type Load, type Plan, planOf } from './reach.ts';
import { type Column, keyOf, tablesOf } from './tables.ts';
import { told } from './told.ts';
import { Unread } from './unread.ts';

type Passed = { readonly missing: readonly Need[] } | { readonly changes: readonly Change[] };

/** An operation threw after it had changed something. */
class HalfDone extends Error {}

/** After a pass had to be run again, so many have SAVEPOINTs at once: what came once comes more often. */
const CAREFUL = 16;

/** Rows in memory, brought and written, beyond which a batch begins with none. */
const ROWS = 50_000;

export class View implements Books {
  readonly tables: ReadonlyMap<string, readonly Column[]>;
  readonly #db: DatabaseSync;
  readonly #bring = new Map<string, StatementSync>();
  readonly #keyed = new Map<string, Keyed>();
  readonly #unread = new Map<string, Unread>();
  readonly #needs = new Needs();
  readonly #open: StatementSync;
  readonly #close: StatementSync;
  #changed = 0;
  #isHalfDone = false;
  /** So many passes have SAVEPOINTs. */
  #careful = 0;
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
      if (KEYED.has(table)) this.#keyed.set(table, new Keyed(table, columns, keyOf(this.#db, table)));
    }
  }

  prepare(sql: string, reach?: Parameters<Books['prepare']>[1]): Statement {
    const plan = planOf(sql, reach);
    if (plan.kind === 'unread') return this.#counted(this.#unreadOf(plan.table).insert(plan.columns));
    for (const load of plan.kind === 'answer' ? [plan.load] : plan.loads) this.#needs.know(load);
    if (plan.kind === 'answer') return this.#brought(plan.load);
    const own = this.#keyedIn(sql)?.prepare(sql) ?? this.#db.prepare(sql);
    const statement = sql.trimStart().startsWith('SELECT') ? own : this.#counted(own);
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
    const before = this.#needs.missing.size;
    this.#isGathering = true;
    try {
      read();
    } finally {
      this.#isGathering = false;
    }
    if (this.#needs.missing.size > before) throw MISSING;
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
    if (this.isMissing) throw MISSING;
  }

  steady(missing: readonly Need[]): readonly Need[] {
    return this.#needs.steady(missing);
  }

  /** How many statements have changed something so far. */
  get changed(): number {
    return this.#changed;
  }

  /** Something is missing in the pass that is under way: it will not count. */
  get isMissing(): boolean {
    return this.#needs.missing.size > 0;
  }

  /** Nothing in it can be wrong. */
  get isEmpty(): boolean {
    return this.#needs.isEmpty;
  }

  /** How much memory it takes, in rows. */
  get size(): number {
    return this.#rows;
  }

  begin(): void {
    if (this.#rows > ROWS) this.clear();
    this.#db.exec('BEGIN');
  }

  /**
   * Runs `decide`, and once more when a part of it has to be undone by itself.
   * @returns what is missing, or what it changed
   */
  pass(decide: () => void): Passed {
    let done = this.#pass(decide);
    while (!done) {
      this.#careful = CAREFUL;
      done = this.#pass(decide);
    }
    return done;
  }

  #pass(decide: () => void): Passed | undefined {
    this.#needs.begin();
    this.#isHalfDone = false;
    this.#db.exec('SAVEPOINT pass');
    const session = this.#db.createSession();
    try {
      decide();
      // What was decided without a row that is missing does not count, however it went.
      if (!this.isMissing && !this.#isHalfDone) return { changes: this.#kept(session) };
      this.#undo();
      const missing = [...this.#needs.missing.values()];
      return missing.length > 0 ? { missing } : undefined;
    } catch (error) {
      this.#undo();
      throw error;
    } finally {
      session.close();
    }
  }

  /**
   * A part that is undone by itself when it throws. A SAVEPOINT for each costs more than most of them, so they have none until one
   * throws after it has changed something: then all of the pass is undone and run again, with SAVEPOINTs.
   */
  apart<Result>(part: () => Result): Result {
    if (this.#careful > 0) return this.#saved(part);
    const before = this.#changed;
    try {
      return part();
    } catch (error) {
      if (this.#changed === before || error === MISSING) throw error;
      this.#isHalfDone = true;
      throw new HalfDone();
    }
  }

  #saved<Result>(part: () => Result): Result {
    const marks = this.#aside.map((rows) => ({ rows, mark: rows.mark }));
    this.#open.run();
    try {
      const result = part();
      this.#close.run();
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK TO part; RELEASE part');
      for (const { rows, mark } of marks) rows.undo(mark);
      throw error;
    }
  }

  /** Rows of a table or of an answer, as PostgreSQL gave them. */
  bring(load: Load, rows: readonly Row[]): void {
    const keyed = this.#keyed.get(load.table);
    if (keyed) {
      for (const row of rows) if (keyed.bring(row)) this.#rows++;
      return;
    }
    const insert = this.#bring.get(load.table);
    const columns = this.tables.get(load.table);
    if (!insert || !columns) throw new Error(`there is no table ${load.table}`);
    for (const row of rows) this.#rows += Number(insert.run(...columns.map(({ name }) => row[name] ?? null)).changes);
  }

  /** All that there is for a need was brought. */
  met(need: Need, answer?: Row[]): void {
    this.#needs.met(need, answer);
  }

  /** It is durable now. */
  commit(): void {
    this.#db.exec('COMMIT');
    this.#rows += this.#written;
    this.#written = 0;
    this.#needs.commit();
  }

  /** Forgets everything: nobody knows whether it still holds. */
  clear(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    for (const table of this.tables.keys()) this.#db.exec(`DELETE FROM ${table}`);
    for (const rows of this.#aside) rows.clear();
    this.#needs.clear();
    this.#rows = 0;
    this.#written = 0;
    this.#version++;
  }

  close(): void {
    this.#db.close();
  }

  #kept(session: Session): Change[] {
    const changes = readChanges(session.changeset());
    for (const rows of this.#aside) {
      const change = rows.changes();
      if (change.inserted.length + change.updated.length > 0) changes.push(change);
      rows.commit();
    }
    this.#written += changes.reduce((sum, { inserted }) => sum + inserted.length, 0);
    this.#db.exec('RELEASE pass');
    if (this.#careful > 0) this.#careful--;
    return changes;
  }

  #undo(): void {
    this.#db.exec('ROLLBACK TO pass; RELEASE pass');
    for (const rows of this.#aside) rows.undo(0);
    this.#version++;
  }

  /** Rows that are not in the database here. */
  get #aside(): (Keyed | Unread)[] {
    return [...this.#keyed.values(), ...this.#unread.values()];
  }

  #counted(statement: Statement): Statement {
    return told(statement, () => {
      this.#changed++;
    });
  }

  #unreadOf(table: string): Unread {
    const known = this.#unread.get(table) ?? new Unread(table, this.tables.get(table) ?? []);
    this.#unread.set(table, known);
    return known;
  }

  #keyedIn(sql: string): Keyed | undefined {
    const names = [...sql.matchAll(/\b(?:FROM|JOIN|INTO|UPDATE)\s+(\w+)/g)];
    return names.map(([, name = '']) => this.#keyed.get(name)).find((keyed) => keyed !== undefined);
  }

  /** False while rows are gathered: it is not known yet. @throws {Missing} */
  #has({ loads }: Extract<Plan, { kind: 'rows' }>, values: readonly Value[]): boolean {
    let isHere = true;
    for (const load of loads) if (!this.#needs.isHere(load, values)) isHere = false;
    if (!isHere && !this.#isGathering) throw MISSING;
    return isHere && !this.#isNaming;
  }

  #brought(load: Load): Statement {
    const all = (...values: Value[]): Row[] => {
      if (this.#needs.isHere(load, values)) return this.#needs.answer(load, values);
      if (!this.#isGathering) throw MISSING;
      return [];
    };
    const run = () => {
      throw new Error('an answer as of the start changes nothing');
    };
    return { all, get: (...values) => all(...values)[0], run };
  }
}
