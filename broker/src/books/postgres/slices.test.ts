// A batch that changes much is written in slices, while the next is decided: it stands as a whole or not at all.
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

const CUR = 'usd-micro';
/** More changes than a slice has. */
const LONG = 1_000;

async function opened() {
  const url = await newDatabase(server.url);
  const batches: number[] = [];
  const keeper = await postgresKeeper(url, ({ operations }) => batches.push(operations));
  const get = keeper.books.prepare('SELECT amount FROM balance WHERE account = ? AND cur = ?');
  const put = keeper.books.prepare(
    'INSERT INTO balance (account, cur, amount) VALUES (?, ?, ?) ON CONFLICT (account, cur) DO UPDATE SET amount = excluded.amount',
  );
  const balance = (account: string): bigint => BigInt(String(get.get(account, CUR)?.['amount'] ?? 0));
  /** Each is a slice. */
  const long = <Result>(operation: () => Result): Promise<Result> =>
    keeper.run(() => {
      for (let n = 0; n < LONG; n++) put.run('busy', CUR, n % 2);
      return operation();
    });
  const add = (account: string, amount: bigint): bigint => {
    const next = balance(account) + amount;
    put.run(account, CUR, next);
    return next;
  };
  const line = await Line.open(url);
  const stored = async () => {
    const rows = await line.script("SELECT account, amount FROM balance WHERE account <> 'busy' ORDER BY account");
    return Object.fromEntries(rows.map(({ account, amount }) => [account, amount]));
  };
  const close = async () => {
    await line.close();
    await keeper.close();
  };
  return { keeper, long, add, balance, batches, line, stored, close };
}

test('later slices see what earlier ones wrote, and a row that all of them change ends as the last one left it', async () => {
  const { long, add, batches, stored, close } = await opened();
  const seen = await Promise.all([1n, 2n, 3n, 4n].map((n) => long(() => [add('hot', n), add(`own ${n}`, n)])));
  expect(seen.map(([hot]) => hot)).toEqual([1n, 3n, 6n, 10n]);
  expect(await stored()).toEqual({ hot: 10n, 'own 1': 1n, 'own 2': 2n, 'own 3': 3n, 'own 4': 4n });
  expect(batches).toEqual([4]);
  await close();
});

test('what the server refuses of one slice while the next are decided, or ask for more, spoils no other order', async () => {
  const { long, add, balance, stored, close } = await opened();
  const done = await Promise.allSettled([
    long(() => add('a', 1n)),
    // Nothing here objects to a debt of this account: the server does.
    long(() => add('b', -1n)),
    long(() => add('c', 1n)),
    long(() => [add('d', 1n), balance('named late')]),
  ]);
  expect(done.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(String(done[1]?.status === 'rejected' && done[1].reason)).toContain('balance');
  expect(await stored()).toEqual({ a: 1n, c: 1n, d: 1n });
  await close();
});

test('a slice whose row somebody has changed meanwhile undoes the whole, which is decided again and stands once', async () => {
  const { long, add, balance, line, stored, close } = await opened();
  await long(() => add('a', 1n));
  await line.script("UPDATE balance SET amount = 100 WHERE account = 'a'");
  const seen = await Promise.all([
    long(() => add('a', 1n)),
    long(() => add('b', 1n)),
    long(() => [add('c', 1n), balance('named late')]),
  ]);
  expect(seen).toEqual([101n, 1n, [1n, 0n]]);
  expect(await stored()).toEqual({ a: 101n, b: 1n, c: 1n });
  await close();
});

test('one that fails halfway in a later slice leaves what the earlier ones sent', async () => {
  const { long, add, stored, close } = await opened();
  const done = await Promise.allSettled([
    long(() => add('a', 1n)),
    long(() => {
      add('a', 1n);
      add('b', 1n);
      throw new Error('short');
    }),
    long(() => add('a', 1n)),
  ]);
  expect(done.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await stored()).toEqual({ a: 2n });
  await close();
});
