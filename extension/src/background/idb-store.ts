// The wallet's storage in IndexedDB. Durability is strict: what was written before money left is there after a crash.
import type { Json } from '@farthing/protocol';
import type { Change, WalletStore } from '@farthing/wallet';
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';

interface Schema extends DBSchema {
  docs: { key: string; value: Json };
}

/** After every prefix that we use: no key holds a character above it. */
const LAST = '\uffff';

export async function idbStore(name = 'farthing'): Promise<WalletStore & { close(): void }> {
  const db = await openDB<Schema>(name, 1, {
    upgrade(database) {
      database.createObjectStore('docs');
    },
    // A newer version of the extension waits for nobody: this connection makes way and the worker restarts.
    blocking: (_current, _blocked, event) => (event.target as IDBDatabase | null)?.close(),
  });
  return {
    read: (keys) => readAll(db, keys),
    update: (keys, change) => update(db, keys, change),
    list: (prefix, options = {}) => list(db, prefix, options),
    close: () => db.close(),
  };
}

async function readAll(db: IDBPDatabase<Schema>, keys: readonly string[]): Promise<(Json | undefined)[]> {
  const tx = db.transaction('docs', 'readonly');
  const docs = await Promise.all(keys.map((key) => tx.store.get(key)));
  await tx.done;
  return docs;
}

/** One readwrite transaction: the browser lets no second one on the same store start before it ends. */
async function update<Result>(
  db: IDBPDatabase<Schema>,
  keys: readonly string[],
  change: (docs: readonly (Json | undefined)[]) => Change<Result>,
): Promise<Result> {
  const tx = db.transaction('docs', 'readwrite', { durability: 'strict' });
  try {
    const docs = await Promise.all(keys.map((key) => tx.store.get(key)));
    const { put, result } = change(docs);
    for (const [key, value] of Object.entries(put)) {
      if (!keys.includes(key)) throw new TypeError(`the change puts ${key}, which it did not read`);
      if (value === undefined) await tx.store.delete(key);
      else await tx.store.put(value, key);
    }
    await tx.done;
    return result;
  } catch (error) {
    tx.done.catch(() => undefined);
    try {
      tx.abort();
    } catch {
      // Already ended: the browser aborted it, or it never began.
    }
    throw error;
  }
}

async function list(
  db: IDBPDatabase<Schema>,
  prefix: string,
  { limit = Number.POSITIVE_INFINITY, reverse = false, before }: { limit?: number; reverse?: boolean; before?: string },
): Promise<{ key: string; value: Json }[]> {
  const upper = before !== undefined && before < prefix + LAST ? before : prefix + LAST;
  if (upper <= prefix) return [];
  const range = IDBKeyRange.bound(prefix, upper, false, true);
  const found: { key: string; value: Json }[] = [];
  const tx = db.transaction('docs', 'readonly');
  let cursor = await tx.store.openCursor(range, reverse ? 'prev' : 'next');
  while (cursor && found.length < limit) {
    found.push({ key: cursor.key, value: cursor.value });
    cursor = await cursor.continue();
  }
  return found;
}
