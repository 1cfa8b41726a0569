import { storeChecks } from '@farthing/wallet/testing';
import { expect, test } from 'vitest';
import { type Area, areaStore, clearArea, isEmptyArea } from './area-store.ts';

/** As the browser keeps it: copies go in, copies come out. */
function memoryArea(): Area & { readonly items: Map<string, string> } {
  const items = new Map<string, string>();
  return {
    items,
    get: async (keys) => {
      const names = keys ?? [...items.keys()];
      return Object.fromEntries(
        names.flatMap((name) => {
          const text = items.get(name);
          return text === undefined ? [] : [[name, JSON.parse(text)]];
        }),
      );
    },
    set: async (given) => {
      for (const [name, item] of Object.entries(given)) items.set(name, JSON.stringify(item));
    },
    remove: async (names) => {
      for (const name of names) items.delete(name);
    },
  };
}

test.each([...storeChecks])('A shared area: $name', async ({ run }) => {
  const area = memoryArea();
  await run({ open: async () => areaStore(area, 'private/') });
});

test('what others keep in the area is neither seen nor forgotten', async () => {
  const area = memoryArea();
  await area.set({ theme: 'dark' });
  const store = areaStore(area, 'private/');
  await store.update(['coin/1'], () => ({ put: { 'coin/1': { micro: '5' } }, result: undefined }));
  expect(await store.list('')).toEqual([{ key: 'coin/1', value: { micro: '5' } }]);
  await clearArea(area, 'private/');
  expect(await isEmptyArea(area, 'private/')).toBe(true);
  expect(await area.get(null)).toEqual({ theme: 'dark' });
});

test('a document stays deleted when the browser dies before its name is cleared away', async () => {
  const area = memoryArea();
  const store = areaStore({ ...area, remove: () => Promise.reject(new Error('died')) }, 'private/');
  await store.update(['coin/1'], () => ({ put: { 'coin/1': 1 }, result: undefined }));
  await store.update(['coin/1', 'coin/2'], () => ({ put: { 'coin/1': undefined, 'coin/2': 2 }, result: undefined }));
  const next = areaStore(area, 'private/');
  expect(await next.read(['coin/1', 'coin/2'])).toEqual([undefined, 2]);
  expect(await next.list('coin/')).toEqual([{ key: 'coin/2', value: 2 }]);
});
