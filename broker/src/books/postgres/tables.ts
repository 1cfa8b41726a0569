// What tables a ledger has, as SQLite tells it.
import type { DatabaseSync } from 'node:sqlite';

export type Column = { readonly name: string; readonly type: string };

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

/** Columns of the primary key, in its order. */
export const keyOf = (db: DatabaseSync, table: string): string[] =>
  db
    .prepare('SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk')
    .all(table)
    .map(({ name }) => String(name));
