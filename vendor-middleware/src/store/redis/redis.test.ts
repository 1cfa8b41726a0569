import { randomUUID } from 'node:crypto';
import { anyRedis, anyRedisCluster } from '@farthing/node-kit/testing';
import { createClient, createCluster } from '@redis/client';
import { afterAll, beforeAll } from 'vitest';
import { storeSuite } from '../../testing/store-suite.ts';
import { redis } from './redis.ts';

let server: Awaited<ReturnType<typeof anyRedis>>;
let cluster: Awaited<ReturnType<typeof anyRedisCluster>>;
beforeAll(async () => {
  [server, cluster] = await Promise.all([anyRedis(), anyRedisCluster()]);
});
afterAll(() => Promise.all([server.stop(), cluster.stop()]));

/** A server that is not ours keeps nothing of us. */
const newName = () => `test-${randomUUID()}`;
const keysOf = (name: string) => ({ MATCH: `{${name}}*`, COUNT: 1000 });

storeSuite('Redis', async () => {
  const name = newName();
  const store = await redis(server.url, { name });
  return {
    store,
    async dispose() {
      await store.close();
      const client = await createClient({ url: server.url }).connect();
      for await (const keys of client.scanIterator(keysOf(name))) if (keys.length > 0) await client.unlink(keys);
      client.destroy();
    },
  };
});

storeSuite('Redis Cluster', async () => {
  const name = newName();
  const store = await redis({ cluster: cluster.urls }, { name });
  return {
    store,
    async dispose() {
      await store.close();
      const client = await createCluster({ rootNodes: cluster.urls.map((url) => ({ url })) }).connect();
      for (const { client: node } of client.masters) {
        if (!node) continue;
        for await (const keys of (await node).scanIterator(keysOf(name)))
          if (keys.length > 0) await client.unlink(keys);
      }
      client.destroy();
    },
  };
});
