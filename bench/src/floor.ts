// What an engine can take at best: as many bytes under a key that is good once, inserted or rejected in batches, and nothing else. No
// instruments apart from their payments, no claims that add up, no outcomes that repeat. A store is beside it, on the same machine.
import { GroupCommit, openDatabase } from '@farthing/node-kit';
import { createClient } from '@redis/client';
import pg from 'pg';
import type { Place } from './stores.ts';

export type Floor = {
  /** Resolves when it is on disk. @throws {Error} it was there */
  insert(key: string, body: string): Promise<void>;
  close(): Promise<void>;
};

type Entry = { readonly key: string; readonly body: string };

export async function openFloor(place: Place): Promise<Floor> {
  switch (place.store) {
    case 'memory':
      return memoryFloor();
    case 'sqlite':
      return sqliteFloor(place.path);
    case 'postgres':
      return postgresFloor(place.url);
    case 'redis':
      return redisFloor(place.url);
    case 'redis-cluster':
      throw new Error('a site is on one server of a cluster: its floor is that of Redis');
  }
}

function memoryFloor(): Floor {
  const keys = new Map<string, string>();
  return {
    async insert(key, body) {
      if (keys.has(key)) throw new Error('it was there');
      keys.set(key, body);
    },
    close: async () => {},
  };
}

/** Keys in memory, one row for each batch. */
function sqliteFloor(path: string): Floor {
  const db = openDatabase(`${path}.floor`, ['CREATE TABLE batches(n INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT']);
  const insert = db.prepare('INSERT INTO batches(body) VALUES (?)');
  const keys = new Set<string>();
  let bodies: string[] = [];
  const commit = new GroupCommit(db, {
    begin: () => {},
    end() {
      insert.run(bodies.join('\n'));
      bodies = [];
    },
  });
  return {
    insert: (key, body) =>
      commit.decide(() => {
        if (keys.has(key)) throw new Error('it was there');
        keys.add(key);
        bodies.push(body);
      }),
    close: async () => commit.close(),
  };
}

async function postgresFloor(url: string): Promise<Floor> {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  await pool.query('CREATE TABLE floor(key text PRIMARY KEY, body text NOT NULL)');
  const text = 'INSERT INTO floor SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING';
  const insert = gather(async (entries) => {
    const values = [entries.map(({ key }) => key), entries.map(({ body }) => body)];
    const { rowCount } = await pool.query({ name: 'floor', text, values });
    if (rowCount !== entries.length) throw new Error('one of them was there');
  });
  return { insert, close: () => pool.end() };
}

async function redisFloor(url: string): Promise<Floor> {
  const client = await createClient({ url, RESP: 2 }).connect();
  const insert = gather(async (entries) => {
    const made = await client.sendCommand(['MSETNX', ...entries.flatMap(({ key, body }) => [key, body])]);
    if (Number(made) !== 1) throw new Error('one of them was there');
  });
  return { insert, close: async () => client.destroy() };
}

const MOST = 256;
const LANES = 2;

/** What comes in one turn goes together; two batches are under way at once. */
function gather(write: (entries: readonly Entry[]) => Promise<void>): Floor['insert'] {
  const waiting: (Entry & { readonly resolve: () => void; readonly reject: (error: unknown) => void })[] = [];
  let [busy, isScheduled] = [0, false];
  const run = async () => {
    isScheduled = false;
    const batch = waiting.splice(0, MOST);
    busy++;
    try {
      await write(batch);
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    busy--;
    schedule();
  };
  const schedule = () => {
    if (isScheduled || busy >= LANES || waiting.length === 0) return;
    isScheduled = true;
    setImmediate(() => void run());
  };
  return (key, body) =>
    new Promise((resolve, reject) => {
      waiting.push({ key, body, resolve, reject });
      schedule();
    });
}
