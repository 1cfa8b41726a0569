// Rows of one table that operations only insert, and nothing reads before they are committed: they are kept until they are written.
import type { Statement, Value } from '../port.ts';
import type { Change } from './changes.ts';
import type { Column } from './tables.ts';

export class Unread {
  readonly #table: string;
  readonly #columns: readonly string[];
  #rows: Value[][] = [];

  constructor(table: string, columns: readonly Column[]) {
    this.#table = table;
    this.#columns = columns.map(({ name }) => name);
  }

  /** An insert of these columns. */
  insert(columns: readonly string[]): Statement {
    const places = this.#columns.map((name) => columns.indexOf(name));
    const none = () => {
      throw new Error('an insert tells nothing');
    };
    return {
      get: none,
      all: none,
      run: (...values) => {
        this.#rows.push(places.map((at) => values[at] ?? null));
        return { changes: 1 };
      },
    };
  }

  /** A place to which `undo` goes back. */
  get mark(): number {
    return this.#rows.length;
  }

  undo(mark: number): void {
    this.#rows.length = mark;
  }

  changes(): Change {
    return { table: this.#table, key: [], inserted: this.#rows, deleted: [], updated: [] };
  }

  commit(): void {
    this.#rows = [];
  }

  clear(): void {
    this.#rows = [];
  }
}
