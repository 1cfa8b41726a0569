// Ledgers that move: to the tables of this version, and from a file into PostgreSQL.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { nodeEnv, openDatabase } from '@farthing/node-kit';
import { existing, type Place } from './books/open.ts';
import { scratchFolder } from './books/scratch.ts';
import { openKeys } from './keys.ts';
import { migrations } from './ledger/schema.ts';
import type { Outcome } from './operate.ts';

/** How far a table is, between its beginning and its end. */
const TELL_MS = 1_000;

/** `told`: one line at a time, while it runs. @throws {Error} why nothing was moved */
export async function moveBooks(place: Place, told: (line: string) => void): Promise<Outcome> {
  const { data, database } = place;
  if (database === undefined) throw new Error('migrate --to postgres needs --database postgres://…');
  const { moveToPostgres } = await import('./books/postgres/move.ts');
  const { root } = openKeys(data, nodeEnv());
  let toldMs = 0;
  const progress = (what: string, done: number, all: number) => {
    const nowMs = performance.now();
    if (done < all && nowMs - toldMs < TELL_MS) return;
    toldMs = nowMs;
    told(`${what}: ${done} of ${all}`);
  };
  const { report, digest, rows } = await moveToPostgres({ path: existing(data), url: database, root, progress });
  const { entries, orders, head } = report;
  return {
    lines: [
      `Moved ${rows} rows: ${entries} entries, ${orders} orders, last entry ${head}.`,
      `The same on both sides: audit clean, digest ${digest}.`,
      'The file takes no more orders. Start the broker with --database.',
    ],
    json: { rows, entries, orders, head, digest },
    status: 0,
  };
}

/**
 * Brings the tables to this program's version. `dry`: shows that it would go well, and changes nothing.
 * @throws {Error} they are of a newer program
 */
export async function migrateTables(place: Place, dry: boolean): Promise<Outcome> {
  const { from, to } = await (place.database === undefined
    ? migrateFile(existing(place.data), dry)
    : migrateServer(place.database, dry));
  const line =
    from === to ? `The tables are of version ${to}.` : `Version ${from} ${dry ? 'can go' : 'went'} to ${to}.`;
  return { lines: [line], json: { from, to, dry }, status: 0 };
}

async function migrateServer(url: string, dry: boolean) {
  const [{ Line }, { migrate }] = await Promise.all([
    import('./books/postgres/line.ts'),
    import('./books/postgres/schema.ts'),
  ]);
  const line = await Line.open(url);
  try {
    return await migrate(line, { dry });
  } finally {
    await line.close();
  }
}

/** A dry run is done to a copy. */
async function migrateFile(path: string, dry: boolean) {
  const folder = scratchFolder('migrate');
  try {
    const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    const from = Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
    const copy = join(folder, 'ledger.db');
    if (dry) db.prepare('VACUUM INTO ?').run(copy);
    db.close();
    openDatabase(dry ? copy : path, migrations).close();
    return { from, to: migrations.length };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
