// The stores of vendors by name: how one is made for a measurement, and how a process of a site opens it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type PostgresServer,
  type RedisServer,
  startPostgres,
  startRedis,
  startRedisCluster,
} from '@farthing/node-kit/testing';
import { memory, sqlite, type VendorStore } from '@farthing/vendor';
import { postgres } from '@farthing/vendor/postgres';
import { redis } from '@farthing/vendor/redis';

/** What a process needs to know. */
export type Place =
  | { readonly store: 'memory' }
  | { readonly store: 'sqlite'; readonly path: string }
  | { readonly store: 'postgres'; readonly url: string }
  | { readonly store: 'redis'; readonly url: string }
  | { readonly store: 'redis-cluster'; readonly urls: readonly string[] };

export type StorePlace = {
  readonly place: Place;
  /** User and system time of the store's own processes so far; 0 where it has none. */
  cpuMicros(): number;
  /** Kills the server and starts it again. Absent: there is none. */
  restart?(): Promise<void>;
  stop(): Promise<void>;
};

export const PLACES: Readonly<Record<Place['store'], (folder: string) => Promise<StorePlace>>> = {
  memory: async () => ({ place: { store: 'memory' }, cpuMicros: () => 0, stop: async () => {} }),
  sqlite: async (folder) => ({
    place: { store: 'sqlite', path: join(folder, 'vendor.db') },
    cpuMicros: () => 0,
    stop: async () => {},
  }),
  postgres: async () => {
    const server = await startPostgres();
    return { place: { store: 'postgres', url: server.url }, ...served([server]) };
  },
  redis: async () => {
    const server = await startRedis();
    return { place: { store: 'redis', url: server.url }, ...served([server]) };
  },
  'redis-cluster': async () => {
    const { urls, servers } = await startRedisCluster();
    return { place: { store: 'redis-cluster', urls }, ...served(servers) };
  },
};

export async function openStore(place: Place): Promise<VendorStore> {
  switch (place.store) {
    case 'memory':
      return memory();
    case 'sqlite':
      return sqlite(place.path);
    case 'postgres':
      return postgres(place.url);
    case 'redis':
      return redis(place.url);
    case 'redis-cluster':
      return redis({ cluster: place.urls });
  }
}

function served(servers: readonly (PostgresServer | RedisServer)[]): Omit<StorePlace, 'place'> {
  const each = async (run: (server: PostgresServer | RedisServer) => Promise<void>) =>
    void (await Promise.all(servers.map(run)));
  return {
    cpuMicros: () => servers.reduce((sum, server) => sum + cpuOf(server.pid()), 0),
    async restart() {
      await each((server) => server.kill());
      await each((server) => server.start());
    },
    stop: () => each((server) => server.stop()),
  };
}

/** Linux counts in hundredths of a second. */
const TICK_MICROS = 10_000;

/** Of a process and those it started. 0 where there is no /proc. */
function cpuOf(pid: number): number {
  if (!existsSync(`/proc/${pid}`)) return 0;
  const stats = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (statOf(name) ?? []) : []));
  const own = stats.filter((stat) => stat.pid === pid || stat.parent === pid);
  return own.reduce((sum, { ticks }) => sum + ticks, 0) * TICK_MICROS;
}

/** `undefined`: it has just ended. */
function statOf(pid: string): { pid: number; parent: number; ticks: number } | undefined {
  try {
    // After the name, which may hold anything: state, parent, and ten cells further on user and system time.
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const cells = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { pid: Number(pid), parent: Number(cells[1]), ticks: Number(cells[11]) + Number(cells[12]) };
  } catch {
    return undefined;
  }
}
