// Coins that are good everywhere, paid at a site that asks their broker before it delivers: held, changed, captured or given up.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLedger } from '@farthing/broker';
import { Bench, Holder, Person } from '@farthing/broker/testing';
import { type Challenge, type JsonObject, limits, printCredential, readReceipt } from '@farthing/protocol';
import { type Farthing, farthing, memory, type VendorStore } from '@farthing/vendor';
import express from 'express';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { CoinPayer, challengeAt, codeOf, present } from '../harness/coin-payer.ts';
import { type FaultyProxy, type Hit, startProxy } from '../harness/proxy.ts';

const PRICE = 2000n;
const COINS = { ecash: { denominations: [500n, 1000n, 2000n, 5000n, 10_000n] } };
const folder = mkdtempSync(join(tmpdir(), 'farthing-online-'));
const bench = new Bench();
const log: string[] = [];

type Shop = {
  vnd: string;
  pay: Farthing;
  url: string;
  served: number;
  isBroken: boolean;
  /** Somebody waits for /slow, which fails when it is told to. */
  slow: ReturnType<typeof Promise.withResolvers<() => void>>;
  close(): Promise<void>;
};
let news: Shop;
let shop: Shop;
let alice: CoinPayer;
/** Between the sites and their broker. */
let middle: FaultyProxy;

async function openShop(vnd: string, store?: VendorStore): Promise<Shop> {
  const pay = await farthing({
    ...(store ? { store } : {}),
    ...{ broker: middle.url, data: join(folder, vnd), vnd, methods: ['ecash'] },
    ...{ ecash: { denominations: [] }, env: bench.env, log: (line: string) => log.push(line) },
  });
  const app = express();
  const made: Shop = {
    vnd,
    pay,
    url: '',
    served: 0,
    isBroken: true,
    slow: Promise.withResolvers(),
    close: async () => {},
  };
  const price = '0.002 USD';
  app.use('/farthing', pay.routes());
  app.get('/page', pay.wall({ price }), (_req, res) => void res.send(`page ${++made.served}`));
  app.post('/order', pay.wall({ price }), (_req, res) => void res.send(`order ${++made.served}`));
  app.get('/first', pay.wall({ price, settle: 'upfront' }), (_req, res) => void res.status(500).send('sorry'));
  app.get('/broken', pay.wall({ price }), (_req, res) => void res.status(500).send('sorry'));
  app.get('/slow', pay.wall({ price }), (_req, res) => {
    if (made.isBroken) made.slow.resolve(() => void res.status(500).send('sorry'));
    else res.send(`slow ${++made.served}`);
  });
  app.get('/flaky', pay.wall({ price }), (_req, res) => {
    if (made.isBroken) res.status(500).send('sorry');
    else res.send(`flaky ${++made.served}`);
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  made.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  made.close = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await pay.close();
  };
  return made;
}

beforeAll(async () => {
  await bench.start(COINS);
  middle = await startProxy(bench.url);
  const holder = new Holder(bench);
  await holder.faucet(5_000_000n);
  await holder.learn();
  alice = new CoinPayer(holder, { bench, price: PRICE });
  [news, shop] = [await openShop('news.example'), await openShop('shop.example')];
});
afterAll(async () => {
  await Promise.all([news.close(), shop.close()]);
  await middle.close();
  const { findings } = auditLedger(join(bench.data, 'ledger.db'), bench.public.root);
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
  expect(findings, 'the books after all of it').toEqual([]);
});
beforeEach(async () => {
  for (const one of [news, shop]) {
    await one.pay.redeemNow();
    Object.assign(one, { served: 0, isBroken: true });
  }
  middle.hits.length = 0;
});

const isQuestion = ({ url }: Hit): boolean => url === '/v1/ecash/deposit';
const isVoid = ({ url }: Hit): boolean => url === '/v1/ecash/void';
/** Questions that the broker heard in this test. */
const questions = (): number => middle.hits.filter(isQuestion).length;

/** What the broker says that the sites have. */
async function earned(...shops: Shop[]): Promise<bigint> {
  let sum = 0n;
  for (const { vnd, pay } of shops) {
    await pay.redeemNow();
    const seed = Buffer.from(readFileSync(join(folder, vnd, 'keys/vendor.secret'), 'utf8').trim(), 'base64url');
    const { balance } = await new Person(bench, new Uint8Array(seed)).statement({ vnd });
    sum += BigInt(String(balance));
  }
  return sum;
}

it('A page is paid with a coin that is too large: the change comes with it, the site is paid, and the books balance', async () => {
  const before = await earned(news);
  const given = await alice.give([5000n]);
  const challenge = await challengeAt(`${news.url}/page`);
  const payload = alice.payload(challenge, given);
  expect(printCredential({ challenge, payload }).length).toBeLessThanOrEqual(limits.credentialBytes);
  const answer = await present(`${news.url}/page`, challenge, payload);
  expect([answer.status, await answer.text()]).toEqual([200, 'page 1']);
  const receipt = readReceipt(answer.headers.get('payment-receipt') ?? '');
  expect(receipt?.details['deposit']).toMatchObject({ state: 'held', amount: '2000', vnd: news.vnd });
  alice.holder.finish(given.change.planned, receipt?.details['change']);
  expect(await earned(news)).toBe(before + PRICE);
});

it('The same credential, fifty times at once and later again, gets one receipt with the change; the broker is asked once', async () => {
  const before = await earned(news);
  const challenge = await challengeAt(`${news.url}/page`);
  const payload = alice.payload(challenge, await alice.give([5000n]));
  const answers = await Promise.all(Array.from({ length: 50 }, () => present(`${news.url}/page`, challenge, payload)));
  answers.push(await present(`${news.url}/page`, challenge, payload));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(answers.map(({ headers }) => headers.get('payment-receipt'))).size).toBe(1);
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  expect(questions()).toBe(1);
  expect(await earned(news)).toBe(before + PRICE);
});

