// A Redis Cluster for tests and benchmarks, and what operators do to one: replicas, and slots that move.
import { setTimeout as pause } from 'node:timers/promises';
import { freePorts } from './free-port.ts';
import { cli, type RedisServer, type Settings, serve } from './redis-server.ts';

export type RedisCluster = {
  readonly urls: readonly string[];
  readonly servers: readonly RedisServer[];
  stop(): Promise<void>;
};

const SLOTS = 16_384;
const PATIENCE_MS = 20_000;
const LOOK_MS = 50;
const MOVED_AT_ONCE = 100;

/** Masters that share the slots evenly, the first of them with a replica each if wanted. */
export async function startRedisCluster(
  masters = 3,
  { replicas = 0, settings = {} }: { replicas?: number; settings?: Settings } = {},
): Promise<RedisCluster> {
  const count = masters + replicas;
  // Servers of a cluster talk to each other at a port of its own.
  const ports = await freePorts(2 * count);
  const busOf = (i: number) => String(ports[count + i]);
  const cluster = { 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000' };
  const servers = await Promise.all(
    ports.slice(0, count).map((port, i) => serve(port, { ...cluster, 'cluster-port': busOf(i), ...settings })),
  );
  const [first] = servers;
  for (const [i, { port }] of servers.entries()) {
    const [from = 0, next = 0] = [i, i + 1].map((part) => Math.floor((SLOTS * part) / masters));
    if (i < masters) cli(port, ['CLUSTER', 'ADDSLOTSRANGE', String(from), String(next - 1)]);
    if (first && i > 0) cli(port, ['CLUSTER', 'MEET', '127.0.0.1', String(first.port), busOf(0)]);
  }
  await untilTrue(() => servers.every(({ port }) => isWhole(port, count)));
  for (const [i, { port }] of servers.slice(masters).entries()) {
    const master = servers[i];
    if (!master) continue;
    cli(port, ['CLUSTER', 'REPLICATE', idOf(master)]);
    await untilTrue(() => cli(master.port, ['INFO', 'replication']).includes('state=online'));
  }
  return {
    urls: servers.map(({ url }) => url),
    servers,
    stop: async () => void (await Promise.all(servers.map((server) => server.stop()))),
  };
}

/** The server of a cluster that has the key's slot. */
export function homeOf({ servers }: RedisCluster, key: string): RedisServer {
  const home = servers.find(({ port }) => {
    try {
      return cli(port, ['EXISTS', key]) !== '';
    } catch {
      return false;
    }
  });
  if (!home) throw new Error('no server of the cluster has the slot');
  return home;
}

export type Move = {
  /** Both servers are in the middle of it, and some keys are where they were. */
  half(): void;
  finish(): void;
};

/** Moves the slot of a key from the server that has it to another, as operators do. */
export function startMove(
  { servers }: RedisCluster,
  key: string,
  { from, to }: { from: RedisServer; to: RedisServer },
): Move {
  const slot = cli(from.port, ['CLUSTER', 'KEYSLOT', key]);
  const some = (count: number): boolean => {
    const keys = cli(from.port, ['CLUSTER', 'GETKEYSINSLOT', slot, String(count)]).split('\n');
    if (keys[0] === '') return false;
    cli(from.port, ['MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys]);
    return true;
  };
  cli(to.port, ['CLUSTER', 'SETSLOT', slot, 'IMPORTING', idOf(from)]);
  cli(from.port, ['CLUSTER', 'SETSLOT', slot, 'MIGRATING', idOf(to)]);
  return {
    half: () => void some(Math.ceil(Number(cli(from.port, ['CLUSTER', 'COUNTKEYSINSLOT', slot])) / 2)),
    finish() {
      while (some(MOVED_AT_ONCE));
      for (const { port } of [to, from, ...servers]) cli(port, ['CLUSTER', 'SETSLOT', slot, 'NODE', idOf(to)]);
    },
  };
}

const idOf = ({ port }: RedisServer): string => cli(port, ['CLUSTER', 'MYID']);

function isWhole(port: number, count: number): boolean {
  const info = cli(port, ['CLUSTER', 'INFO']);
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${count}`);
}

async function untilTrue(isSo: () => boolean): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > untilMs) throw new Error('the servers of the cluster do not find each other');
    await pause(LOOK_MS);
  }
}
