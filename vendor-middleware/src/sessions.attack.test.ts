// Attacks on sessions over real HTTP (reliability, table C): each is refused cheaply, charges nothing, and delivers nothing.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printCredential } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memory, sqlite, type VendorStore } from './index.ts';
import { Payer } from './testing/payer.ts';
import { problemOf, type TestSite, testSite } from './testing/site.ts';
import { type TinyBroker, tinyBroker } from './testing/tiny-broker.ts';

const PRICE = { price: '0.00001 USD', unit: 'call' };
let broker: TinyBroker;
let data: string;
let runs: number;
const cleanups: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  runs = 0;
  broker = await tinyBroker();
  data = await mkdtemp(join(tmpdir(), 'farthing-sessions-'));
  cleanups.push(
    () => rm(data, { recursive: true, force: true }),
    () => broker.close(),
  );
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const open = async (store: VendorStore, vnd = 'shop.example'): Promise<TestSite> => {
  const options = { methods: ['scrip', 'payword'], log: () => {}, data: join(data, vnd), vnd } as const;
  const site = await testSite({ ...options, on: broker, store });
  cleanups.push(() => site.close());
  site.app.get('/call', site.pay.wall(PRICE), (_req, res) => void res.send(`run ${++runs}`));
  site.app.get('/dear', site.pay.wall({ ...PRICE, price: '1 USD' }), (_req, res) => void res.send(`run ${++runs}`));
  return site;
};
const payerAt = (site: TestSite, n = 100) => new Payer(broker.payword.credit({ vnd: site.pay.vnd, n, unit: 10n }));
const refusal = async (answer: Response) => [answer.status, (await problemOf(answer))['code']];

describe('C1, C2: indices that cannot be', () => {
  test.each([-1, 0, 0.5, 101, 2 ** 32, 2 ** 53, '1e3', [5], null, true])('%j is refused at once', async (i) => {
    const site = await open(memory());
    const payer = payerAt(site);
    await payer.pay(`${site.url}/call`);
    const payload = await payer.next(`${site.url}/call`);
    const { answer } = await payer.send(`${site.url}/call`, { ...payload, i });
    expect([answer.status, runs]).toEqual([402, 1]);
    expect(await problemOf(answer)).toMatchObject({ consumed: false });
    expect((await payer.send(`${site.url}/call`, payload)).answer.status).toBe(200);
  });

  test('a jump above maxStep is refused before it is hashed', async () => {
    const site = await open(memory());
    const payer = payerAt(site, 5000);
    await payer.pay(`${site.url}/call`);
    const payload = await payer.next(`${site.url}/call`, {}, 2000);
    expect(await refusal((await payer.send(`${site.url}/call`, payload)).answer)).toEqual([402, 'step-too-long']);
  });

  test('the last word of the chain is taken, and then it is at its end', async () => {
    const site = await open(memory());
    const payer = payerAt(site, 3);
    for (let i = 0; i < 3; i++) expect((await payer.pay(`${site.url}/call`)).answer.status).toBe(200);
    await site.pay.redeemNow();
    expect([broker.payword.total(), broker.payword.alarms]).toEqual([30n, []]);
  });
});

describe.each([
  ['memory', () => memory()],
  ['SQLite', () => sqlite(join(data, 'shared.db'))],
])('C3: one index at once, on %s', (_, store) => {
  test('of 50 equal requests one runs the handler, all get one receipt', async () => {
    const site = await open(store());
    site.app.post('/order', site.pay.wall(PRICE), (_req, res) => void setTimeout(() => res.send(`${++runs}`), 20));
    const payer = payerAt(site);
    const init = { method: 'POST' };
    const payload = await payer.next(`${site.url}/order`, init);
    const all = await Promise.all(Array.from({ length: 50 }, () => payer.send(`${site.url}/order`, payload, init)));
    expect(all.map(({ answer }) => answer.status)).toEqual(Array.from({ length: 50 }, () => 200));
    expect(new Set(all.map(({ answer }) => answer.headers.get('payment-receipt'))).size).toBe(1);
    expect(runs).toBe(1);
    await site.pay.redeemNow();
    expect(broker.payword.total()).toBe(10n);
  });

  test('words that overtake each other are all served, each once', async () => {
    const site = await open(store());
    const payer = payerAt(site);
    await payer.pay(`${site.url}/call`);
    const payloads = [];
    for (let i = 0; i < 40; i++) payloads.push(await payer.next(`${site.url}/call`));
    const all = await Promise.all(payloads.reverse().map((payload) => payer.send(`${site.url}/call`, payload)));
    const served = all.filter(({ answer }) => answer.status === 200).length;
    expect([served, runs]).toEqual([40, 41]);
    await site.pay.redeemNow();
    expect([broker.payword.total(), broker.payword.alarms]).toEqual([410n, []]);
  });

  test('one word at two routes is served at one', async () => {
    const site = await open(store());
    site.app.get('/other', site.pay.wall(PRICE), (_req, res) => void res.send(`run ${++runs}`));
    const payer = payerAt(site);
    await payer.pay(`${site.url}/call`);
    const payload = await payer.next(`${site.url}/call`);
    const elsewhere = new Payer(payer.piece);
    const both = await Promise.all([
      payer.send(`${site.url}/call`, payload),
      elsewhere.send(`${site.url}/other`, payload),
    ]);
    expect(both.map(({ answer }) => answer.status).sort()).toEqual([200, 402]);
    expect(runs).toBe(2);
  });
});

