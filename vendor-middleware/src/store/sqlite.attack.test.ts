// What the log must stand: keys that collide, commits that fail, processes that were away, and processes that are killed.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@farthing/node-kit';
import { limits } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { reservation, spend, storeSuite } from '../testing/store-suite.ts';
import type { JournalOptions } from './journal.ts';
import type { VendorStore } from './port.ts';
import { migrations } from './schema.ts';
import { sqlite, storeOn } from './sqlite.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'farthing-store-'));
  path = join(folder, 'vendor.db');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = (options: JournalOptions = {}): VendorStore => storeOn(openDatabase(path, migrations), options);

/** Every batch folds, so every path through tables, segments and the log is taken. */
const HARD: JournalOptions = { foldEvery: 1, logKeptMs: 0 };

storeSuite('SQLite, when keys collide and every batch folds,', async () => {
  const own = await mkdtemp(join(tmpdir(), 'farthing-store-'));
  const store = storeOn(openDatabase(join(own, 'vendor.db'), migrations), { ...HARD, print: () => 7 });
  return {
    store,
    async dispose() {
      await store.close();
      await rm(own, { recursive: true });
    },
  };
});

describe('a commit that fails', () => {
  test('accepts nothing, closes the store, and leaves the file as it was', async () => {
    const db = openDatabase(path, migrations);
    const store = storeOn(db);
    expect(await store.reserve(reservation({ id: 'before' }))).toEqual({ kind: 'won' });
    const { page_count } = db.prepare('PRAGMA page_count').get() ?? {};
    db.exec(`PRAGMA max_page_count=${page_count}`);
    const big = (i: number) => reservation({ id: `c${i}`, spends: [spend(`s${i}`)], outcome: 'x'.repeat(9000) });
    const all = await Promise.allSettled([
      ...Array.from({ length: 20 }, (_, i) => store.reserve(big(i))),
      store.settle('before', 'me', 'commit'),
    ]);
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 'rejected'));
    await expect(store.reserve(reservation({ id: 'after', spends: [] }))).rejects.toThrow(/restart/);
    await expect(store.find('before')).rejects.toThrow(/restart/);
    await store.close();
    const again = sqlite(path);
    expect(await again.find('before')).toMatchObject({ state: 'reserved' });
    expect(await again.find('c3')).toBeUndefined();
    expect(await again.reserve(big(3))).toEqual({ kind: 'won' });
    await again.close();
  });

  test('is no danger when another process holds the lock: nothing was taken, and a later try is safe', async () => {
    const db = openDatabase(path, migrations);
    const store = storeOn(db, { lockedMs: 1 });
    const other = openDatabase(path, migrations);
    other.exec('BEGIN IMMEDIATE');
    await expect(store.reserve(reservation())).rejects.toThrow(/locked/);
    other.exec('ROLLBACK');
    other.close();
    expect(await store.reserve(reservation())).toEqual({ kind: 'won' });
    await store.close();
  });

  test('a sum that no database could hold is refused alone', async () => {
    const store = open();
    const huge = (id: string, add: bigint) =>
      reservation({ id, spends: [spend(id)], claims: [{ key: 'root', add, untilMs: 1e15 }], state: 'committed' });
    const [first, second, third] = await Promise.allSettled([
      store.reserve(huge('c1', limits.sumMax)),
      store.reserve(huge('c2', 1n)),
      store.reserve(huge('c3', 0n)),
    ]);
    expect([first?.status, second?.status, third?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await store.find('c2')).toBeUndefined();
    expect(await store.claimsDue(1)).toEqual([{ key: 'root', total: limits.sumMax }]);
    await store.close();
  });
});

test('a process that is killed in the middle of its work loses nothing that it acknowledged', async () => {
  const child = fork(join(import.meta.dirname, '../testing/store-worker.ts'), [path], {
    execArgv: ['--conditions=farthing-source', '--disable-warning=ExperimentalWarning'],
  });
  const reserved: string[] = [];
  const settled: string[] = [];
  let beat = 0;
  child.on('message', (told: { reserved?: string; settled?: string; row?: number }) => {
    if (told.reserved !== undefined) reserved.push(told.reserved);
    if (told.settled !== undefined) settled.push(told.settled);
    if (told.row !== undefined) beat = Math.max(beat, told.row);
  });
  await expect.poll(() => settled.length, { timeout: 20_000 }).toBeGreaterThan(3000);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const store = sqlite(path);
  for (const id of reserved) expect(await store.find(id), id).toMatchObject({ id, outcome: `outcome of ${id}` });
  for (const id of settled) expect(await store.find(id), id).toMatchObject({ state: 'committed' });
  const [id = ''] = reserved;
  const spends = [spend(`spend of ${id}`)];
  expect(await store.reserve(reservation({ id: 'new', spends }))).toMatchObject({ kind: 'held', by: { id } });
  const [due] = await store.claimsDue(1);
  expect(due?.total).toBeGreaterThanOrEqual(BigInt(settled.length));
  expect(Number(await store.readSession('s:beat'))).toBeGreaterThanOrEqual(beat);
  await store.close();
});

