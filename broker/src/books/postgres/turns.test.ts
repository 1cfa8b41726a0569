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
    look: () => keeper.read(() => get.get('all', 'usd-micro')?.['amount'] ?? 0n),
    /** @returns how far the count is now */
    count: () =>
      keeper.run(() => {
        const next = BigInt(String(get.get('all', 'usd-micro')?.['amount'] ?? 0)) + 1n;
        set.run('all', 'usd-micro', next);
        return next;
      }),
  };
}

test('brokers that start at the same moment where there are no tables yet all start', async () => {
  for (let round = 0; round < 5; round++) {
    const url = await newDatabase(server.url);
    const keepers = await Promise.all(Array.from({ length: 6 }, () => postgresKeeper(url)));
    for (const keeper of keepers) await keeper.close();
  }
});

test('brokers that write all the time count what they share without a gap, and none of them waits in vain', async () => {
  const url = await newDatabase(server.url);
  // One after the other: who makes the tables at the same time as others does that twice.
  const counters = [await counter(url), await counter(url), await counter(url), await counter(url)];
  const ROUNDS = 50;
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
  // A few of each broker, until it knows that it is not alone. Without a queue every turn undoes what waits for it.
  expect(await undone(url)).toBeLessThan(ROUNDS / 2);
});

test('who looks at, or decides on, what another has changed meanwhile sees it, and changes it once', async () => {
  const url = await newDatabase(server.url);
  const [anna, ben] = [await counter(url), await counter(url)];
  // Each time all that the next count needs is remembered, and wrong.
  for (const [at, { count }] of [anna, anna, ben, ben, anna, ben, anna, anna].entries()) {
    expect(await count()).toBe(BigInt(at + 1));
    expect(await Promise.all([anna.look(), ben.look()])).toEqual([BigInt(at + 1), BigInt(at + 1)]);
  }
  for (const { keeper } of [anna, ben]) await keeper.close();
});

/** A broker that moves money between accounts, and notices only in the middle that there is not enough. */
async function bank(url: string) {
  const keeper = await postgresKeeper(url);
  const get = keeper.books.prepare('SELECT amount FROM balance WHERE account = ? AND cur = ?');
  const put = keeper.books.prepare(
    'INSERT INTO balance (account, cur, amount) VALUES (?, ?, ?) ON CONFLICT (account, cur) DO UPDATE SET amount = excluded.amount',
  );
  const note = keeper.books.prepare(
    'INSERT INTO refusal (from_key, rid, hash, code, extra, until_ms) VALUES (?, ?, ?, ?, ?, ?)',
    { unread: true },
  );
  const cur = 'usd-micro';
  const add = (account: string, amount: bigint) => {
    const next = BigInt(String(get.get(account, cur)?.['amount'] ?? 0)) + amount;
    put.run(account, cur, next);
    if (next < 0n) throw new Error('short');
  };
  return {
    keeper,
    give: (to: string, amount: bigint) => keeper.run(() => add(to, amount)),
    move: (name: string, { from, to, amount }: { from: string; to: string; amount: bigint }) =>
      keeper.run(() => {
        note.run(from, name, new Uint8Array(32), 'moved', '', amount);
        add(to, amount);
        add(from, -amount);
      }),
  };
}

test('of what two brokers decide beside each other, what fails halfway leaves nothing, and takes nothing else with it', async () => {
  const url = await newDatabase(server.url);
  const banks = [await bank(url), await bank(url)];
  const accounts = ['a', 'b', 'c', 'd'];
  for (const account of accounts) await banks[0]?.give(account, 20n);
  const moves = Array.from({ length: 400 }, (_, n) => {
    const [from = '', to = ''] = [accounts[n % 4], accounts[(n * 7 + 1 + (n % 3)) % 4]];
    return { name: String(n), from, to: to === from ? 'e' : to, amount: BigInt(1 + ((n * 13) % 17)) };
  });
  const done = await Promise.allSettled(moves.map(({ name, ...move }, n) => banks[n % 2]?.move(name, move)));
  const stood = moves.filter((_, n) => done[n]?.status === 'fulfilled');
  const failed = done.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
  expect([stood.length, failed.length].every((count) => count > 20)).toBe(true);
  expect(new Set(failed)).toEqual(new Set(['Error: short']));
  const line = await Line.open(url);
  const noted = await line.script('SELECT rid FROM refusal');
  expect(new Set(noted.map(({ rid }) => rid))).toEqual(new Set(stood.map(({ name }) => name)));
  for (const account of [...accounts, 'e']) {
    const came = stood.filter(({ to }) => to === account).reduce((sum, { amount }) => sum + amount, 0n);
    const went = stood.filter(({ from }) => from === account).reduce((sum, { amount }) => sum + amount, 0n);
    const [row] = await line.script(`SELECT amount FROM balance WHERE account = '${account}'`);
    expect(row?.['amount']).toBe((account === 'e' ? 0n : 20n) + came - went);
  }
  await line.close();
  for (const { keeper } of banks) await keeper.close();
});

test('who loses his place in the queue, or the turn, writes all the same, and once', async () => {
  const url = await newDatabase(server.url);
  const counters = [await counter(url), await counter(url), await counter(url)];
  const line = await Line.open(url);
  const end = `SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE`;
  const counted: bigint[] = [];
  const counting = counters.map(async ({ count }) => {
    for (let round = 0; round < 20; round++) counted.push(await count());
  });
  // Connections of the queue, then all.
  let ended = 0n;
  for (const kind of ['%FROM gate%', '%']) {
    const before = counted.length;
    await expect.poll(() => counted.length).toBeGreaterThan(before + 10);
    ended += BigInt(String((await line.script(`${end} '${kind}'`))[0]?.['n']));
  }
  await Promise.all(counting);
  expect(ended).toBeGreaterThan(0n);
  expect(counted.sort((a, b) => Number(a - b))).toEqual(Array.from({ length: 60 }, (_, n) => BigInt(n + 1)));
  await line.close();
  for (const { keeper } of counters) await keeper.close();
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
