// A server that is killed again and again, that is away, that forgets, or that is set up to: Redis must give the results that one memory
// would, or none.
import { cli, type RedisServer, startRedis } from '@farthing/node-kit/testing';
import { seeded } from '@farthing/protocol/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { playKills } from '../../testing/kills.ts';
import { rivalSuite } from '../../testing/rival-suite.ts';
import { reservation, spend } from '../../testing/store-suite.ts';
import { redis } from './redis.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

let sites = 0;
const newName = () => `attacked${++sites}`;

rivalSuite('Redis', {
  start: () => startRedis(),
  open: ({ url }, name) => redis(url, { name }),
  seeds: [1, 2, 3, 4],
});

test('a server that is killed again and again loses nothing that was acknowledged, and takes nothing twice', async () => {
  const own = await startRedis();
  await playKills(20261123, {
    kills: 8,
    open: () => redis(own.url),
    kill: async () => {
      await own.kill();
      await own.start();
    },
  });
  await own.stop();
}, 120_000);

describe('a server that is away', () => {
  test('takes nothing meanwhile, and works again by itself', async () => {
    const own = await startRedis();
    const store = await redis(own.url);
    expect(await store.reserve(reservation({ id: 'before' }))).toEqual({ kind: 'won' });
    await own.kill();
    const during = ['c1', 'c2', 'c3'].map((id) => store.reserve(reservation({ id, spends: [spend(id)] })));
    const answers = await Promise.allSettled([...during, store.find('before')]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 'rejected'));
    await own.start();
    expect(await store.reserve(reservation({ id: 'after' }))).toMatchObject({ kind: 'held', by: { id: 'before' } });
    expect(await store.reserve(reservation({ id: 'c1', spends: [spend('c1')] }))).toEqual({ kind: 'won' });
    await store.close();
    await own.stop();
  });

  test('and comes back without what it knew is no store any more: nothing is taken until the site is started anew', async () => {
    const own = await startRedis();
    const store = await redis(own.url);
    await store.reserve(reservation());
    cli(own.port, ['FLUSHALL']);
    await expect(store.reserve(reservation())).rejects.toThrow(/no longer there/);
    const other = await redis(own.url);
    await expect(store.reserve(reservation())).rejects.toThrow(/no longer there/);
    await Promise.all([store.close(), other.close()]);
    await own.stop();
  });

  test('with its scripts forgotten is told again', async () => {
    const store = await redis(server.url, { name: newName() });
    cli(server.port, ['SCRIPT', 'FLUSH']);
    expect(await store.reserve(reservation())).toEqual({ kind: 'won' });
    await store.close();
  });
});

describe('a server whose memory is full', () => {
  test('takes nothing, and forgets nothing', async () => {
    const own = await startRedis({ maxmemory: '100mb' });
    const store = await redis(own.url);
    expect(await store.reserve(reservation({ id: 'before' }))).toEqual({ kind: 'won' });
    cli(own.port, ['CONFIG', 'SET', 'maxmemory', '1']);
    const more = reservation({ id: 'more', spends: [spend('more')] });
    await expect(store.reserve(more)).rejects.toThrow(/OOM/);
    expect(await store.find('more')).toBeUndefined();
    expect(await store.reserve(reservation({ id: 'rival' }))).toMatchObject({ kind: 'held' });
    cli(own.port, ['CONFIG', 'SET', 'maxmemory', '0']);
    expect(await store.reserve(more)).toEqual({ kind: 'won' });
    await store.close();
    await own.stop();
  });
});