test('four processes want the same instruments of one file, and some are killed: each is taken once, by who was told so', async () => {
  const COINS = 1500;
  const wonBy = new Map<number, string[]>();
  let told = 0;
  const rival = (name: string) => {
    const args = [path, name, '0', String(COINS)];
    const child = fork(join(import.meta.dirname, '../testing/rival-worker.ts'), args, {
      execArgv: ['--conditions=farthing-source', '--disable-warning=ExperimentalWarning'],
    });
    child.on('message', ({ coin, kind }: { coin: number; kind: string }) => {
      told++;
      if (kind === 'won') wonBy.set(coin, [...(wonBy.get(coin) ?? []), name]);
    });
    return { child, ended: once(child, 'exit') };
  };
  const rivals = ['a', 'b', 'c', 'd'].map(rival);
  for (const [i, name] of ['e', 'f'].entries()) {
    const enough = (i + 1) * COINS;
    await expect.poll(() => told, { timeout: 30_000, interval: 1 }).toBeGreaterThan(enough);
    rivals[i]?.child.kill('SIGKILL');
    rivals.push(rival(name));
  }
  await Promise.all(rivals.map(({ ended }) => ended));
  const store = sqlite(path);
  for (let coin = 0; coin < COINS; coin++) {
    const tellers = wonBy.get(coin) ?? [];
    expect(tellers.length, `coin ${coin}`).toBeLessThanOrEqual(1);
    const held = await store.reserve(reservation({ id: 'late', spends: [spend(`coin ${coin}`)] }));
    const by = held.kind === 'held' ? held.by.id : undefined;
    // Nobody heard of it only where the process was killed before it could tell.
    const [teller] = tellers;
    if (teller === undefined) expect(by, `coin ${coin}`).toMatch(/^[ab]\./);
    else expect(by).toBe(`${teller}.${coin}`);
  }
  expect(await store.claimsDue(1)).toEqual([{ key: 'root', total: BigInt(COINS) }]);
  await store.close();
}, 120_000);

test('a process that was away while the log went on starts anew, and knows all of it', async () => {
  const [busy, idle] = [open(HARD), open(HARD)];
  await idle.reserve(reservation({ id: 'mine', spends: [spend('mine')] }));
  for (let i = 0; i < 20; i++) {
    await busy.reserve(reservation({ id: `c${i}`, spends: [spend(`s${i}`)] }));
    await busy.settle(`c${i}`, 'me', i % 2 ? 'commit' : 'release');
  }
  expect(await idle.find('c7')).toMatchObject({ state: 'committed' });
  expect(await idle.find('c8')).toBeUndefined();
  expect(await idle.reserve(reservation({ id: 'x', spends: [spend('s7')] }))).toMatchObject({ kind: 'held' });
  expect(await idle.reserve(reservation({ id: 'x', spends: [spend('s8')] }))).toEqual({ kind: 'won' });
  expect(await idle.settle('mine', 'me', 'commit')).toBe(true);
  await Promise.all([busy.close(), idle.close()]);
});

test('many payments at once, and those that a sweep moves, are known to every process and after a restart', async () => {
  const options = { foldEvery: 50 };
  const [one, two] = [open(options), open(options)];
  const DAY_MS = limits.retentionMs;
  const isLong = (i: number) => i % 9 === 0;
  const entries = Array.from({ length: 300 }, (_, i) =>
    reservation({ id: `c${i}`, spends: [spend(`s${i}`)], untilMs: isLong(i) ? 9 * DAY_MS : i }),
  );
  for (let from = 0; from < 300; from += 100) {
    const won = await Promise.all(entries.slice(from, from + 100).map((entry) => one.reserve(entry)));
    expect(new Set(won.map(({ kind }) => kind))).toEqual(new Set(['won']));
  }
  expect(await two.find('c299')).toMatchObject({ state: 'reserved' });
  await Promise.all(entries.filter((_, i) => i % 2).map(({ id }) => two.settle(id, 'me', 'commit')));
  while ((await one.sweep(3 * DAY_MS, 40)) > 0);
  const three = open(options);
  for (const store of [one, two, three]) {
    for (const [i, { id }] of entries.entries()) {
      const state = i % 2 ? 'committed' : 'reserved';
      if (isLong(i)) expect(await store.find(id), id).toMatchObject({ state, owner: 'me', outcome: 'receipt' });
      else expect(await store.find(id), id).toBeUndefined();
    }
    expect(await store.unsettled(1000)).toHaveLength(entries.filter((_, i) => isLong(i) && i % 2 === 0).length);
    const rival = reservation({ id: 'rival', spends: [spend('s9')] });
    expect(await store.reserve(rival)).toMatchObject({ kind: 'held', by: { id: 'c9' } });
  }
  expect(await three.settle('c0', 'me', 'release')).toBe(true);
  expect(await one.reserve(reservation({ id: 'next', spends: [spend('s0')] }))).toEqual({ kind: 'won' });
  for (const store of [one, two, three]) await store.close();
});
