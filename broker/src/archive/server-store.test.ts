// What archiving changes in PostgreSQL it changes beside brokers that write all the time.
import { type PostgresServer, startPostgres } from '@farthing/node-kit/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postgresKeeper } from '../books/postgres/keeper.ts';
import { newDatabase } from '../testing/postgres.ts';
import { openStore } from './books.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.stop(), 60_000);

const ACCOUNT = `account = 'all' AND cur = 'usd-micro'`;

test('a period is changed between the batches of busy brokers, once, and nothing that they wrote is lost', async () => {
  const url = await newDatabase(server.url);
  const keepers = [await postgresKeeper(url), await postgresKeeper(url), await postgresKeeper(url)];
  let busy = true;
  const written = keepers.map(async (keeper) => {
    const get = keeper.books.prepare('SELECT amount FROM balance WHERE account = ? AND cur = ?');
    const set = keeper.books.prepare(
      'INSERT INTO balance (account, cur, amount) VALUES (?, ?, ?) ON CONFLICT (account, cur) DO UPDATE SET amount = excluded.amount',
    );
    const add = () => set.run('all', 'usd-micro', BigInt(String(get.get('all', 'usd-micro')?.['amount'] ?? 0)) + 1n);
    let count = 0n;
    for (; busy || count === 0n; count++) await keeper.run(add);
    return count;
  });
  const store = await openStore({ data: '', database: url });
  await expect.poll(() => store.all(`SELECT amount FROM balance WHERE ${ACCOUNT}`)).toHaveLength(1);
  const ROUNDS = 20;
  for (let round = 0; round < ROUNDS; round++) {
    await store.inOne(() => store.all(`UPDATE balance SET amount = amount + ? WHERE ${ACCOUNT}`, 1000n));
  }
  busy = false;
  const counts = await Promise.all(written);
  const sum = counts.reduce((all, count) => all + count, 0n);
  const [row] = await store.all(`SELECT amount FROM balance WHERE ${ACCOUNT}`);
  expect(row?.['amount']).toBe(sum + BigInt(ROUNDS) * 1000n);
  await store.close();
  for (const keeper of keepers) await keeper.close();
});