test('C4: after a restart no index serves again for another request', async () => {
  const path = join(data, 'site.db');
  const first = await open(sqlite(path));
  const payer = payerAt(first);
  const headers = [];
  for (let i = 0; i < 3; i++) headers.push((await payer.pay(`${first.url}/call`)).header);
  await first.close();
  cleanups.pop();
  const second = await open(sqlite(path));
  for (const authorization of headers) {
    const moved = await fetch(`${second.url}/call?other`, { headers: { authorization } });
    expect(await refusal(moved)).toEqual([402, 'index-used']);
  }
  expect((await payer.pay(`${second.url}/call`)).receipt?.details['spent']).toBe('40');
});

describe('C5, C6: commitments', () => {
  test('of another site are refused', async () => {
    const [site, other] = [await open(memory()), await open(memory(), 'other.example')];
    const payer = new Payer(broker.payword.credit({ vnd: other.pay.vnd, n: 10, unit: 10n }));
    expect(await refusal((await payer.pay(`${site.url}/call`)).answer)).toEqual([402, 'cert-foreign']);
  });

  test.each(['cap', 'exp', 'sub'])('with another %s are refused', async (name) => {
    const site = await open(memory());
    const payer = payerAt(site);
    const payload = await payer.next(`${site.url}/call`);
    const commitment = Object(payload['commitment']);
    const value = name === 'exp' ? commitment.exp - 1 : name === 'cap' ? '1' : 'A'.repeat(22);
    const { answer } = await payer.send(`${site.url}/call`, {
      ...payload,
      commitment: { ...commitment, [name]: value },
    });
    expect([answer.status, runs]).toEqual([402, 0]);
  });

  test('are no new session when they are opened again: their words stay used', async () => {
    const site = await open(memory());
    const restored = payerAt(site);
    const { piece } = restored;
    await restored.pay(`${site.url}/call`);
    await restored.pay(`${site.url}/call`);
    const backup = new Payer(piece);
    const again = await backup.pay(`${site.url}/call`);
    expect(await refusal(again.answer)).toEqual([402, 'index-used']);
    expect(runs).toBe(2);
  });

  test('do not stretch to a dearer page', async () => {
    const site = await open(memory());
    const payer = payerAt(site);
    const payload = await payer.next(`${site.url}/call`);
    const dear = new Payer(payer.piece);
    expect(await refusal((await dear.send(`${site.url}/dear`, payload)).answer)).toEqual([402, 'session-short']);
    const challenge = await payer.challenge(`${site.url}/call`);
    const authorization = printCredential({ challenge, payload });
    const moved = await fetch(`${site.url}/dear`, { headers: { authorization } });
    expect(await refusal(moved)).toEqual([402, 'challenge-mismatch']);
    expect(runs).toBe(0);
  });
});

test('C7: nothing is charged after a close, whatever races it', async () => {
  const site = await open(sqlite(join(data, 'close.db')));
  const payer = payerAt(site);
  const { receipt } = await payer.pay(`${site.url}/call`);
  const session = String(receipt?.details['session']);
  const payloads = [];
  for (let i = 0; i < 20; i++) payloads.push(await payer.next(`${site.url}/call`));
  const all = await Promise.all(
    payloads.toSpliced(10, 0, { action: 'close', session }).map((payload) => payer.send(`${site.url}/call`, payload)),
  );
  const closing = all.find(({ receipt: one }) => one?.details['final']);
  const served = all.filter(({ answer }) => answer.status === 200).length + 1;
  expect([served, closing?.receipt?.details['spent']]).toEqual([runs, `${served * 10}`]);
  await site.pay.redeemNow();
  expect([broker.payword.total(), broker.payword.alarms]).toEqual([BigInt(served * 10), []]);
});

test('C13: what a failed handler gives back is spent once', async () => {
  const site = await open(sqlite(join(data, 'fail.db')));
  site.app.get('/fails', site.pay.wall(PRICE), (_req, res) => void res.sendStatus(500));
  const payer = payerAt(site, 2);
  await payer.pay(`${site.url}/call`);
  const failing = new Payer(payer.piece);
  const payload = await failing.next(`${site.url}/fails`);
  await Promise.all(Array.from({ length: 20 }, () => failing.send(`${site.url}/fails`, payload)));
  expect((await payer.pay(`${site.url}/call`)).receipt?.details).toMatchObject({
    index: 2,
    spent: '20',
    remaining: '0',
  });
  await site.pay.redeemNow();
  expect([broker.payword.total(), broker.payword.alarms]).toEqual([20n, []]);
});

test('sessions that were never opened, and payloads of no shape, are refused', async () => {
  const site = await open(memory());
  const payer = payerAt(site);
  const unknown = { action: 'pay', session: 'A'.repeat(43), a: 0, i: 1, w: 'A'.repeat(43) };
  expect(await refusal((await payer.send(`${site.url}/call`, unknown)).answer)).toEqual([410, 'session-unknown']);
  const close = { action: 'close', session: 'A'.repeat(43) };
  expect(await refusal((await payer.send(`${site.url}/call`, close)).answer)).toEqual([410, 'session-unknown']);
  for (const payload of [{}, { action: 'open' }, { action: 'give' }, { ...unknown, more: 1 }]) {
    expect(await refusal((await payer.send(`${site.url}/call`, payload)).answer)).toEqual([402, 'payload-invalid']);
  }
  expect(runs).toBe(0);
});
