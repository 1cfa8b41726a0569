// A server that is stopped dead, a connection that is cut at the worst moment, processes that want the same: PostgreSQL must give
// the results that one memory would.
import { cuttingProxy, type PostgresServer, startPostgres } from '@farthing/node-kit/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { playKills } from '../../testing/kills.ts';
import { rivalSuite } from '../../testing/rival-suite.ts';
import { reservation, spend } from '../../testing/store-suite.ts';
import { postgres } from './postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

let schemas = 0;
const newSchema = () => `attacked_${++schemas}`;

rivalSuite('PostgreSQL', {
  start: () => startPostgres(),
  open: ({ url }, schema) => postgres(url, { schema }),
  seeds: [1, 2, 3, 4, 5],
});

test('processes that start at the same moment where there are no tables yet all start', async () => {
  for (let round = 0; round < 20; round++) {
    const schema = newSchema();
    const stores = await Promise.all(Array.from({ length: 6 }, () => postgres(server.url, { schema })));
    await Promise.all(stores.map((store) => store.close()));
  }
});

test('a server that is stopped dead again and again loses nothing that was acknowledged, and takes nothing twice', async () => {
  const schema = newSchema();
  await playKills(20261127, {
    kills: 4,
    open: () => postgres(server.url, { schema }),
    kill: async () => {
      await server.kill();
      await server.start();
    },
  });
}, 120_000);

test('a connection that is cut between the commit and its answer: the same payment again has one effect', async () => {
  const schema = newSchema();
  const proxy = await cuttingProxy(Number(new URL(server.url).port));
  const url = new URL(server.url);
  url.port = String(proxy.port);
  const store = await postgres(url.href, { schema });
  const entry = reservation({ claims: [{ key: 'root', add: 5n, untilMs: 1e15 }], state: 'committed' });
  // Payments as nearly all are go by one statement, which says so when it is done.
  proxy.cutAtCommit('SELECT 1');
  await expect(store.reserve(entry)).rejects.toThrow();
  expect(proxy.cuts).toBe(1);
  expect(await store.reserve(entry)).toMatchObject({ kind: 'known', stored: { state: 'committed' } });
  expect(await store.claimsDue(10)).toEqual([{ key: 'root', total: 5n }]);
  const tallies = [{ key: 'licence', add: 5n, limit: 9n, code: 'licence-exceeded' as const }];
  const next = { ...entry, id: 'next', spends: [spend('next')], tallies };
  proxy.cutAtCommit();
  await expect(store.reserve(next)).rejects.toThrow();
  expect(proxy.cuts).toBe(2);
  expect(await store.reserve(next)).toMatchObject({ kind: 'known', stored: { state: 'committed' } });
  expect(await store.claimsDue(10)).toEqual([{ key: 'root', total: 10n }]);
  await store.close();
  await proxy.close();
});

describe('what cannot be trusted with money is refused at the start', () => {
  test('a server that loses what it has acknowledged, unless the site accepts that', async () => {
    const careless = await startPostgres(['synchronous_commit=off']);
    await expect(postgres(careless.url)).rejects.toThrow(/synchronous_commit = off: .*acceptLoss/);
    const store = await postgres(careless.url, { acceptLoss: true });
    expect(await store.reserve(reservation())).toEqual({ kind: 'won' });
    await store.close();
    await careless.stop();
  });
  test('a name of a schema that is no plain identifier', async () => {
    await expect(postgres(server.url, { schema: 'x; DROP TABLE payments' })).rejects.toThrow(/plain identifier/);
  });
  test('a server that is not there', async () => {
    await expect(postgres('postgres://farthing@127.0.0.1:1/none')).rejects.toThrow(/ECONNREFUSED/);
  });
});