it('One coin in many payments at once at two sites is delivered for once, in total; the others hear which coin it was', async () => {
  const before = await earned(news, shop);
  const given = await alice.give([1000n, 1000n]);
  const rest = await alice.give([1000n, 1000n]);
  const mixed = { coins: [given.coins, rest.coins].flatMap(([first]) => first ?? []), change: given.change };
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => alice.buy(`${(i % 2 === 0 ? news : shop).url}/page`, given)),
  );
  const bodies = await Promise.all(answers.map(async (answer) => [answer.status, await answer.text()] as const));
  expect(bodies.filter(([status]) => status === 200)).toHaveLength(1);
  const spent = given.coins.map(({ coin }) => coin.pk);
  for (const [status, text] of bodies.filter(([status]) => status !== 200)) {
    expect([status, JSON.parse(text)]).toMatchObject([402, { code: 'coin-spent', consumed: true, spent }]);
  }
  const refused = await alice.buy(`${shop.url}/page`, mixed);
  expect(refused.headers.has('payment-consumed')).toBe(false);
  expect(await refused.json()).toMatchObject({ code: 'coin-spent', spent: [spent[0]] });
  expect(await codeOf(await alice.buy(`${shop.url}/page`, rest))).toBe('page');
  expect(await earned(news, shop)).toBe(before + 2n * PRICE);
});

it('A page that fails gives the coins back, for another page at once, or for itself', async () => {
  const before = await earned(news);
  const given = await alice.give([2000n]);
  const failed = await alice.buy(`${news.url}/broken`, given);
  expect([failed.status, failed.headers.get('payment-consumed')]).toEqual([500, '?0']);
  expect(await codeOf(await alice.buy(`${news.url}/page`, given))).toBe('page');
  const url = `${news.url}/flaky`;
  const challenge = await challengeAt(url);
  const payload = alice.payload(challenge, await alice.give([5000n]));
  expect((await present(url, challenge, payload)).status).toBe(500);
  news.isBroken = false;
  expect((await present(url, challenge, payload)).status).toBe(200);
  expect(await earned(news)).toBe(before + 2n * PRICE);
});

it('A page that fails while the broker is away is held until it is asked for again, and then paid once', async () => {
  const before = await earned(news);
  const url = `${news.url}/flaky`;
  const challenge = await challengeAt(url);
  const payload = alice.payload(challenge, await alice.give([5000n]));
  const away = middle.fail(isVoid, 'cut-before');
  expect((await present(url, challenge, payload)).status).toBe(500);
  await away.failed;
  // Until the site has given up giving up: the payment is neither free nor delivered.
  const busy = await present(url, challenge, payload);
  expect([busy.status, await codeOf(busy)]).toEqual([503, 'outcome-unknown']);
  news.isBroken = false;
  await expect
    .poll(async () => (await present(url, challenge, payload)).status, { timeout: 30_000, interval: 500 })
    .toBe(200);
  away.stop();
  expect(middle.hits.filter(isVoid).length).toBeGreaterThan(1);
  expect(await earned(news)).toBe(before + PRICE);
});

