import { DatabaseSync } from 'node:sqlite';
import { type JsonObject, LOOPBACK, vendorRecordSchema, verifyObject } from '@farthing/protocol';
import * as v from 'valibot';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listVendors, statement } from './operate.ts';
import { FaucetMeter } from './services/faucet-meter.ts';
import { ledgerPath } from './start.ts';
import { Bench, DAY_SECONDS, Person, pieceOf, Site, soldOf } from './testing/client.ts';
import { isOnPostgres } from './testing/postgres.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await new Bench().start();
});
afterEach(() => bench[Symbol.asyncDispose]());

const linesOf = (answer: JsonObject) => answer['lines'] as { seq: number; kind: string; amount: string; ref: string }[];

test('a site registers and grants a licence, a customer buys its scrip, and the site is paid', async () => {
  const site = await new Site(bench).open();
  const anna = new Person(bench);
  expect(await anna.faucet(5_000_000n)).toEqual({ balance: '5000000', cur: 'usd-micro' });
  const sold = await anna.buy(site.vnd, 10_000n);
  expect(sold.balance).toBe('4990000');
  const { scrip } = pieceOf(sold);
  expect(scrip).toMatchObject({ vnd: site.vnd, val: '10000', root: 'k1.1001', id: 'k1.1001' });
  const paid = await site.redeem([{ root: scrip.root, cum: 1500n }]);
  expect(paid).toMatchObject({ balance: '1500', roots: [{ root: 'k1.1001', credited: '1500' }] });
});

test('the broker keeps its fee of the sum, however small the claims are cut', async () => {
  const site = await new Site(bench).open({ feeBps: 250 });
  const anna = new Person(bench);
  await anna.faucet(5_000_000n);
  const { scrip } = pieceOf(await anna.buy(site.vnd, 1_000n));
  for (let cum = 1n; cum <= 100n; cum += 9n) await site.redeem([{ root: scrip.root, cum }]);
  const last = await site.redeem([{ root: scrip.root, cum: 1_000n }]);
  expect(last['balance']).toBe('975');
  expect((await statement(bench.place)).json).toMatchObject({
    totals: expect.arrayContaining([{ kind: 'fees', cur: 'usd-micro', accounts: 1, amount: '25' }]),
  });
  expect((await listVendors(bench.place)).lines).toEqual(['news.example\t$0.000975\t0 alarms\tNews']);
});

test('a statement tells an account’s entries in pages, and a site’s to the site', async () => {
  const site = await new Site(bench).open();
  const anna = new Person(bench);
  await anna.faucet(5_000_000n);
  const { scrip } = pieceOf(await anna.buy(site.vnd, 10_000n, { count: 2 }));
  await anna.buy(site.vnd, 5n);
  await site.redeem([{ root: scrip.root, cum: 1_500n }]);
  const [first, ...rest] = linesOf(await anna.statement());
  expect([first, ...rest].map((line) => [line?.kind, line?.amount, line?.ref])).toEqual([
    ['faucet', '5000000', ''],
    ['scrip-buy', '-20000', site.vnd],
    ['scrip-buy', '-5', site.vnd],
  ]);
  expect(linesOf(await anna.statement({ after: first?.seq ?? 0 }))).toEqual(rest);
  expect(linesOf(await anna.statement({ limit: 1 }))).toEqual([first]);
  expect(linesOf(await site.statement({ vnd: site.vnd }))).toMatchObject([{ kind: 'scrip-redeem', amount: '1500' }]);
  expect(linesOf(await new Person(bench).statement())).toEqual([]);
});

test('the record of a site is signed by the broker, loopback included in test mode', async () => {
  const site = new Site(bench);
  await bench.send('/v1/vendors', site.registerOrder({ origins: [LOOPBACK] }));
  const json: unknown = await (await fetch(`${bench.url}/v1/vendors/${site.vnd}`)).json();
  const record = v.parse(vendorRecordSchema, json);
  expect(record).toMatchObject({ vnd: site.vnd, pk: site.pk, origins: [LOOPBACK] });
  expect(verifyObject(record, bench.public.root, record.sig, bench.env().crypto)).toBe(true);
});

