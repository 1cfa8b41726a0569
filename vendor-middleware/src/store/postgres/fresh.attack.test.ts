// Batches of new payments with everything in them that is not new: each payment stands whole or not at all, and one that is in the way
// of others costs them nothing.
import { anyPostgres } from '@farthing/node-kit/testing';
import { limits } from '@farthing/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { reservation, spend } from '../../testing/store-suite.ts';
import type { Reservation, VendorStore } from '../port.ts';
import { Db } from './db.ts';
import { writeFresh } from './fresh.ts';
import { postgres } from './postgres.ts';

let server: Awaited<ReturnType<typeof anyPostgres>>;
beforeAll(async () => {
  server = await anyPostgres();
});
afterAll(() => server.stop());

const schema = `fresh_${process.pid}`;
let db: Db;
let stores: [VendorStore, VendorStore];
beforeEach(async () => {
  stores = [await postgres(server.url, { schema }), await postgres(server.url, { schema })];
  db = new Db(server.url);
});
afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await db.run(`DROP SCHEMA ${schema} CASCADE`);
  await db.end();
});

const payment = (id: string, spends: readonly string[], add = 1n): Reservation =>
  reservation({ id, spends: spends.map(spend), claims: [{ key: 'root', add, untilMs: 1e15 }], state: 'committed' });
const write = (...entries: Reservation[]) => writeFresh(db, schema, entries);
const due = async () => (await stores[0].claimsDue(10)).map(({ key, total }) => [key, total]);

test('repeats and double spends are left out without an error of the server, and the others of their batch stand', async () => {
  expect(await write(payment('first', ['a']), payment('bare', []))).toEqual(new Set(['first', 'bare']));
  const batch = [
    payment('first', ['a']),
    payment('bare', []),
    payment('rival', ['a']),
    payment('other "é\\,{NULL}', ['b', 'c']),
  ];
  expect(await write(...batch)).toEqual(new Set(['other "é\\,{NULL}']));
  expect(await stores[0].find('rival')).toBeUndefined();
  expect(await due()).toEqual([['root', 3n]]);
});

test('a payment that has only some of its names undoes its batch', async () => {
  await write(payment('first', ['a']));
  expect(await write(payment('partly', ['a', 'b']), payment('good', ['c']))).toBeUndefined();
  expect(await write(payment('first', ['d']), payment('good', ['c']))).toBeUndefined();
  expect(await stores[0].find('good')).toBeUndefined();
  expect(await write(payment('good', ['b', 'c', 'd']))).toEqual(new Set(['good']));
  expect(await due()).toEqual([['root', 2n]]);
});

test('a claim never passes what the tables hold, whatever comes at once, and more is refused alone', async () => {
  const [store] = stores;
  await Promise.all([
    store.reserve(payment('c1', ['1'], limits.sumMax)),
    store.reserve(payment('c2', ['2'], 1n)),
  ]).catch(() => {});
  expect(await due()).toEqual([['root', limits.sumMax]]);
  const [more, nothing] = await Promise.allSettled([
    store.reserve(payment('c3', ['3'], 1n)),
    store.reserve(payment('c4', ['4'], 0n)),
  ]);
  expect([more?.status, nothing?.status]).toEqual(['rejected', 'fulfilled']);
  expect(await store.find('c3')).toBeUndefined();
});

test('what both processes add while both ask what is due is counted once', async () => {
  let asked = 0n;
  const reserveAll = (store: VendorStore, name: string) =>
    Promise.all(Array.from({ length: 600 }, (_, i) => store.reserve(payment(`${name}${i}`, [`${name}${i}`], 7n))));
  let adding = true;
  const ask = async (store: VendorStore) => {
    while (adding) {
      const [total = 0n] = (await store.claimsDue(10)).map((claim) => claim.total);
      expect(total >= asked).toBe(true);
      asked = total;
    }
  };
  const asking = stores.map(ask);
  await Promise.all(stores.flatMap((store, at) => ['x', 'y'].map((name) => reserveAll(store, `${name}${at}.`))));
  adding = false;
  await Promise.all(asking);
  expect(await due()).toEqual([['root', 4n * 600n * 7n]]);
});

test('good verdicts that come together are given once each, by whichever process, and not where there is none to give', async () => {
  const claims = (i: number) => [{ key: `root${i % 3}`, add: 1n, untilMs: 1e15 }];
  const ids = Array.from({ length: 300 }, (_, i) => `v${i}`);
  await Promise.all(ids.map((id, i) => stores[0].reserve(reservation({ id, spends: [spend(id)], claims: claims(i) }))));
  await Promise.all(ids.filter((_, i) => i % 10 === 0).map((id) => stores[1].settle(id, 'me', 'release')));
  const verdicts = [...ids, 'nobody', ...ids].flatMap((id) => stores.map((store) => store.settle(id, 'me', 'commit')));
  expect((await Promise.all(verdicts)).filter(Boolean)).toHaveLength(270);
  expect((await due()).reduce((sum, [, total]) => sum + BigInt(total ?? 0), 0n)).toBe(270n);
  expect(await stores[1].unsettled(1000)).toEqual([]);
});
