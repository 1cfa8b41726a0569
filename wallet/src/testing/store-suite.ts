// What every wallet store must do. One list of checks for all of them: memory, SQLite, IndexedDB. No test framework is
// named here, so that each host runs it with its own: `for (const { name, run } of storeChecks) test(name, () => run(open))`.
import type { Json } from '@farthing/protocol';
import type { WalletStore } from '../ports.ts';

/** Opens the same storage each time within one check, and an empty one for each new check. */
export type StoreUnderTest = {
  /** A handle on the storage of this check; calling it again gives another handle, as a second tab or process would. */
  readonly open: () => Promise<WalletStore>;
};

export type StoreCheck = { readonly name: string; readonly run: (under: StoreUnderTest) => Promise<void> };

function same(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

const put = (store: WalletStore, docs: Record<string, Json | undefined>): Promise<void> =>
  store.update(Object.keys(docs), () => ({ put: docs, result: undefined }));

const count = (value: Json | undefined): number => (typeof value === 'number' ? value : 0);

export const storeChecks: readonly StoreCheck[] = [
  {
    name: 'a key that was never put reads as undefined, and so does one that was deleted',
    run: async ({ open }) => {
      const store = await open();
      same((await store.read(['a']))[0], undefined, 'never put');
      await put(store, { a: 1 });
      same(await store.read(['a', 'b']), [1, undefined], 'one put, in the order that was asked');
      await put(store, { a: undefined });
      same((await store.read(['a']))[0], undefined, 'deleted');
      same(await store.list(''), [], 'the list');
    },
  },
  {
    name: 'what was put is read back as it was, by this handle and by another',
    run: async ({ open }) => {
      const store = await open();
      const value = { text: 'ä \u0000 "quoted"', list: [1, null, true], deep: { amount: '9007199254740993' } };
      await put(store, { doc: value });
      same(await store.read(['doc']), [value], 'this handle');
      same(await (await open()).read(['doc']), [value], 'another handle');
    },
  },
  {
    name: 'a document that was read does not change when the caller changes it',
    run: async ({ open }) => {
      const store = await open();
      const value = { list: [1] };
      await put(store, { doc: value });
      value.list.push(2);
      same(await store.read(['doc']), [{ list: [1] }], 'after changing what was put');
    },
  },
  {
    name: 'a step that throws writes nothing and passes the throw on',
    run: async ({ open }) => {
      const store = await open();
      await put(store, { a: 1, b: 1 });
      const fault = new Error('no');
      let seen: unknown;
      await store
        .update(['a', 'b'], () => {
          throw fault;
        })
        .catch((error: unknown) => {
          seen = error;
        });
      if (seen !== fault) throw new Error('the throw was not passed on');
      same(await store.read(['a', 'b']), [1, 1], 'nothing was written');
    },
  },
  {
    name: 'a step that puts a key which it did not name writes nothing',
    run: async ({ open }) => {
      const store = await open();
      const refused = await store
        .update(['a'], () => ({ put: { a: 1, b: 1 }, result: undefined }))
        .then(
          () => false,
          () => true,
        );
      same(refused, true, 'refused');
      same(await store.read(['a', 'b']), [undefined, undefined], 'nothing was written');
    },
  },
  {
    name: 'steps on the same key happen one after the other, over two handles',
    run: async ({ open }) => {
      const stores = [await open(), await open()];
      const step = (store: WalletStore) =>
        store.update(['n'], ([n]) => ({ put: { n: count(n) + 1 }, result: count(n) + 1 }));
      const results = await Promise.all(
        Array.from({ length: 60 }, (_, i) => step(stores[i % 2] ?? (stores[0] as WalletStore))),
      );
      same(new Set(results).size, 60, 'each step saw the one before');
      same(await (await open()).read(['n']), [60], 'the sum');
    },
  },
  {
    name: 'a step over several keys is seen whole or not at all',
    run: async ({ open }) => {
      const store = await open();
      const other = await open();
      await put(store, { x: 0, y: 0 });
      const seen: (Json | undefined)[][] = [];
      await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          await store.update(['x', 'y'], ([x]) => ({ put: { x: count(x) + 1, y: count(x) + 1 }, result: undefined }));
          if (i % 4 === 0) seen.push(await other.read(['x', 'y']));
        }),
      );
      for (const [x, y] of seen) same(x, y, 'both or neither');
    },
  },
  {
    name: 'a list holds the keys with the prefix in order, and no others',
    run: async ({ open }) => {
      const store = await open();
      await put(store, { 'j/2': 2, 'j/10': 10, 'j/1': 1, j: 0, j0: 0, 'i/9': 9, 'J/1': 0, 'j/a_%': 3 });
      const listed = async (options?: Parameters<WalletStore['list']>[1]) =>
        (await store.list('j/', options)).map(({ key }) => key);
      same(await listed(), ['j/1', 'j/10', 'j/2', 'j/a_%'], 'in order');
      same(await listed({ limit: 2 }), ['j/1', 'j/10'], 'limited');
      same(await listed({ reverse: true, limit: 2 }), ['j/a_%', 'j/2'], 'backwards');
      same(await listed({ reverse: true, before: 'j/2' }), ['j/10', 'j/1'], 'backwards from a key that is left out');
      same((await store.list('j/a_')).length, 1, 'letters that patterns use stand for themselves');
    },
  },
];
