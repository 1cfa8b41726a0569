// A server that is stopped dead, a connection that is cut at the worst moment, processes that want the same: PostgreSQL must give
// the results that one memory would.
import { setTimeout as pause } from 'node:timers/promises';
import { cuttingProxy, type PostgresServer, startPostgres } from '@farthing/node-kit/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { playAnyOrder } from '../../testing/any-order.ts';
import { reservation, spend } from '../../testing/store-suite.ts';
import type { VendorStore } from '../port.ts';
import { postgres } from './postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

let schemas = 0;
const newSchema = () => `attacked_${++schemas}`;

describe('any order of steps by two processes, with restarts, has the results that one memory would have', () => {
  test.each([1, 2, 3, 4, 5])('seed %i', (seed) => {
    const schema = newSchema();
    return playAnyOrder(seed, () => postgres(server.url, { schema }));
  });
});

test('four processes want one instrument at once: one gets it, the others are told who; one id at all four has one effect', async () => {
  const schema = newSchema();
  const stores = await Promise.all(Array.from({ length: 4 }, () => postgres(server.url, { schema })));
  const storeAt = (i: number) => stores[i % stores.length] as VendorStore;
  const rivals = await Promise.all(
    Array.from({ length: 400 }, (_, i) => storeAt(i).reserve(reservation({ id: `r${i}`, spends: [spend('rare')] }))),
  );
  expect(rivals.filter(({ kind }) => kind === 'won')).toHaveLength(1);
  expect(rivals.filter(({ kind }) => kind === 'held')).toHaveLength(399);
  const claims = [{ key: 'root', add: 1n, untilMs: 1e15 }];
  const same = reservation({ id: 'same', spends: [], claims, state: 'committed' });
  const answers = await Promise.all(Array.from({ length: 400 }, (_, i) => storeAt(i).reserve(same)));
  expect(answers.filter(({ kind }) => kind === 'won')).toHaveLength(1);
  expect(answers.filter(({ kind }) => kind === 'known')).toHaveLength(399);
  // Everybody adds to the same row.
  await Promise.all(
    Array.from({ length: 400 }, (_, i) => storeAt(i).reserve({ ...same, id: `c${i}`, spends: [spend(`s${i}`)] })),
  );
  expect(await storeAt(0).claimsDue(1)).toEqual([{ key: 'root', total: 401n }]);
  await Promise.all(stores.map((store) => store.close()));
});

test('copies of payments that reach several processes at once each count once, whatever comes with them', async () => {
  const schema = newSchema();
  const stores = await Promise.all(Array.from({ length: 3 }, () => postgres(server.url, { schema })));
  const claims = [{ key: 'root', add: 1n, untilMs: 1e15 }];
  const odd = 'é\u{1f4b6} "\\ {NULL}, \n';
  const entry = (i: number) =>
    reservation({ id: `${odd}${i}`, spends: [spend(`s${i}`)], outcome: odd, claims, state: 'committed' });
  const wins = new Map<number, number>();
  for (let round = 0; round < 30; round++) {
    const wave = Array.from({ length: 40 }, (_, n) => round * 20 + n);
    await Promise.all(
      wave.flatMap((i) =>
        stores.map(async (store) => {
          const { kind } = await store.reserve(entry(i));
          if (kind === 'won') wins.set(i, (wins.get(i) ?? 0) + 1);
        }),
      ),
    );
  }
  expect([...wins.values()]).toEqual(Array.from({ length: 620 }, () => 1));
  const [store] = stores as [VendorStore];
  expect(await store.claimsDue(1)).toEqual([{ key: 'root', total: 620n }]);
  expect(await store.find(`${odd}619`)).toMatchObject({ outcome: odd, state: 'committed' });
  await Promise.all(stores.map((one) => one.close()));
});

test('a server that is stopped dead again and again loses nothing that was acknowledged, and counts nothing twice', async () => {
  const schema = newSchema();
  const stores = [await postgres(server.url, { schema }), await postgres(server.url, { schema })];
  const acknowledged = new Set<string>();
  let running = true;
  const client = async (name: number) => {
    for (let n = 0; running; n++) {
      const id = `${name}.${n}`;
      const claims = [{ key: `root${name % 3}`, add: 1n, untilMs: 1e15 }];
      const entry = reservation({ id, spends: [spend(id)], claims, state: 'committed' });
      // The same payment until somebody says what became of it.
      for (let known = false; !known; ) {
        known = await (stores[name % 2] as VendorStore).reserve(entry).then(
          ({ kind }) => kind === 'won' || kind === 'known',
          () => false,
        );
        if (!known && !running) return;
        // As a client does that was told to come again.
        if (!known) await pause(20);
      }
      acknowledged.add(id);
    }
  };
  const clients = Array.from({ length: 32 }, (_, name) => client(name));
  for (let stop = 0; stop < 4; stop++) {
    const before = acknowledged.size;
    await expect.poll(() => acknowledged.size, { timeout: 20_000 }).toBeGreaterThan(before + 200);
    await server.kill();
    await server.start();
  }
  running = false;
  await Promise.all(clients);
  const [store] = stores as [VendorStore];
  for (const id of acknowledged) expect(await store.find(id), id).toMatchObject({ id, state: 'committed' });
  const due = await store.claimsDue(10);
  const total = due.reduce((sum, claim) => sum + claim.total, 0n);
  const { unheard } = await count(store, acknowledged);
  expect(total).toBe(BigInt(acknowledged.size + unheard));
  await Promise.all(stores.map((one) => one.close()));
}, 120_000);

/** Payments that are in the store and of which nobody heard: each client has at most one. */
async function count(store: VendorStore, acknowledged: ReadonlySet<string>): Promise<{ unheard: number }> {
  let unheard = 0;
  for (let name = 0; name < 32; name++) {
    let n = 0;
    while (acknowledged.has(`${name}.${n}`)) n++;
    if (await store.find(`${name}.${n}`)) unheard++;
    expect(await store.find(`${name}.${n + 1}`)).toBeUndefined();
  }
  return { unheard };
}

test('a connection that is cut between the commit and its answer: the same payment again has one effect', async () => {
  const schema = newSchema();
  const proxy = await cuttingProxy(Number(new URL(server.url).port));
  const url = new URL(server.url);
  url.port = String(proxy.port);
  const store = await postgres(url.href, { schema });
  const entry = reservation({ claims: [{ key: 'root', add: 5n, untilMs: 1e15 }], state: 'committed' });
  proxy.cutAtCommit();
  await expect(store.reserve(entry)).rejects.toThrow();
  expect(proxy.cuts).toBe(1);
  expect(await store.reserve(entry)).toMatchObject({ kind: 'known', stored: { state: 'committed' } });
  expect(await store.claimsDue(10)).toEqual([{ key: 'root', total: 5n }]);
  const DOUBTED = 8;
  for (let i = 0; i < DOUBTED; i++) await store.reserve({ ...entry, id: `doubted${i}`, spends: [] });
  // By now payments that add to the claim are written by one statement, which says so when it is done.
  proxy.cutAtCommit('SELECT 1');
  const next = { ...entry, id: 'next', spends: [spend('next')] };
  await expect(store.reserve(next)).rejects.toThrow();
  expect(proxy.cuts).toBe(2);
  expect(await store.reserve(next)).toMatchObject({ kind: 'known', stored: { state: 'committed' } });
  expect(await store.claimsDue(10)).toEqual([{ key: 'root', total: 50n }]);
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
