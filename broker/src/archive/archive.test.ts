// A ledger with one of everything, cut at random moments: what is left and its archives say the same as the whole did.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeEnv, openReadOnly } from '@farthing/node-kit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../books/digest.ts';
import { copyOf } from '../books/open.ts';
import { openKeys } from '../keys.ts';
import { audit } from '../operate.ts';
import { Bench } from '../testing/client.ts';
import { COINS, tellStory } from '../testing/story.ts';
import { type Archiving, archivePeriods, RETENTION_MS } from './archive.ts';
import { restorePeriod } from './restore.ts';

const DAY_MS = 86_400_000;
/** When all of the story is old enough. */
const LATER_MS = RETENTION_MS + DAY_MS;
const silent = () => undefined;

const bench = new Bench();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'farthing-archive-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await bench.start({ ecash: COINS });
  await tellStory(bench);
  await bench.stop();
}, 120_000);
afterAll(() => bench[Symbol.asyncDispose]());

const keysOf = () => openKeys(bench.data, nodeEnv());
const about = (more: Partial<Archiving> = {}): Archiving => ({
  ...{ place: bench.place, keys: keysOf(), folder, beforeMs: Date.now(), nowMs: Date.now() + LATER_MS },
  ...{ dry: false, told: silent, ...more },
});

/** A number below `most` for each seed. */
const drawn = (seed: number, most: number): number => Math.floor((((seed * 2_654_435_761) >>> 0) / 2 ** 32) * most);

async function look<T>(read: (db: ReturnType<typeof openReadOnly>) => T): Promise<T> {
  await using copy = await copyOf(bench.place);
  const db = openReadOnly(copy.path);
  try {
    return read(db);
  } finally {
    db.close();
  }
}
const digest = () => look((db) => digestOf(db).digest);
const count = (table: string) => look((db) => Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']));

/** Moments between entries of the story. */
async function moments(seed: number): Promise<number[]> {
  const all = await look((db) => db.prepare('SELECT DISTINCT at_ms FROM journal ORDER BY at_ms').all());
  const times = all.map((row) => Number(row['at_ms']));
  const picked = [1, 2, 3].map((n) => times[1 + drawn(seed * 3 + n, times.length - 2)] ?? 0);
  return [...new Set(picked)].sort((a, b) => a - b);
}

describe('closed periods', () => {
  test.each([1, 2, 3])(
    'seed %i: leave and come back, and nothing changes',
    async (seed) => {
      const [before, whole] = [await digest(), await bench.audit()];
      expect(whole).toMatchObject({ ok: true });
      const ends = await moments(seed);
      const { openings, report } = await archivePeriods(about({ ends }));
      expect(openings.length, `cut at ${ends}`).toBeGreaterThan(0);
      const { head, entries, orders } = whole;
      expect(report).toMatchObject({ ok: true, head, entries, orders });
      expect(await bench.audit()).toEqual(whole);
      const last = openings.at(-1);
      expect(await count('journal')).toBe(entries - (last?.entries.last ?? 0));
      expect(await count('stored_order')).toBe(orders - (last?.orders.last ?? 0));
      expect((await audit(bench.place, folder)).json).toMatchObject({ ok: true, head, entries, orders });
      for (const { file } of openings.toReversed()) {
        const path = join(folder, file.name);
        expect((await restorePeriod(bench.place, { keys: keysOf(), path, told: silent })).report).toEqual(whole);
      }
      expect(await digest()).toBe(before);
    },
    120_000,
  );

  test('a dry run says the same and leaves nothing behind', async () => {
    const before = await digest();
    const ends = await moments(7);
    const { openings } = await archivePeriods(about({ ends, dry: true }));
    expect(openings.length).toBeGreaterThan(0);
    expect(readdirSync(folder)).toEqual([]);
    expect(await digest()).toBe(before);
  }, 60_000);
});
