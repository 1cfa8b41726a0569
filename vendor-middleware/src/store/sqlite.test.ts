import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sqlite } from './sqlite.ts';
import { reservation, storeSuite } from './suite.ts';

storeSuite('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'farthing-store-'));
  const store = sqlite(join(folder, 'vendor.db'));
  return {
    store,
    async dispose() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'farthing-store-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('what one process reserved, another finds, and what was written is there after a restart', async () => {
  const path = join(folder, 'vendor.db');
  const [one, two] = [sqlite(path), sqlite(path)];
  const claims = [{ key: 'root', add: 2n ** 62n, untilMs: 1 }];
  expect(await one.reserve(reservation({ claims, state: 'committed' }))).toEqual({ kind: 'won' });
  expect(await two.reserve(reservation())).toMatchObject({ kind: 'known' });
  expect([await one.lease('serial', 5n), await two.lease('serial', 5n)]).toEqual([1n, 6n]);
  await Promise.all([one.close(), two.close()]);
  const again = sqlite(path);
  expect(await again.find('c1')).toMatchObject({ state: 'committed' });
  expect(await again.claimsDue(1)).toEqual([{ key: 'root', total: 2n ** 62n }]);
  expect(await again.lease('serial', 1n)).toBe(11n);
  await again.close();
});

test('the file is closed to other users', async () => {
  const path = join(folder, 'vendor.db');
  const store = sqlite(path);
  expect((await stat(path)).mode & 0o077).toBe(0);
  await store.close();
});
