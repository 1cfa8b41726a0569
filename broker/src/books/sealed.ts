// A file whose ledger goes on elsewhere: it can be read and audited, and nothing can be written to it, by whoever has it open.
import type { DatabaseSync } from 'node:sqlite';

const MARK = 'moved_';

/** Inside a transaction. From its commit on every write fails, also of processes that opened the file before. */
export function seal(db: DatabaseSync, tables: Iterable<string>): void {
  for (const table of tables) {
    for (const change of ['INSERT', 'UPDATE', 'DELETE']) {
      db.exec(`CREATE TRIGGER IF NOT EXISTS ${MARK}${table}_${change} BEFORE ${change} ON ${table}
        BEGIN SELECT RAISE(ABORT, 'this ledger was moved to PostgreSQL'); END`);
    }
  }
}

export const isSealed = (db: DatabaseSync): boolean =>
  db
    .prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND substr(name, 1, ${MARK.length}) = '${MARK}'`)
    .get() !== undefined;
