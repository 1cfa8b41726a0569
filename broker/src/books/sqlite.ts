// Books in a file of SQLite: statements answer at once, and concurrent operations share a transaction.
import type { DatabaseSync } from 'node:sqlite';
import { GroupCommit, type GroupOptions } from '@farthing/node-kit';
import { migrations } from '../ledger/schema.ts';
import type { Bookkeeper, Books } from './port.ts';

function sqliteBooks(db: DatabaseSync): Books {
  const version = db.prepare('PRAGMA data_version');
  return {
    prepare: (sql) => db.prepare(sql),
    version: () => version.get()?.['data_version'],
    // Everything is here already.
    gather: () => undefined,
    certain: () => undefined,
  };
}

export function sqliteKeeper(db: DatabaseSync, observe?: GroupOptions['observe']): Bookkeeper {
  const group = new GroupCommit(db, undefined, { observe });
  const version = db.prepare('PRAGMA user_version');
  const begin = db.prepare('SAVEPOINT part');
  const end = db.prepare('RELEASE part');
  return {
    books: sqliteBooks(db),
    run: (operation) => group.run(operation),
    read: async (operation) => operation(),
    apart(part) {
      begin.run();
      try {
        const result = part();
        end.run();
        return result;
      } catch (error) {
        db.exec('ROLLBACK TO part; RELEASE part');
        throw error;
      }
    },
    isCurrent: () => Number(version.get()?.['user_version']) === migrations.length,
    close: async () => group.close(),
  };
}
