import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@farthing/node-kit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { reservation, spend, storeSuite } from '../testing/store-suite.ts';
import { migrations } from './schema.ts';
import { sqlite } from './sqlite.ts';

storeSuite('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'farthing-store-'));
  const store = sqlite(join(folder, 'vendor.db'));
  return {
    store,
    async dispose() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'farthing-store-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('what one process reserved, another finds, and what was written is there after a restart', async () => {
  const path = join(folder, 'vendor.db');
  const [one, two] = [sqlite(path), sqlite(path)];
  const claims = [{ key: 'root', add: 2n ** 62n, untilMs: 1 }];
  expect(await one.reserve(reservation({ claims, state: 'committed' }))).toEqual({ kind: 'won' });
  expect(await two.reserve(reservation())).toMatchObject({ kind: 'known' });
  expect([await one.lease('serial', 5n), await two.lease('serial', 5n)]).toEqual([1n, 6n]);
  await Promise.all([one.close(), two.close()]);
  const again = sqlite(path);
  expect(await again.find('c1')).toMatchObject({ state: 'committed' });
  expect(await again.claimsDue(1)).toEqual([{ key: 'root', total: 2n ** 62n }]);
  expect(await again.lease('serial', 1n)).toBe(11n);
  await again.close();
});

test('what shows a claim of one step is on disk once, and not any more when it is paid; nobody brings it back', async () => {
  const path = join(folder, 'vendor.db');
  const [one, two] = [sqlite(path), sqlite(path)];
  const proof = { coins: 'as they were accepted' };
  const claims = [{ key: 'coin:1', add: 5n, untilMs: 1e15, evidence: { rank: 0, proof }, once: true as const }];
  await one.reserve(reservation({ claims }));
  await one.settle('c1', 'me', 'commit');
  // The other process learns of it now, and writes its rows later.
  expect(await two.find('c1')).toMatchObject({ state: 'committed' });
  const [due] = await one.claimsDue(1, 'coin:');
  expect(due).toEqual({ key: 'coin:1', total: 5n, evidence: { rank: 0, proof } });
  const db = openDatabase(path, migrations);
  const texts = [
    'SELECT evidence AS text FROM claims',
    'SELECT body AS text FROM log',
    'SELECT lines AS text FROM payments',
  ];
  const copies = () =>
    texts.map(
      (sql) =>
        db
          .prepare(sql)
          .all()
          .filter(({ text }) => String(text).includes(proof.coins)).length,
    );
  expect(copies()).toEqual([1, 0, 0]);
  await one.claimsPaid([{ key: 'coin:1', total: 5n, over: true }], { key: 'outbox', was: undefined, put: {} });
  expect(await two.claimsDue(1, 'coin:')).toEqual([]);
  expect(copies()).toEqual([0, 0, 0]);
  db.close();
  await Promise.all([one.close(), two.close()]);
  const again = sqlite(path);
  expect(await again.claimsDue(1, 'coin:')).toEqual([]);
  await again.close();
});

test('the file is closed to other users', async () => {
  const path = join(folder, 'vendor.db');
  const store = sqlite(path);
  expect((await stat(path)).mode & 0o077).toBe(0);
  await store.close();
});

test('a file from before there were sessions is carried on: claims stay due, tallies count on, sessions work', async () => {
  const path = join(folder, 'vendor.db');
  const old = openDatabase(path, migrations.slice(0, 1));
  old.exec("INSERT INTO claims(key, total, paid, until_ms) VALUES ('root', 7, 3, 100000)");
  old.exec("INSERT INTO tallies VALUES ('licence', 90)");
  old.close();
  const store = sqlite(path);
  expect(await store.claimsDue(10)).toEqual([{ key: 'root', total: 7n }]);
  const tallies = [{ key: 'licence', add: 11n, limit: 100n, code: 'licence-exceeded' as const }];
  expect(await store.reserve(reservation({ tallies }))).toMatchObject({ kind: 'over' });
  const step = () => ({ outcome: 'receipt', untilMs: 1, claims: [], next: 1, undo: 1, deeds: [] });
  expect(await store.reserve(reservation({ session: { key: 's:1', step } }))).toMatchObject({ kind: 'won' });
  expect(await store.readSession('s:1')).toBe(1);
  await store.close();
});

test('a file from before the log is carried on: outcomes repeat, instruments stay spent, open payments get verdicts', async () => {
  const path = join(folder, 'vendor.db');
  const old = openDatabase(path, migrations.slice(0, 2));
  const insert = old.prepare('INSERT INTO reservations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const steps = (i: number) =>
    JSON.stringify({
      mints: [`mint${i}`],
      spends: [`coin${i}`],
      tallies: [{ key: 'licence', add: '5' }],
      claims: [{ key: 'root', add: '9007199254740993', untilMs: 9e14 }],
    });
  for (let i = 0; i < 150; i++) {
    const state = i === 7 ? 0n : i === 8 ? 2n : 1n;
    insert.run(`c${i}`, 'cred', 'target', 'me', 1000n, 60_000n + BigInt(i), state, `out\n"${i}`, steps(i));
    old.prepare('INSERT INTO spends VALUES (?, ?)').run(`coin${i}`, `c${i}`);
  }
  old.exec("INSERT INTO tallies(key, total) VALUES ('licence', 750)");
  old.exec(`INSERT INTO sessions VALUES ('s:1', '{"a":1}', 900000)`);
  old.close();
  for (let start = 0; start < 2; start++) {
    const store = sqlite(path);
    expect(await store.find('c149')).toMatchObject({ state: 'committed', outcome: 'out\n"149', credential: 'cred' });
    const rival = reservation({ id: 'rival', spends: [spend('coin70')] });
    expect(await store.reserve(rival)).toMatchObject({ kind: 'held', by: { id: 'c70' } });
    expect(await store.readSession('s:1')).toEqual({ a: 1 });
    await store.close();
  }
  const store = sqlite(path);
  expect((await store.unsettled(10)).map(({ id }) => id).sort()).toEqual(['c7', 'c8']);
  expect(await store.find('c8')).toMatchObject({ state: 'loose' });
  expect(await store.settle('c8', 'me', 'release')).toBe(true);
  expect(await store.settle('c7', 'else', 'commit')).toBe(true);
  expect(await store.claimsDue(1)).toEqual([{ key: 'root', total: 9_007_199_254_740_993n }]);
  const tallies = [{ key: 'licence', add: 6n, limit: 750n, code: 'licence-exceeded' as const }];
  expect(await store.reserve(reservation({ id: 'c8', spends: [spend('coin8')], tallies }))).toMatchObject({
    kind: 'over',
  });
  expect(await store.reserve(reservation({ id: 'c8', spends: [spend('coin8')] }))).toEqual({ kind: 'won' });
  await store.close();
});