it('A run that fails after another process has taken it over and delivered takes nothing back', async () => {
  const store = memory();
  const [first, next] = [await openShop('slow.example', store), await openShop('slow.example', store)];
  try {
    const challenge = await challengeAt(`${first.url}/slow`);
    const payload = alice.payload(challenge, await alice.give([5000n]));
    const late = present(`${first.url}/slow`, challenge, payload);
    const fail = await first.slow.promise;
    bench.offsetMs += limits.reservationMs + 1000;
    next.isBroken = false;
    expect(await codeOf(await present(`${next.url}/slow`, challenge, payload))).toBe('page');
    fail();
    const failed = await late;
    expect([failed.status, failed.headers.has('payment-consumed')]).toEqual([500, false]);
    expect(await earned(next)).toBe(PRICE);
    expect(middle.hits.filter(isVoid)).toEqual([]);
  } finally {
    await Promise.all([first.close(), next.close()]);
  }
});

it('A copy that was agreed to, and is written only after another one failed and was given up, is asked about again', async () => {
  const store = memory();
  const gate = Promise.withResolvers<void>();
  const waiting = Promise.withResolvers<void>();
  const slow: VendorStore = {
    ...store,
    async reserve(entry) {
      waiting.resolve();
      await gate.promise;
      return store.reserve(entry);
    },
  };
  const [first, next] = [await openShop('twin.example', store), await openShop('twin.example', slow)];
  try {
    const challenge = await challengeAt(`${first.url}/flaky`);
    const payload = alice.payload(challenge, await alice.give([5000n]));
    next.isBroken = false;
    const late = present(`${next.url}/flaky`, challenge, payload);
    await waiting.promise;
    expect((await present(`${first.url}/flaky`, challenge, payload)).status).toBe(500);
    await expect.poll(() => store.find(challenge.id), { timeout: 10_000 }).toBeUndefined();
    gate.resolve();
    expect(await codeOf(await late)).toBe('page');
    expect(await earned(next)).toBe(PRICE);
    expect(questions()).toBe(3);
  } finally {
    await Promise.all([first.close(), next.close()]);
  }
});

it('What is charged upfront stays charged', async () => {
  const before = await earned(news);
  const given = await alice.give([2000n]);
  const failed = await alice.buy(`${news.url}/first`, given);
  expect([failed.status, failed.headers.has('payment-consumed')]).toEqual([500, false]);
  expect(await codeOf(await alice.buy(`${shop.url}/page`, given))).toBe('coin-spent');
  expect(await earned(news)).toBe(before + PRICE);
});

it('A second payment under an Idempotency-Key is refused, and its coins are free again', async () => {
  const before = await earned(shop);
  const given = await alice.give([2000n]);
  const order = async (coins: typeof given) => {
    const url = `${shop.url}/order`;
    const challenge = await challengeAt(url, 'POST');
    const headers = { 'idempotency-key': 'only once' };
    return present(url, challenge, alice.payload(challenge, coins), { method: 'POST', headers });
  };
  expect((await order(await alice.give([2000n]))).status).toBe(200);
  expect(await codeOf(await order(given))).toBe('idempotency-reused');
  expect(await codeOf(await alice.buy(`${shop.url}/page`, given))).toBe('page');
  expect(await earned(shop)).toBe(before + 2n * PRICE);
});

it('Copies of one payment, with and without an Idempotency-Key that is taken, never bring a page and the coins back', async () => {
  const before = await earned(shop);
  const url = `${shop.url}/order`;
  const keyed = { method: 'POST', headers: { 'idempotency-key': 'taken' } };
  const taken = await challengeAt(url, 'POST');
  await present(url, taken, alice.payload(taken, await alice.give([2000n])), keyed);
  let delivered = 1;
  for (let round = 0; round < 12; round++) {
    const challenge = await challengeAt(url, 'POST');
    const payload = alice.payload(challenge, await alice.give([2000n]));
    const copies = [keyed, { method: 'POST' }, keyed].map((init) => present(url, challenge, payload, init));
    const answers = await Promise.all(copies);
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    if (answers.some(({ status }) => status === 200)) delivered++;
  }
  expect(shop.served).toBe(delivered);
  expect(await earned(shop)).toBe(before + BigInt(delivered) * PRICE);
});

