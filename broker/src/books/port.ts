// Where the ledger keeps its rows: SQL that SQLite and PostgreSQL answer alike, run synchronously inside operations that are
// durable as a whole. The ledger's modules know nothing else of a database.
import type { SQLOutputValue } from 'node:sqlite';

export type Row = Record<string, SQLOutputValue>;
export type Value = null | number | bigint | string | Uint8Array;

export interface Statement {
  get(...values: Value[]): Row | undefined;
  all(...values: Value[]): Row[];
  run(...values: Value[]): { readonly changes: number | bigint };
}

/**
 * What a statement is answered from, where its text does not say so. Books on another machine bring these rows here first.
 * `rows`: the rows that it reads or changes, or more, as `<table> WHERE …` with the parameters of the statement (`?1`, `?2`).
 * `asOf: 'start'`: not its own rows but its answer is brought, as it was when the transaction began: for scans, whose finds
 * are decided on again by their keys, and for reports.
 * `unread: true`: an insert of rows that no statement asks for in a transaction, such as lines of a journal: they are only written.
 */
export type Reach = { readonly rows: readonly string[] } | { readonly asOf: 'start' } | { readonly unread: true };

export interface Books {
  /** Keeps the statement: for texts of which there are few. */
  prepare(sql: string, reach?: Reach): Statement;
  /** Another value after others, or an operation that was undone, may have changed what was read before. */
  version(): unknown;
  /** Names rows that will be asked for, by reading them: brought together they cost one journey instead of one each. */
  gather(read: () => unknown): void;
  /** The same for a whole operation that begins, without reading: statements in `name` answer as if there were nothing. */
  foresee(name: () => unknown): void;
  /** Before costly work: goes on only if what is decided now will count. */
  certain(): void;
}

/** Runs operations on books. They are synchronous and may run more than once: what they do outside of the books must bear that. */
export interface Bookkeeper {
  readonly books: Books;
  /** All of `operation` or nothing; resolves once what it wrote is durable. What it throws undoes it alone. */
  run<Result>(operation: () => Result): Promise<Result>;
  /** Outside of transactions: sees what is committed. */
  read<Result>(operation: () => Result): Promise<Result>;
  /** Inside of `run`: a part that is undone by itself when it throws. */
  apart<Result>(part: () => Result): Result;
  /** False: a newer program has taken the books over. */
  isCurrent(): boolean;
  /** Lets what waits finish. */
  close(): Promise<void>;
}
