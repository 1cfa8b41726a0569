// A broker's books as archiving uses them: a copy of one moment to try everything on, and the books themselves to do it to.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { nativeCrypto, openDatabase } from '@farthing/node-kit';
import { existing, type Place } from '../books/open.ts';
import { tablesOf } from '../books/postgres/tables.ts';
import { isSealed } from '../books/sealed.ts';
import type { Keys } from '../keys.ts';
import { migrations } from '../ledger/schema.ts';
import { type Opening, readOpening } from './record.ts';
import { fileStore, type Store } from './store.ts';

/** With the id of the process that made it. */
const COPY = '.copy-';

export type Rehearsal = AsyncDisposable & { readonly path: string; readonly db: DatabaseSync; readonly store: Store };

/** A copy beside the archives, where there is room; those of runs that were cut off go. @throws {Error} as `copyFrom` */
export async function rehearse(place: Place, folder: string): Promise<Rehearsal> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder)) {
    if (name.startsWith(COPY) && !isAlive(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
  return copyFrom(place, mkdtempSync(join(folder, `${COPY}${process.pid}-`)));
}

function isAlive(copy: string): boolean {
  try {
    return process.kill(Number(copy.slice(COPY.length).split('-', 1)[0]), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A copy that may be changed, in a folder that goes with it. @throws {Error} there are no books of this version */
export async function copyFrom(place: Place, within: string): Promise<Rehearsal> {
  const path = join(within, 'ledger.db');
  try {
    await copyTo(path, place);
    const db = new DatabaseSync(path, { readBigInts: true, enableForeignKeyConstraints: true });
    db.exec('PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF');
    const remove = async () => {
      db.close();
      rmSync(within, { recursive: true, force: true });
    };
    return { path, db, store: fileStore(db), [Symbol.asyncDispose]: remove };
  } catch (error) {
    rmSync(within, { recursive: true, force: true });
    throw error;
  }
}

async function copyTo(path: string, { data, database }: Place): Promise<void> {
  if (database !== undefined) {
    const { copyToFile } = await import('../books/postgres/copy.ts');
    return copyToFile(database, path);
  }
  const db = new DatabaseSync(existing(data), { readOnly: true, timeout: 5000 });
  try {
    const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version !== migrations.length) throw new Error('the ledger is of another version: start the broker on it once');
    db.prepare('VACUUM INTO ?').run(path);
  } finally {
    db.close();
  }
}

/** The books themselves. @throws {Error} they were moved elsewhere, or are away */
export async function openStore({ data, database }: Place): Promise<Store> {
  if (database !== undefined) {
    const { serverStore } = await import('./server-store.ts');
    const shape = new DatabaseSync(':memory:');
    for (const step of migrations) shape.exec(step);
    const tables = tablesOf(shape);
    shape.close();
    return serverStore(database, tables);
  }
  const db = openDatabase(existing(data), migrations);
  if (isSealed(db)) {
    db.close();
    throw new Error('this ledger was moved to PostgreSQL: give its URL with --database');
  }
  return fileStore(db);
}

/** What was archived, in order. @throws {Error} a record is not this broker's */
export function openingsIn(db: DatabaseSync, keys: Pick<Keys, 'brk' | 'root'>): Opening[] {
  return db
    .prepare('SELECT n, doc FROM opening ORDER BY n')
    .all()
    .map(({ n, doc }) => {
      const opening = readOpening(String(doc), keys, nativeCrypto);
      if (!opening) throw new Error(`the opening record of period ${n} does not carry this broker’s signature`);
      return opening;
    });
}

/** Of books that no broker of this version has opened yet: no. */
export const hasArchives = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'opening'").get() !== undefined;

/** @throws {Error} there is none */
export function needFolder(folder: string): void {
  if (!existsSync(folder)) throw new Error(`there is no folder ${folder}: give the one with the archives`);
}
