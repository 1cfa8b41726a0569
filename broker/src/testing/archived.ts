// A ledger on disk whose first periods were archived into a folder, for tests of what can be done with those files.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { nodeEnv } from '@farthing/node-kit';
import { archivePeriods, RETENTION_MS } from '../archive/archive.ts';
import type { Opening } from '../archive/record.ts';
import { ledgerPath } from '../books/open.ts';
import { type Keys, openKeys } from '../keys.ts';
import type { Bench } from './client.ts';

export type Archived = {
  readonly folder: string;
  readonly keys: Keys;
  /** One for each period. */
  readonly openings: readonly Opening[];
  /** Removes the folder. */
  [Symbol.dispose](): void;
};

/** `bench`: stopped. `ends`: how much of the journal's time a period ends after, such as `[0.3, 0.6]`. */
export async function archived(bench: Bench, ends: readonly number[]): Promise<Archived> {
  const folder = mkdtempSync(join(tmpdir(), 'farthing-archive-'));
  const keys = openKeys(bench.data, nodeEnv());
  const db = new DatabaseSync(ledgerPath(bench.data), { readOnly: true });
  const times = db.prepare('SELECT DISTINCT at_ms FROM journal ORDER BY at_ms').all();
  db.close();
  const beforeMs = Date.now() + bench.offsetMs;
  const { openings } = await archivePeriods({
    ...{ place: bench.place, keys, folder, beforeMs, nowMs: beforeMs + 2 * RETENTION_MS, dry: false },
    told: () => undefined,
    ends: ends.map((part) => Number(times[Math.floor(times.length * part)]?.['at_ms'])),
  });
  return { folder, keys, openings, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}
