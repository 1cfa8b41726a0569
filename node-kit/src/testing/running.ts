// Servers for tests and benchmarks that need no more than one to talk to: those that the environment names, else their own.
import { type PostgresServer, startPostgres } from './postgres-server.ts';
import { type RedisCluster, startRedisCluster } from './redis-cluster.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** FARTHING_TEST_POSTGRES_URL, or a server of its own. */
export const anyPostgres = (): Promise<Pick<PostgresServer, 'url' | 'stop'>> =>
  named('FARTHING_TEST_POSTGRES_URL', (url) => ({ url, stop })) ?? startPostgres();

/** FARTHING_TEST_REDIS_URL, or a server of its own. */
export const anyRedis = (): Promise<Pick<RedisServer, 'url' | 'stop'>> =>
  named('FARTHING_TEST_REDIS_URL', (url) => ({ url, stop })) ?? startRedis();

/** FARTHING_TEST_REDIS_CLUSTER_URL, with commas between several, or a cluster of its own. */
export const anyRedisCluster = (): Promise<Pick<RedisCluster, 'urls' | 'stop'>> =>
  named('FARTHING_TEST_REDIS_CLUSTER_URL', (urls) => ({ urls: urls.split(','), stop })) ?? startRedisCluster();

/** Goes on without us. */
const stop = async (): Promise<void> => {};

function named<Server>(name: string, at: (url: string) => Server): Promise<Server> | undefined {
  const url = process.env[name];
  return url ? Promise.resolve(at(url)) : undefined;
}
