// What the service says of itself while its books are right, and after somebody has changed a row by hand.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ledgerPath } from '../start.ts';
import { Bench, Person, USD } from '../testing/client.ts';
import { COINS, tellStory } from '../testing/story.ts';
import { type Drift, type LawName, Pass, type Reader } from './laws.ts';
import { Looks } from './look.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await new Bench().start({ lawsEveryMs: 20 });
});
afterEach(() => bench[Symbol.asyncDispose]());

/** As an intruder with the file would. */
function edit(path: string, ...statements: string[]): void {
  const db = new DatabaseSync(path, { timeout: 5000 });
  db.exec('PRAGMA ignore_check_constraints=ON; PRAGMA foreign_keys=OFF');
  for (const sql of statements) db.exec(sql);
  db.close();
}

const byHand = (...statements: string[]) => edit(ledgerPath(bench.data), ...statements);

async function looked(path = ledgerPath(bench.data)): Promise<readonly Drift[]> {
  const db = new DatabaseSync(path, { readOnly: true, readBigInts: true });
  const read: Reader = (sql, ...values) => db.prepare(sql).all(...values);
  try {
    return await new Looks().look(read);
  } finally {
    db.close();
  }
}

async function ready(): Promise<string> {
  const response = await fetch(`${bench.url}/ready`);
  const body = (await response.json()) as { reasons?: string[] };
  return [response.status, ...(body.reasons ?? [])].join(' ');
}

async function until(said: string): Promise<void> {
  while ((await ready()) !== said) await new Promise((done) => setImmediate(done));
}

describe('a running broker', () => {
  test('is alive and ready while its books are right', async () => {
    await new Person(bench).faucet(5n);
    expect(await looked()).toEqual([]);
    expect(await ready()).toBe('200');
    expect((await fetch(`${bench.url}/health`)).status).toBe(200);
    expect(bench.log).toEqual([]);
  });

  test('is not ready, cries out once and books nothing while a balance is not what was booked, and is alive all the same', async () => {
    const anna = new Person(bench);
    const paid = anna.order('faucet/1', { amount: '5', cur: 'usd-micro' });
    const answer = await bench.send('/v1/faucet', paid);
    byHand("UPDATE balance SET amount = amount + 7 WHERE account LIKE 'user:%'");
    await until('503 laws');
    expect((await fetch(`${bench.url}/health`)).status).toBe(200);
    expect(await bench.refused('/v1/faucet', anna.order('faucet/1', { amount: '5', cur: 'usd-micro' }))).toBe(
      'unavailable',
    );
    expect(await bench.send('/v1/faucet', paid), 'what was answered stays answered').toEqual(answer);
    await anna.statement();
    await until('503 laws');
    expect(bench.log.filter((line) => line.includes('law=balances'))).toEqual([
      'ERROR ALARM: a law of the books is broken; nothing is booked until it holds again law=balances cur=usd-micro drift=7',
    ]);

    byHand("UPDATE balance SET amount = amount - 7 WHERE account LIKE 'user:%'");
    await bench.stop();
    await bench.start({ lawsEveryMs: 20 });
    expect(await bench.refused('/v1/faucet', anna.order('faucet/1', { amount: '5', cur: 'usd-micro' }))).toBe(
      'accepted',
    );
  });

  test('is not ready when a newer program has taken its ledger over', async () => {
    byHand('PRAGMA user_version = 10000');
    expect(await ready()).toBe('503 schema');
  });

  test('is not ready once a commit has failed, because only a restart tells what is on disk', async () => {
    // Whatever is booked from now on breaks a foreign key that is looked at by COMMIT alone.
    byHand(
      'CREATE TABLE parent (id INTEGER PRIMARY KEY)',
      'CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)',
      'CREATE TRIGGER orphan AFTER INSERT ON journal BEGIN INSERT INTO child VALUES (1); END',
    );
    const anna = new Person(bench);
    expect(await bench.refused('/v1/faucet', anna.order('faucet/1', { amount: '5', cur: USD }))).toBe('unavailable');
    expect(await ready()).toBe('503 database');
    expect((await fetch(`${bench.url}/health`)).status).toBe(200);
  });
});

describe('each law is missed when a row of its tables is changed', () => {
  const told = new Bench();
  beforeAll(async () => {
    await told.start({ ecash: COINS });
    await tellStory(told);
    await told.stop();
  });
  afterAll(() => told[Symbol.asyncDispose]());

  /** In a copy. */
  async function after(...edits: string[]): Promise<string[]> {
    const path = join(bench.data, 'told.db');
    rmSync(path, { force: true });
    const copy = new DatabaseSync(ledgerPath(told.data));
    copy.exec(`VACUUM INTO '${path}'`);
    copy.close();
    edit(path, ...edits);
    return (await looked(path)).map(({ law }) => law);
  }

  test('and none where nothing was', async () => {
    expect(await after()).toEqual([]);
  });

  const edits: [LawName, string][] = [
    ['journal', 'UPDATE posting SET amount = amount + 1 WHERE seq = 1 AND n = 0'],
    ['journal', 'DELETE FROM posting WHERE seq = 2'],
    ['journal', 'DELETE FROM journal WHERE seq = 2'],
    ['journal', "UPDATE posting SET account = 'fees' WHERE seq = 2 AND n = 0"],
    ['balances', "UPDATE balance SET amount = amount - 1 WHERE account = 'float:scrip'"],
    ['floors', "UPDATE balance SET amount = -1 WHERE account LIKE 'vendor:%'"],
    ['floors', "UPDATE balance SET amount = -1 WHERE account LIKE 'user:%'"],
    ['scrip', 'UPDATE root SET credited = credited + 1 WHERE credited + refunded < face'],
    ['scrip', 'DELETE FROM root'],
    ['chains', 'UPDATE chain SET credited = credited + 1 WHERE credited + refunded < n * unit'],
    ['coins', 'UPDATE keyset SET issued = issued + 1'],
    ['held-coins', "UPDATE coin_payment SET state = 'held', amount = amount + 1000000"],
    ['cheques', 'UPDATE cheque_cert SET kept = kept + 1'],
    ['cheques', "UPDATE cheque SET state = 'held'"],
  ];
  for (const [law, sql] of edits) test(`${law}: ${sql}`, async () => expect(await after(sql)).toContain(law));
});

test('what was booked long ago is looked at again, a stretch at a time', async () => {
  const anna = new Person(bench);
  for (let n = 0; n < 10; n++) await anna.faucet(1n);
  await bench.stop();
  const db = new DatabaseSync(ledgerPath(bench.data), { readBigInts: true });
  const read: Reader = (sql, ...values) => db.prepare(sql).all(...values);
  const pass = new Pass();
  const stretches: boolean[] = [];
  for (let isThrough = false; !isThrough; stretches.push(isThrough)) {
    const done = await pass.go(read, 4);
    expect(done.found).toEqual([]);
    isThrough = done.isThrough;
  }
  expect(stretches).toEqual([false, false, true]);
  db.close();
});
