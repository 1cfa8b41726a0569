// What an operator does with closed periods: moves them into files, lists them, brings the last one back.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { nodeEnv, openDatabase, openReadOnly } from '@farthing/node-kit';
import { archivePeriods, type Stays } from './archive/archive.ts';
import { hasArchives, openingsIn } from './archive/books.ts';
import type { Opening } from './archive/record.ts';
import { restorePeriod } from './archive/restore.ts';
import { copyOf, existing, type Place } from './books/open.ts';
import { migrations } from './ledger/schema.ts';
import { keysAt, type Outcome } from './operate.ts';

export type ArchiveOptions = {
  readonly beforeMs: number;
  /** Default: `archive` in the broker's directory. */
  readonly folder: string | undefined;
  readonly dry: boolean;
  /** Gives the room that becomes free in a file back to the system. */
  readonly shrink: boolean;
  readonly told: (line: string) => void;
};

export async function archiveBooks(
  place: Place,
  { beforeMs, folder = join(place.data, 'archive'), dry, shrink, told }: ArchiveOptions,
): Promise<Outcome> {
  const keys = keysAt(place);
  const about = { place, keys, folder, beforeMs, nowMs: nodeEnv().nowMs, dry, told };
  const { openings, report, stays } = await archivePeriods(about);
  if (shrink && !dry && place.database === undefined) shrinkFile(existing(place.data), told);
  const { entries, orders, head } = report;
  const done = dry ? 'would be archived' : 'archived';
  const lines = [
    openings.length > 0 ? `${openings.length} periods ${done} in ${folder}.` : 'No period is to be archived.',
    ...staying(stays),
    `The same as before: audit clean, ${entries} entries, ${orders} orders, last entry ${head || 'none'}.`,
  ];
  const json = { dry, folder, periods: openings.map(shownOf), stays: staysJson(stays), entries, orders, head };
  return { lines, json, status: 0 };
}

function shrinkFile(path: string, told: (line: string) => void): void {
  const before = statSync(path).size;
  const db = openDatabase(path, migrations);
  try {
    db.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
  told(`${path}: ${before} bytes before, ${statSync(path).size} now`);
}

function staying({ held, entries, orders, rows }: Stays): string[] {
  const kept = `${rows} rows of other tables stay: pieces, chains, coins, cheques and what was spent of them, for whoever presents them.`;
  if (entries + orders === 0) return [kept];
  const why = held ? `${held.why} still needs them` : 'their month has not ended by then';
  return [`${entries} entries and ${orders} orders from before that day stay: ${why}.`, kept];
}

const staysJson = ({ held, ...stays }: Stays) => ({ ...stays, why: held?.why ?? null });

const shownOf = ({ n, from, until, entries, orders, head, file }: Opening) => ({
  ...{ n, from: new Date(from).toISOString(), until: new Date(until).toISOString(), head },
  ...{ entries: { ...entries }, orders: { ...orders }, file: { ...file } },
});

export async function listArchives(place: Place): Promise<Outcome> {
  await using copy = await copyOf(place);
  const db = openReadOnly(copy.path);
  try {
    const openings = hasArchives(db) ? openingsIn(db, keysAt(place)) : [];
    const periods = openings.map(shownOf);
    const lines = periods.map(({ n, from, until, entries, file }) => {
      return [
        n,
        `${from.slice(0, 10)} to ${until.slice(0, 10)}`,
        `entries to ${entries.last}`,
        file.name,
        file.sha256,
      ].join('\t');
    });
    return { lines: lines.length > 0 ? lines : ['No period is archived.'], json: { periods }, status: 0 };
  } finally {
    db.close();
  }
}

export async function restoreArchive(place: Place, path: string, told: (line: string) => void): Promise<Outcome> {
  const { opening, report } = await restorePeriod(place, { keys: keysAt(place), path, told });
  const { entries, orders, head } = report;
  return {
    lines: [
      `Period ${opening.n} is back. The file stays where it is.`,
      `The same as before: audit clean, ${entries} entries, ${orders} orders, last entry ${head}.`,
    ],
    json: { period: shownOf(opening), entries, orders, head },
    status: 0,
  };
}
