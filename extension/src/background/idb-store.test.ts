import 'fake-indexeddb/auto';
import { storeChecks } from '@farthing/wallet/testing';
import { afterEach, expect, test } from 'vitest';
import { idbStore } from './idb-store.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const store of open.splice(0)) store.close();
});

let used = 0;
const fresh = () => {
  const name = `wallet-${used++}`;
  return async () => {
    const store = await idbStore(name);
    open.push(store);
    return store;
  };
};

test.each([...storeChecks])('IndexedDB: $name', async ({ run }) => {
  await run({ open: fresh() });
});

test('a change that puts what it did not read is our mistake and writes nothing', async () => {
  const store = await fresh()();
  await expect(store.update(['a'], () => ({ put: { a: 1, b: 2 }, result: undefined }))).rejects.toThrow(TypeError);
  expect(await store.read(['a', 'b'])).toEqual([undefined, undefined]);
});
