// Books in a file of SQLite: statements answer at once, and concurrent operations share a transaction.
import type { DatabaseSync } from 'node:sqlite';
import { GroupCommit, type GroupOptions } from '@farthing/node-kit';
import { migrations } from '../ledger/schema.ts';
import type { Bookkeeper, Books } from './port.ts';

function sqliteBooks(db: DatabaseSync, group: GroupCommit): Books {
  const version = db.prepare('PRAGMA data_version');
  return {
    prepare: (sql) => db.prepare(sql),
    version: () => `${version.get()?.['data_version']} ${group.undone}`,
    // Everything is here already.
    gather: () => undefined,
    foresee: () => undefined,
    certain: () => undefined,
  };
}

export function sqliteKeeper(db: DatabaseSync, observe?: GroupOptions['observe']): Bookkeeper {
  const group = new GroupCommit(db, undefined, { observe });
  const version = db.prepare('PRAGMA user_version');
  return {
    books: sqliteBooks(db, group),
    run: (operation) => group.repeat(operation),
    read: async (operation) => operation(),
    apart: (part) => group.apart(part),
    isCurrent: () => Number(version.get()?.['user_version']) === migrations.length,
    close: async () => group.close(),
  };
}
