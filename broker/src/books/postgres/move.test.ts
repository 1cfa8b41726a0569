// A ledger with a row in every table moves from its file into PostgreSQL while its broker runs.
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type PostgresServer, startPostgres } from '@farthing/node-kit/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exportLines, settlement } from '../../operate-bulk.ts';
import { migrateTables, moveBooks } from '../../operate-move.ts';
import { Bench, Person } from '../../testing/client.ts';
import { makeOlder } from '../../testing/older.ts';
import { newDatabase } from '../../testing/postgres.ts';
import { COINS, tellStory } from '../../testing/story.ts';
import type { Place } from '../open.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.stop(), 60_000);

const silent = () => undefined;
const ALWAYS = { sinceMs: 0, untilMs: 8e15 };

async function exported(place: Place, account: string | undefined): Promise<string> {
  const out = new PassThrough();
  const all = text(out);
  await exportLines(place, { period: ALWAYS, account, format: 'csv' }, out);
  out.end();
  return all;
}

test('a live ledger moves with all that is in it; its file takes nothing more; repeats get their old answers', async () => {
  await using bench = await new Bench().start({ ecash: COINS });
  const { anna } = await tellStory(bench);
  const order = anna.order('faucet/1', { amount: '5', cur: 'usd-micro' });
  const answer = await bench.post('/v1/faucet', order);
  const { head, entries } = await bench.audit();
  const database = await newDatabase(server.url);
  const told: string[] = [];
  const { json, status } = await moveBooks({ data: bench.data, database }, (line) => told.push(line));
  expect([status, json]).toEqual([0, expect.objectContaining({ head, entries })]);
  expect(told.some((line) => /^posting there: \d+ of \d+$/.test(line))).toBe(true);

  // The broker that still has the file open.
  expect((await bench.post('/v1/faucet', anna.order('faucet/1', { amount: '5', cur: 'usd-micro' }))).status).toBe(503);
  expect(await bench.audit()).toMatchObject({ ok: true, head });
  await bench.stop();
  await expect(bench.start()).rejects.toThrow('was moved to PostgreSQL');
  for (const account of [undefined, `user:${anna.pk}`, 'vendor:news.example']) {
    const there = await exported({ data: bench.data, database }, account);
    expect(there.split('\n').length).toBeGreaterThan(4);
    expect(there).toBe(await exported({ data: bench.data }, account));
  }
  const settled = async (place: Place) => (await settlement(place, { period: ALWAYS }, silent)).json;
  expect(await settled({ data: bench.data, database })).toEqual(await settled({ data: bench.data }));

  bench.database = database;
  await bench.start({ ecash: COINS });
  expect((await bench.post('/v1/faucet', order)).text).toBe(answer.text);
  await anna.faucet(7n);
  expect(await bench.audit()).toMatchObject({ ok: true, entries: entries + 1 });
});

test('a ledger does not move onto another one', async () => {
  await using bench = await new Bench().start();
  await new Person(bench).faucet(5n);
  await using other = new Bench();
  other.database = await newDatabase(server.url);
  await other.start();
  await expect(moveBooks({ data: bench.data, database: other.database }, silent)).rejects.toThrow('already');
  expect(await new Person(bench).faucet(5n)).toMatchObject({ balance: '5' });
});

test('a report that takes its time between two questions is not cut off by the server', async () => {
  await using bench = new Bench();
  bench.database = await newDatabase(server.url);
  await bench.start();
  await new Person(bench).faucet(5n);
  const hurried = new URL(bench.database);
  // Who thinks in the middle of a transaction is thrown out after a millisecond, instead of ten seconds.
  hurried.searchParams.set('options', '-c search_path=farthing_broker -c idle_in_transaction_session_timeout=1');
  bench.database = hurried.href;
  expect(await bench.audit()).toMatchObject({ ok: true, entries: 1 });
});

test('tables go forward, after a dry run that changes nothing', async () => {
  await using bench = await new Bench().start();
  await bench.stop();
  const { json } = await migrateTables({ data: bench.data }, true);
  const { to } = json as { to: number };
  makeOlder(bench.data, to - 1);
  const dry = { from: to - 1, to, dry: true };
  expect((await migrateTables({ data: bench.data }, true)).json).toEqual(dry);
  expect((await migrateTables({ data: bench.data }, true)).json).toEqual(dry);
  expect((await migrateTables({ data: bench.data }, false)).json).toEqual({ ...dry, dry: false });
  const database = await newDatabase(server.url);
  expect((await migrateTables({ data: bench.data, database }, true)).json).toEqual({ from: 0, to, dry: true });
  expect((await migrateTables({ data: bench.data, database }, false)).json).toEqual({ from: 0, to, dry: false });
  expect((await migrateTables({ data: bench.data, database }, false)).json).toEqual({ from: to, to, dry: false });
});
