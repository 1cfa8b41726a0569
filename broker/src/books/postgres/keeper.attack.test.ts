// A server that is stopped dead, a connection that is cut at the worst moment, processes that want the same, rows that somebody
// changed by hand: brokers over one PostgreSQL must give the answers that one broker with a file would.
import { setTimeout as pause } from 'node:timers/promises';
import { cuttingProxy, type PostgresServer, startPostgres } from '@farthing/node-kit/testing';
import type { Order } from '@farthing/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningBroker, startBroker } from '../../start.ts';
import { Bench, Person, Site } from '../../testing/client.ts';
import { newDatabase } from '../../testing/postgres.ts';
import { Processes } from '../../testing/process.ts';
import { Line } from './line.ts';

let server: PostgresServer;
const processes = new Processes();
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(async () => {
  processes.kill();
  await server.stop();
}, 60_000);

/** Brokers with one name, one ledger and an address each. */
class Street implements AsyncDisposable {
  readonly bench = new Bench();
  readonly more: RunningBroker[] = [];
  readonly urls: string[] = [];

  /** @param url of their database, if not directly at the server */
  async open(count: number, url?: string): Promise<this> {
    this.bench.database = url ?? (await newDatabase(server.url));
    await this.bench.start();
    this.urls.push(this.bench.url);
    const { data, env } = this.bench;
    for (let n = 1; n < count; n++) {
      this.more.push(await startBroker({ data, database: this.bench.database, test: true, env }));
    }
    this.urls.push(...this.more.map((broker) => broker.url));
    return this;
  }