it('Altered payments and stolen headers are refused before the broker hears of them, and the coins stay good', async () => {
  const url = `${news.url}/page`;
  const challenge = await challengeAt(url);
  const given = await alice.give([5000n]);
  const honest = alice.payload(challenge, given);
  const [coin] = honest['coins'] as JsonObject[];
  const strange = alice.payload(challenge, await alice.give([5000n]));
  const [other] = strange['coins'] as JsonObject[];
  const cheap = alice.payload(challenge, await alice.give([2000n]));
  const refused: [JsonObject, Challenge, string][] = [
    [{ ...honest, change: strange['change'] ?? [] }, challenge, 'spend-wrong'],
    [{ ...honest, change: [] }, challenge, 'payload-invalid'],
    [{ ...honest, coins: [{ ...coin, sig: String(other?.['sig']) }] }, challenge, 'coin-forged'],
    [honest, await challengeAt(url), 'spend-wrong'],
    [alice.payload(challenge, given, shop.vnd), challenge, 'spend-wrong'],
    [{ ...honest, exp: Number(honest['exp']) + 1 }, challenge, 'spend-wrong'],
    [{ ...cheap, change: honest['change'] ?? [] }, challenge, 'amount-short'],
    [{ ...honest, brk: 'elsewhere' }, challenge, 'broker-unknown'],
  ];
  for (const [payload, of, code] of refused) {
    const answer = await present(url, of, payload);
    expect([answer.headers.get('payment-consumed'), await codeOf(answer)], code).toEqual(['?0', code]);
  }
  expect(await codeOf(await present(`${shop.url}/page`, challenge, honest))).toBe('challenge-mismatch');
  expect([questions(), news.served, shop.served]).toEqual([0, 0, 0]);
  expect(await codeOf(await present(url, challenge, honest))).toBe('page');
  expect(questions()).toBe(1);
});

it.each([
  ['before it hears the question', 'cut-before'],
  ['before the site hears the answer', 'cut-after'],
] as const)(
  'A connection to the broker that is cut %s leaves the outcome unknown; the same credential finds it out',
  async (_, fault) => {
    const before = await earned(news);
    const url = `${news.url}/page`;
    const challenge = await challengeAt(url);
    const payload = alice.payload(challenge, await alice.give([5000n]));
    const cut = middle.fail(isQuestion, fault);
    const lost = await present(url, challenge, payload);
    expect([lost.status, lost.headers.has('retry-after'), lost.headers.has('payment-consumed')]).toEqual([
      503,
      true,
      false,
    ]);
    expect([await codeOf(lost), news.served]).toEqual(['outcome-unknown', 0]);
    cut.stop();
    expect(await codeOf(await present(url, challenge, payload))).toBe('page');
    expect(await earned(news)).toBe(before + PRICE);
  },
);

it('A broker that stops in the middle of a question, and starts again, has either all of it or nothing', async () => {
  const before = await earned(news);
  const url = `${news.url}/page`;
  const challenge = await challengeAt(url);
  const payload = alice.payload(challenge, await alice.give([5000n]));
  const port = Number(new URL(bench.url).port);
  const { held, release } = middle.holdNext(isQuestion);
  const waiting = present(url, challenge, payload);
  await held;
  await bench.broker?.close();
  release();
  const lost = await waiting;
  expect([lost.status, lost.headers.has('retry-after'), news.served]).toEqual([503, true, 0]);
  await bench.start({ ...COINS, port });
  expect(await codeOf(await present(url, challenge, payload))).toBe('page');
  expect(await earned(news)).toBe(before + PRICE);
});

it('Coins that fit no header are paid by reference, 64 of them with 64 for change, also when a reference was lost', async () => {
  const before = await earned(news);
  const url = `${news.url}/page`;
  const back = Array.from({ length: limits.coinsByReference }, (_, i) => (i < 4 ? 500n : 1000n));
  const given = await alice.give(
    back.map(() => 1000n),
    back,
  );
  const challenge = await challengeAt(url);
  const body = JSON.stringify(alice.payload(challenge, given));
  const lost = await present(url, challenge, { ref: 'A'.repeat(43) });
  expect([lost.status, lost.headers.has('payment-consumed'), await codeOf(lost)]).toEqual([402, false, 'ref-unknown']);
  const headers = { 'content-type': 'application/json' };
  const posted = await fetch(`${news.url}/farthing/payload`, { method: 'POST', headers, body });
  const { ref = null } = (await posted.json()) as JsonObject;
  const answer = await present(url, challenge, { ref });
  expect([answer.status, await answer.text()]).toEqual([200, 'page 1']);
  const receipt = answer.headers.get('payment-receipt');
  expect(readReceipt(receipt ?? '')?.details['change']).toBeUndefined();
  const again = await present(url, challenge, { ref });
  expect([again.status, again.headers.get('payment-receipt'), questions()]).toEqual([200, receipt, 1]);
  const outputs = given.change.outputs.map((output) => ({ ...output }));
  const restored = await bench.send('/v1/ecash/restore', alice.holder.order('ecash-restore/1', { outputs }));
  alice.holder.finish(given.change.planned, restored['signatures']);
  expect(await earned(news)).toBe(before + PRICE);
});