test('released scrip is renewed with its exact value, or kept as broker scrip', async () => {
  const site = await new Site(bench).open();
  const anna = new Person(bench);
  await anna.faucet(5_000_000n);
  const { pieces } = await anna.buy(site.vnd, 10_000n, { count: 2 });
  const [a, b] = pieces.map(({ scrip }) => site.release(scrip, anna.pk, 7_001n));
  const renew = anna.order('scrip-renew/1', { release: a ?? null, ttl: 9 * DAY_SECONDS });
  const { scrip } = pieceOf(soldOf(await bench.send('/v1/scrip/renew', renew)));
  expect(scrip).toMatchObject({ vnd: site.vnd, val: '7001', root: 'k1.1003' });
  expect(scrip.exp).toBeGreaterThan(Date.now() / 1000 + 8 * DAY_SECONDS);
  const refund = anna.order('scrip-refund/1', { release: b ?? null, as: 'scrip' });
  const kept = soldOf(await bench.send('/v1/scrip/refund', refund));
  expect(pieceOf(kept).scrip).toMatchObject({ vnd: bench.public.brk, val: '7001' });
  expect(kept.balance).toBe('4980000');
});

test('a site reads its licences, countersigned, with what was sold under each', async () => {
  const site = await new Site(bench).open();
  const anna = new Person(bench);
  await anna.faucet(5_000_000n);
  await anna.buy(site.vnd, 10n, { count: 3 });
  const list = await bench.send('/v1/scrip/licences/list', site.order('scrip-licences/1', { vnd: site.vnd }));
  expect(list).toMatchObject({
    licences: [{ sold: '30', next: 1004, licence: { kid: 'k1', sigs: { b: expect.any(String) } } }],
  });
});

test.skipIf(isOnPostgres)(
  'a fault of the database is a 503 to repeat, logged without anything of the order',
  async () => {
    const anna = new Person(bench);
    const db = new DatabaseSync(ledgerPath(bench.data));
    db.exec('ALTER TABLE balance RENAME TO elsewhere');
    const order = anna.order('faucet/1', { amount: '5', cur: 'usd-micro' });
    const reply = await bench.post('/v1/faucet', order);
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '2']);
    expect(reply.body).toMatchObject({ code: 'unavailable', consumed: 'unknown' });
    expect(bench.log).toEqual([
      'ERROR an answer failed method=POST path=/v1/faucet fault="Error: no such table: balance"',
    ]);
    db.exec('ALTER TABLE elsewhere RENAME TO balance');
    db.close();
    expect(await bench.send('/v1/faucet', order)).toMatchObject({ balance: '5' });
    expect((await bench.audit()).findings).toEqual([]);
  },
);

test('two brokers in one process, and one after another on the same data, are who they were', async () => {
  const { brk } = bench.public;
  await using other = await new Bench().start();
  expect(other.public.brk).not.toBe(brk);
  await bench.stop();
  await bench.start();
  expect(bench.public.brk).toBe(brk);
});

test('a port that is taken is an error that says so, and leaves the data as it was', async () => {
  await using other = new Bench();
  const port = Number(new URL(bench.url).port);
  await expect(other.start({ port })).rejects.toThrow('--port');
  await other.start();
});

test('the faucet remembers a bounded number of accounts, for an hour', () => {
  let orders = 0;
  const gift = (amount: bigint) => ({ rid: `${orders++}`, amount });
  const meter = new FaucetMeter(10n);
  for (let i = 0; i < 10_000; i++) meter.take(`user:${i}`, gift(1n), 5);
  expect(() => meter.take('user:one-more', gift(1n), 5)).toThrow('faucet-limit');
  meter.take('user:7', gift(49n), 5);
  expect(() => meter.take('user:7', gift(1n), 5)).toThrow('faucet-limit');
  meter.take('user:one-more', gift(1n), 3_600_000);
});
