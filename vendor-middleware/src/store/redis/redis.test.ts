import { type RedisCluster, type RedisServer, startRedis, startRedisCluster } from '@farthing/node-kit/testing';
import { afterAll, beforeAll } from 'vitest';
import { storeSuite } from '../../testing/store-suite.ts';
import { redis } from './redis.ts';

let server: RedisServer;
let cluster: RedisCluster;
beforeAll(async () => {
  [server, cluster] = await Promise.all([startRedis(), startRedisCluster()]);
});
afterAll(() => Promise.all([server.stop(), cluster.stop()]));

let sites = 0;
storeSuite('Redis', async () => {
  const store = await redis(server.url, { name: `site${++sites}` });
  return { store, dispose: () => store.close() };
});

storeSuite('Redis Cluster', async () => {
  const store = await redis({ cluster: cluster.urls }, { name: `site${++sites}` });
  return { store, dispose: () => store.close() };
});