  /** As it comes, from one of them. */
  async ask(at: number, path: string, order: Order): Promise<{ status: number; text: string }> {
    const response = await fetch(`${this.urls[at % this.urls.length]}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(order),
    });
    return { status: response.status, text: await response.text() };
  }

  async balance(of: Person): Promise<bigint> {
    return BigInt(String((await of.statement())['balance']));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.more.map((broker) => broker.close()));
    await this.bench[Symbol.asyncDispose]();
  }
}

const BUY = '/v1/scrip/buy';

test('a server that is stopped dead again and again: 32 clients hear 503 at worst, nothing is lost, and all sums are equal', async () => {
  await using street = await new Street().open(2);
  const site = await new Site(street.bench).open();
  const accounts = Array.from({ length: 10 }, () => new Person(street.bench));
  const FUNDS = 5_000_000n;
  for (const account of accounts) await account.faucet(FUNDS);
  const spent = new Map(accounts.map((account) => [account.pk, 0n]));
  const answered: { order: Order; text: string }[] = [];
  const statuses = new Set<number>();
  let running = true;
  const client = async (name: number) => {
    const account = accounts[name % accounts.length] as Person;
    for (let n = 0; running; n++) {
      const value = BigInt(1 + ((name + n) % 9));
      const order = account.buyOrder(site.vnd, value);
      // The same order until somebody says what became of it, by turns at both brokers.
      for (let tries = 0; ; tries++) {
        const { status, text } = await street.ask(name + tries, BUY, order);
        statuses.add(status);
        if (status === 200) {
          answered.push({ order, text });
          spent.set(account.pk, (spent.get(account.pk) ?? 0n) + value);
          break;
        }
        await pause(20);
      }
    }
  };
  const clients = Array.from({ length: 32 }, (_, name) => client(name));
  for (let stop = 0; stop < 3; stop++) {
    const before = answered.length;
    await expect.poll(() => answered.length, { timeout: 30_000 }).toBeGreaterThan(before + 150);
    await server.kill();
    await server.start();
  }
  running = false;
  await Promise.all(clients);
  expect([...statuses].every((status) => status === 200 || status === 503)).toBe(true);
  for (const account of accounts) expect(await street.balance(account)).toBe(FUNDS - (spent.get(account.pk) ?? 0n));
  for (const { order, text } of answered.filter((_, n) => n % 20 === 0)) {
    expect(await street.ask(1, BUY, order)).toEqual({ status: 200, text });
  }
  expect(await street.bench.audit()).toMatchObject({ ok: true, pieces: answered.length });
}, 180_000);

test('a connection that is cut between the commit and its answer: the customer hears the answer, and it has one effect', async () => {
  const url = new URL(await newDatabase(server.url));
  const proxy = await cuttingProxy(Number(url.port));
  url.port = String(proxy.port);
  {
    await using street = await new Street().open(1, url.href);
    const site = await new Site(street.bench).open();
    const anna = new Person(street.bench);
    await anna.faucet(1_000n);
    const order = anna.buyOrder(site.vnd, 10n);
    proxy.cutAtCommit();
    const first = await street.ask(0, BUY, order);
    expect([first.status, proxy.cuts]).toEqual([200, 1]);
    expect(await street.ask(0, BUY, order)).toEqual(first);
    expect(await street.balance(anna)).toBe(990n);
    expect(await street.bench.audit()).toMatchObject({ ok: true, pieces: 1 });
  }
  await proxy.close();
});

test('one purchase that is sent to four processes at once has one effect and one answer', async () => {
  await using street = await new Street().open(1);
  const { data, database = '' } = street.bench;
  const served = await Promise.all(
    [1, 2, 3].map(() => processes.serve(data, '--test', '--json', '--database', database)),
  );
  street.urls.push(...served.map(({ line }) => (JSON.parse(line) as { url: string }).url));
  const site = await new Site(street.bench).open();
  const anna = new Person(street.bench);
  await anna.faucet(10_000n);
  for (let round = 0; round < 5; round++) {
    const order = anna.buyOrder(site.vnd, 7n);
    const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => street.ask(n, BUY, order)));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
  }
  expect(await street.balance(anna)).toBe(10_000n - 35n);
  expect(await street.bench.audit()).toMatchObject({ ok: true, pieces: 5 });
});

test('two brokers cannot spend the same money: of forty purchases ten are sold, whoever asks where', async () => {
  await using street = await new Street().open(2);
  const site = await new Site(street.bench).open();
  const anna = new Person(street.bench);
  await anna.faucet(100n);
  const replies = await Promise.all(
    Array.from({ length: 40 }, (_, n) => street.ask(n, BUY, anna.buyOrder(site.vnd, 10n))),
  );
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(10);
  expect(replies.filter(({ text }) => text.includes('balance-short'))).toHaveLength(30);
  expect(await street.balance(anna)).toBe(0n);
  expect(await street.bench.audit()).toMatchObject({ ok: true });
});

test('a row that somebody changed by hand is not written over by what a broker remembers of it', async () => {
  await using street = await new Street().open(1);
  const site = await new Site(street.bench).open();
  const anna = new Person(street.bench);
  await anna.faucet(1_000n);
  await anna.buy(site.vnd, 10n);
  const line = await Line.open(street.bench.database ?? '');
  await line.script(`UPDATE balance SET amount = 500 WHERE account = 'user:${anna.pk}'`);
  await anna.buy(site.vnd, 10n);
  const [row] = await line.script(`SELECT amount FROM balance WHERE account = 'user:${anna.pk}'`);
  await line.close();
  expect(row).toEqual({ amount: 490n });
  // Which the audit does not let pass.
  expect((await street.bench.audit()).findings).toContainEqual(expect.objectContaining({ table: 'balance' }));
});

test('a program older than the tables does not start, and one that is overtaken writes nothing more', async () => {
  await using street = await new Street().open(1);
  const anna = new Person(street.bench);
  await anna.faucet(1n);
  const line = await Line.open(street.bench.database ?? '');
  await line.script('UPDATE version SET n = n + 1');
  expect((await street.ask(0, '/v1/faucet', anna.order('faucet/1', { amount: '1', cur: 'usd-micro' }))).status).toBe(
    503,
  );
  const ready = await fetch(`${street.bench.url}/ready`);
  expect(await ready.json()).toMatchObject({ reasons: ['schema'] });
  const { data, database } = street.bench;
  await expect(startBroker({ data, database, test: true })).rejects.toThrow('newer version of Farthing');
  await line.script('UPDATE version SET n = n - 1');
  await line.close();
  expect(await anna.faucet(1n)).toMatchObject({ balance: '2' });
});

test('a server that loses what it has acknowledged is refused', async () => {
  const careless = await startPostgres(['synchronous_commit=off']);
  const bench = new Bench();
  await expect(bench.start({ database: careless.url })).rejects.toThrow('synchronous_commit = off');
  await bench[Symbol.asyncDispose]();
  await careless.stop();
});
