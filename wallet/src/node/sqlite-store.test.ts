import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { storeChecks } from '../testing/index.ts';
import { openWallet } from './open.ts';
import { SqliteStore } from './sqlite-store.ts';

let dir: string;
let opened: SqliteStore[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'farthing-store-'));
  opened = [];
});
afterEach(() => {
  for (const store of opened) store.close();
  rmSync(dir, { recursive: true });
});

const open = (): SqliteStore => {
  const store = new SqliteStore(join(dir, 'wallet.db'));
  opened.push(store);
  return store;
};

test.each([...storeChecks])('SQLite: $name', async ({ run }) => {
  await run({ open: async () => open() });
});

test('nobody else may read the directory of a wallet or its file', async () => {
  const data = join(dir, 'new');
  const { close } = await openWallet(data);
  expect(statSync(data).mode & 0o777).toBe(0o700);
  expect(statSync(join(data, 'wallet.db')).mode & 0o777).toBe(0o600);
  close();
});

test('what was stored is there after closing', async () => {
  const store = open();
  await store.update(['a'], () => ({ put: { a: { n: '9007199254740993' } }, result: 0 }));
  expect(await open().read(['a'])).toEqual([{ n: '9007199254740993' }]);
});