describe('what cannot be trusted with money is refused at the start', () => {
  test.each([
    ['fsync', { appendonly: 'no' }, /appendonly = no/],
    ['fsync', { appendfsync: 'everysec' }, /appendfsync = everysec/],
    ['fsync', { 'no-appendfsync-on-rewrite': 'yes' }, /no-appendfsync-on-rewrite = yes/],
    ['eviction', { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' }, /maxmemory-policy = allkeys-lru/],
  ] as const)(
    'a server that may lose writes (%s), unless the site accepts just that',
    async (risk, settings, message) => {
      const careless = await startRedis(settings);
      const other = risk === 'fsync' ? 'eviction' : 'fsync';
      await expect(redis(careless.url, { accepts: [other] })).rejects.toThrow(message);
      await expect(redis(careless.url)).rejects.toThrow(`accepts: ['${risk}']`);
      const store = await redis(careless.url, { accepts: [risk] });
      expect(await store.reserve(reservation())).toEqual({ kind: 'won' });
      await store.close();
      await careless.stop();
    },
  );

  test('a server that does not show its settings, unless the site knows them', async () => {
    cli(server.port, ['ACL', 'SETUSER', 'site', 'on', '>secret', '~*', '+@all', '-config']);
    const url = server.url.replace('//', '//site:secret@');
    await expect(redis(url, { accepts: ['fsync', 'eviction'] })).rejects.toThrow(
      /does not show .*accepts: \['hidden'\]/,
    );
    const store = await redis(url, { name: newName(), accepts: ['hidden'] });
    expect(await store.reserve(reservation())).toEqual({ kind: 'won' });
    await store.close();
  });

  test('a user needs the rights that the README gives it, and no others', async () => {
    const rights = ['~{farthing}*', '+@all', '-@dangerous', '+info', '+config|get'];
    cli(server.port, ['ACL', 'SETUSER', 'shop', 'on', '>secret', ...rights]);
    const url = server.url.replace('//', '//shop:secret@');
    const store = await redis(url);
    expect(await store.reserve(reservation())).toEqual({ kind: 'won' });
    await expect(redis(url, { name: 'other' })).rejects.toThrow(/NOPERM/);
    await store.close();
  });

  test('a replica that could take over without the last writes, unless it confirms them', async () => {
    const main = await startRedis();
    const replica = await startRedis({ replicaof: `127.0.0.1 ${main.port}` });
    await expect.poll(() => cli(main.port, ['INFO', 'replication'])).toMatch(/state=online/);
    await expect(redis(main.url)).rejects.toThrow(/1 replica: .*waitReplicas: 1.*accepts: \['failover'\]/);
    const store = await redis(main.url, { waitReplicas: 1 });
    expect(await store.reserve(reservation())).toEqual({ kind: 'won' });
    expect(cli(replica.port, ['EXISTS', '{farthing}s:coin'])).toBe('1');
    await replica.kill();
    await expect(store.reserve(reservation({ id: 'c2', spends: [] }))).rejects.toThrow(/0 of 1 replicas/);
    await store.close();
    await Promise.all([main.stop(), replica.stop()]);
  });

  test('a name that would break the keys, a server that is not there, and one of a newer program', async () => {
    await expect(redis(server.url, { name: 'a}b' })).rejects.toThrow(/name: expected/);
    await expect(redis('redis://127.0.0.1:1')).rejects.toThrow(/ECONNREFUSED/);
    cli(server.port, ['SET', '{newer}gate', '2 id']);
    await expect(redis(server.url, { name: 'newer' })).rejects.toThrow(/format 2/);
  });
});

test('text that no server could read is refused alone', async () => {
  const store = await redis(server.url, { name: newName() });
  const [good, bad] = await Promise.allSettled([
    store.reserve(reservation({ id: 'good \\ud800 is text', spends: [] })),
    store.reserve(reservation({ id: 'half a pair \ud800', spends: [] })),
  ]);
  expect([good?.status, bad?.status]).toEqual(['fulfilled', 'rejected']);
  await store.close();
});

test('sums are exact, at every length', async () => {
  const store = await redis(server.url, { name: newName() });
  const rng = seeded(7);
  let total = 0n;
  for (let i = 0; i < 200; i++) {
    const add = BigInt(1 + rng.below(9)) * 10n ** BigInt(rng.below(17)) + BigInt(rng.below(2 ** 30));
    total += add;
    const claims = [{ key: 'root', add, untilMs: 1e15 }];
    await store.reserve(reservation({ id: `c${i}`, spends: [], claims, state: 'committed' }));
    const [due] = await store.claimsDue(1);
    expect(due?.total, `after ${i}`).toBe(total);
  }
  const claims = [{ key: 'root', add: 2n ** 63n - total, untilMs: 1e15 }];
  const tooMuch = reservation({ id: 'much', spends: [], claims, state: 'committed' });
  await expect(store.reserve(tooMuch)).rejects.toThrow(/passes what a store can hold/);
  expect(await store.find('much')).toBeUndefined();
  await store.close();
});
