// Brokers that write at the same time take turns: each gets its own, and decides on what the others have written.
import { type PostgresServer, startPostgres } from '@farthing/node-kit/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newDatabase } from '../../testing/postgres.ts';
import { postgresKeeper } from './keeper.ts';
import { Line } from './line.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.stop(), 60_000);

/** A broker that counts, in one row that all of them share. */
async function counter(url: string) {
  const keeper = await postgresKeeper(url);
  const get = keeper.books.prepare('SELECT amount FROM balance WHERE account = ? AND cur = ?');
  const set = keeper.books.prepare(
    'INSERT INTO balance (account, cur, amount) VALUES (?, ?, ?) ON CONFLICT (account, cur) DO UPDATE SET amount = excluded.amount',
  );
  return {
    keeper,
    /** @returns how far the count is now */
    count: () =>
      keeper.run(() => {
        const next = BigInt(String(get.get('all', 'usd-micro')?.['amount'] ?? 0)) + 1n;
        set.run('all', 'usd-micro', next);
        return next;
      }),
  };
}

test('brokers that write all the time count what they share without a gap, and none of them waits in vain', async () => {
  const url = await newDatabase(server.url);
  const counters = await Promise.all(Array.from({ length: 4 }, () => counter(url)));
  const ROUNDS = 25;
  const counted = await Promise.all(
    counters.map(async ({ count }) => {
      const seen: bigint[] = [];
      for (let round = 0; round < ROUNDS; round++) seen.push(await count());
      return seen;
    }),
  );
  const all = counted.flat().sort((a, b) => Number(a - b));
  expect(all).toEqual(Array.from({ length: 4 * ROUNDS }, (_, n) => BigInt(n + 1)));
  for (const { keeper } of counters) await keeper.close();
  // One or two of each broker, until it knows that it is not alone: without a queue it would be one of every waiting broker each time.
  expect(await undone(url)).toBeLessThan(4 * 3);
});

/** Transactions that did not stand. The server has counted all of them when nobody else is connected. */
async function undone(url: string): Promise<number> {
  const line = await Line.open(url);
  const own = 'FROM pg_stat_database WHERE datname = current_database()';
  await expect.poll(async () => (await line.script(`SELECT numbackends AS n ${own}`))[0]).toEqual({ n: 1 });
  const [row] = await line.script(`SELECT xact_rollback AS n ${own}`);
  await line.close();
  return Number(row?.['n']);
}
