// Which books a broker has: a file of SQLite in its directory, or tables in PostgreSQL.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type GroupOptions, openDatabase } from '@farthing/node-kit';
import { migrations } from '../ledger/schema.ts';
import type { Bookkeeper } from './port.ts';
import { scratchFolder } from './scratch.ts';
import { isSealed } from './sealed.ts';
import { sqliteKeeper } from './sqlite.ts';

/** `data`: the broker's directory. `database`: a URL of PostgreSQL. */
export type Place = { readonly data: string; readonly database?: string | undefined };

export const ledgerPath = (data: string): string => join(data, 'ledger.db');

/** Opens or makes them. `observe` is told of each transaction. @throws {Error} they cannot be used; the message says why */
export async function openBooks({ data, database }: Place, observe?: GroupOptions['observe']): Promise<Bookkeeper> {
  if (database !== undefined) {
    // Who keeps a file needs no client of PostgreSQL.
    const { postgresKeeper } = await import('./postgres/keeper.ts');
    return postgresKeeper(database, observe);
  }
  const db = openDatabase(ledgerPath(data), migrations);
  if (isSealed(db)) {
    db.close();
    throw new Error(`${ledgerPath(data)} was moved to PostgreSQL: give its URL with --database`);
  }
  // 64 MB of pages in memory instead of 2, and fewer interruptions to copy the log into the file. Neither touches durability.
  db.exec('PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=4000');
  return sqliteKeeper(db, observe);
}

/** A file of SQLite that holds what they held at one moment or, where it is theirs, what they hold. */
export type Copy = AsyncDisposable & { readonly path: string };

/** For audits and reports, also while the service writes. @throws {Error} there are none */
export async function copyOf({ data, database }: Place): Promise<Copy> {
  if (database === undefined) return { path: existing(data), [Symbol.asyncDispose]: async () => undefined };
  const { copyToFile } = await import('./postgres/copy.ts');
  const folder = scratchFolder('ledger');
  const remove = async () => rmSync(folder, { recursive: true, force: true });
  const path = join(folder, 'ledger.db');
  try {
    await copyToFile(database, path);
    return { path, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The file of a broker. @throws {Error} there is none */
export function existing(data: string): string {
  const path = ledgerPath(data);
  if (!existsSync(path)) throw new Error(`there is no ledger at ${path}: give the broker's directory with --data`);
  return path;
}
