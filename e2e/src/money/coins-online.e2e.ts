// Coins that are good everywhere, paid at a site that asks their broker before it delivers: held, changed, captured or given up.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLedger } from '@farthing/broker';
import { Bench, Holder, Person } from '@farthing/broker/testing';
import { type Challenge, type JsonObject, printCredential, readChallenges, readReceipt } from '@farthing/protocol';
import { type Farthing, farthing } from '@farthing/vendor';
import express from 'express';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';

const PRICE = 2000n;
const COINS = { ecash: { denominations: [500n, 1000n, 2000n, 5000n, 10_000n] } };
const folder = mkdtempSync(join(tmpdir(), 'farthing-online-'));
const bench = new Bench();
const log: string[] = [];

type Shop = { vnd: string; pay: Farthing; url: string; served: number; close(): Promise<void> };
let [news, shop]: Shop[] = [];
let alice: Holder;

async function openShop(vnd: string): Promise<Shop> {
  const pay = await farthing({
    ...{ broker: bench.url, data: join(folder, vnd), vnd, methods: ['ecash'] },
    ...{ ecash: { denominations: [] }, env: bench.env, log: (line: string) => log.push(line) },
  });
  const app = express();
  const made: Shop = { vnd, pay, url: '', served: 0, close: async () => {} };
  let broken = true;
  app.use('/farthing', pay.routes());
  app.get('/page', pay.wall({ price: '0.002 USD' }), (_req, res) => void res.send(`page ${++made.served}`));
  app.get(
    '/first',
    pay.wall({ price: '0.002 USD', settle: 'upfront' }),
    (_req, res) => void res.status(500).send('sorry'),
  );
  app.get('/broken', pay.wall({ price: '0.002 USD' }), (_req, res) => void res.status(500).send('sorry'));
  app.get('/flaky', pay.wall({ price: '0.002 USD' }), (_req, res) => {
    res.status(broken ? 500 : 200).send(broken ? 'sorry' : `flaky ${++made.served}`);
    broken = false;
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
  alice = new Holder(bench);
  await alice.faucet(5_000_000n);
  await alice.learn();
  news = await openShop('news.example');
  shop = await openShop('shop.example');
});
afterAll(async () => {
  await Promise.all([news, shop].map((one) => one?.close()));
  const { findings } = auditLedger(join(bench.data, 'ledger.db'), bench.public.root);
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
  expect(findings, 'the books after all of it').toEqual([]);
});
beforeEach(() => {
  vi.restoreAllMocks();
  for (const one of [news, shop]) if (one) one.served = 0;
});

function at(one: Shop | undefined): Shop {
  if (!one) throw new Error('the shop is open');
  return one;
}

/** Fresh coins of these values, and change for what they are worth above the price. */
async function coinsOf(values: readonly bigint[], back?: readonly bigint[]) {
  await alice.withdraw(values);
  const { purse } = alice;
  const coins = purse.coins.slice(-values.length);
  const rest = values.reduce((sum, value) => sum + value, 0n) - PRICE;
  alice.purse = { ...purse, coins: purse.coins.slice(0, -values.length) };
  const change = alice.draft(back ?? (rest === 0n ? [] : changeOf(rest)));
  return { purse: alice.purse, coins, change };
}
function changeOf(back: bigint): bigint[] {
  const value = [5000n, 2000n, 1000n, 500n].find((one) => one <= back);
  if (value === undefined) throw new Error(`no change for ${back}`);
  return value === back ? [value] : [value, ...changeOf(back - value)];
}
type Taken = Awaited<ReturnType<typeof coinsOf>>;

async function challengeOf({ url }: Shop, path = '/page'): Promise<Challenge> {
  const asked = await fetch(url + path);
  const [challenge] = readChallenges([asked.headers.get('www-authenticate') ?? '']);
  await asked.arrayBuffer();
  if (!challenge) throw new Error(`no challenge: ${asked.status}`);
  return challenge;
}
const signed = (challenge: Challenge, taken: Taken, { vnd }: Shop): JsonObject => {
  const { coins, change, exp } = alice.sign(taken, { vnd }, challenge.id, PRICE);
  return { brk: bench.public.brk, exp: Number(exp), coins, ...(change === undefined ? {} : { change }) };
};
const send = (one: Shop, challenge: Challenge, payload: JsonObject, path = '/page') =>
  fetch(one.url + path, { headers: { authorization: printCredential({ challenge, payload }) } });

async function buy(one: Shop, taken: Taken, path = '/page'): Promise<Response> {
  const challenge = await challengeOf(one, path);
  return send(one, challenge, signed(challenge, taken, one), path);
}
const codeOf = async (answer: Response): Promise<unknown> =>
  answer.status === 200 ? 'page' : ((await answer.json()) as JsonObject)['code'];

/** Questions that sites sent to the broker since. */
function questions(): () => number {
  const calls = vi.spyOn(globalThis, 'fetch').mock.calls;
  const count = () => calls.filter(([input]) => String(input).endsWith('/v1/ecash/deposit')).length;
  const before = count();
  return () => count() - before;
}

/** What the broker says that the site has. */
async function balance({ vnd }: Shop): Promise<bigint> {
  const seed = Buffer.from(readFileSync(join(folder, vnd, 'keys/vendor.secret'), 'utf8').trim(), 'base64url');
  const { balance: text } = await new Person(bench, new Uint8Array(seed)).statement({ vnd });
  return BigInt(String(text));
}

it('A page is paid with a coin that is too large: the change comes with it, the site is paid, and the books balance', async () => {
  const one = at(news);
  const taken = await coinsOf([5000n]);
  const challenge = await challengeOf(one);
  const header = printCredential({ challenge, payload: signed(challenge, taken, one) });
  expect(header.length).toBeLessThanOrEqual(4096);
  const answer = await fetch(`${one.url}/page`, { headers: { authorization: header } });
  expect([answer.status, await answer.text()]).toEqual([200, 'page 1']);
  const receipt = readReceipt(answer.headers.get('payment-receipt') ?? '');
  expect(receipt?.details['deposit']).toMatchObject({ state: 'held', amount: '2000', vnd: one.vnd });
  alice.finish(taken.change.planned, receipt?.details['change']);
  expect(await balance(one)).toBe(0n);
  await one.pay.redeemNow();
  expect(await balance(one)).toBe(PRICE);
});

it('The same credential again gets the same receipt with the change, and the broker is not asked again', async () => {
  const one = at(news);
  const before = await balance(one);
  const challenge = await challengeOf(one);
  const payload = signed(challenge, await coinsOf([5000n]), one);
  const asked = questions();
  const answers = await Promise.all(Array.from({ length: 50 }, () => send(one, challenge, payload)));
  answers.push(await send(one, challenge, payload));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(answers.map(({ headers }) => headers.get('payment-receipt'))).size).toBe(1);
  expect(asked()).toBe(1);
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  await one.pay.redeemNow();
  expect(await balance(one)).toBe(before + PRICE);
});

it('One coin in many payments at once at two sites is delivered for once, in total', async () => {
  const shops = [at(news), at(shop)];
  const before = (await Promise.all(shops.map(balance))).reduce((a, b) => a + b);
  const taken = await coinsOf([2000n]);
  const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => buy(at(shops[i % 2]), taken)));
  const bodies = await Promise.all(answers.map(async (answer) => [answer.status, await answer.text()] as const));
  expect(bodies.filter(([status]) => status === 200)).toHaveLength(1);
  const [coin] = taken.coins;
  for (const [status, text] of bodies.filter(([status]) => status !== 200)) {
    expect([status, JSON.parse(text)]).toMatchObject([
      402,
      { code: 'coin-spent', consumed: true, coins: [coin?.coin.pk] },
    ]);
  }
  await Promise.all(shops.map(({ pay }) => pay.redeemNow()));
  expect((await Promise.all(shops.map(balance))).reduce((a, b) => a + b)).toBe(before + PRICE);
});

it('A page that fails gives the coins back, for another page at once, or for itself', async () => {
  const one = at(news);
  const before = await balance(one);
  const taken = await coinsOf([2000n]);
  const failed = await buy(one, taken, '/broken');
  expect([failed.status, failed.headers.get('payment-consumed')]).toEqual([500, '?0']);
  expect(await codeOf(await buy(one, taken))).toBe('page');
  const challenge = await challengeOf(one, '/flaky');
  const payload = signed(challenge, await coinsOf([5000n]), one);
  expect((await send(one, challenge, payload, '/flaky')).status).toBe(500);
  expect((await send(one, challenge, payload, '/flaky')).status).toBe(200);
  await one.pay.redeemNow();
  expect(await balance(one)).toBe(before + 2n * PRICE);
});

it('What is charged upfront stays charged', async () => {
  const one = at(news);
  const before = await balance(one);
  const taken = await coinsOf([2000n]);
  const failed = await buy(one, taken, '/first');
  expect([failed.status, failed.headers.has('payment-consumed')]).toEqual([500, false]);
  expect(await codeOf(await buy(at(shop), taken))).toBe('coin-spent');
  await one.pay.redeemNow();
  expect(await balance(one)).toBe(before + PRICE);
});

it('Altered payments and stolen headers are refused before the broker hears of them, and the coins stay good', async () => {
  const [one, other] = [at(news), at(shop)];
  const challenge = await challengeOf(one);
  const taken = await coinsOf([5000n]);
  const honest = signed(challenge, taken, one);
  const [coin] = honest['coins'] as JsonObject[];
  const strange = signed(challenge, await coinsOf([5000n]), one);
  const cheap = await coinsOf([2000n]);
  const asked = questions();
  const refused: [JsonObject, Challenge, string][] = [
    [{ ...honest, change: strange['change'] ?? [] }, challenge, 'spend-wrong'],
    [{ ...honest, change: [] }, challenge, 'payload-invalid'],
    [
      { ...honest, coins: [{ ...coin, sig: String((strange['coins'] as JsonObject[])[0]?.['sig']) }] },
      challenge,
      'coin-forged',
    ],
    [honest, await challengeOf(one), 'spend-wrong'],
    [signed(challenge, taken, other), challenge, 'spend-wrong'],
    [{ ...honest, exp: Number(honest['exp']) + 1 }, challenge, 'spend-wrong'],
    [{ ...signed(challenge, cheap, one), change: honest['change'] ?? [] }, challenge, 'amount-short'],
    [{ ...honest, brk: 'elsewhere' }, challenge, 'broker-unknown'],
  ];
  for (const [payload, of, code] of refused) {
    const answer = await send(one, of, payload);
    expect([answer.headers.get('payment-consumed'), await codeOf(answer)], code).toEqual(['?0', code]);
  }
  const stolen = await send(other, challenge, honest);
  expect(await codeOf(stolen)).toBe('challenge-mismatch');
  expect(asked()).toBe(0);
  expect(one.served + other.served).toBe(0);
  expect(await codeOf(await send(one, challenge, honest))).toBe('page');
  expect(asked()).toBe(1);
});

it('While the broker is away nothing is delivered and nothing used up; when it is back the same credential pays', async () => {
  const one = at(news);
  const challenge = await challengeOf(one);
  const payload = signed(challenge, await coinsOf([5000n]), one);
  const port = Number(new URL(bench.url).port);
  await bench.broker?.close();
  const away = await send(one, challenge, payload);
  expect([away.status, away.headers.has('retry-after')]).toEqual([503, true]);
  expect(one.served).toBe(0);
  await bench.start({ ...COINS, port });
  expect(await codeOf(await send(one, challenge, payload))).toBe('page');
});

it('Coins that fit no header are paid by reference, 64 of them with 64 for change, also when a reference was lost', async () => {
  const one = at(news);
  await one.pay.redeemNow();
  const before = await balance(one);
  const change = Array.from({ length: 64 }, (_, i) => (i < 4 ? 500n : 1000n));
  const many = await coinsOf(
    Array.from({ length: 64 }, () => 1000n),
    change,
  );
  const challenge = await challengeOf(one);
  const payload = signed(challenge, many, one);
  const body = JSON.stringify(payload);
  const posted = async () => {
    const answer = await fetch(`${one.url}/farthing/payload`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body },
    });
    return (await answer.json()) as JsonObject;
  };
  const lost = await send(one, challenge, { ref: 'A'.repeat(43) });
  expect([lost.status, lost.headers.has('payment-consumed'), await codeOf(lost)]).toEqual([402, false, 'ref-unknown']);
  const { ref = null } = await posted();
  const asked = questions();
  const answer = await send(one, challenge, { ref });
  expect([answer.status, await answer.text()]).toEqual([200, 'page 1']);
  const receipt = answer.headers.get('payment-receipt');
  expect(readReceipt(receipt ?? '')?.details['change']).toBeUndefined();
  const again = await send(one, challenge, { ref });
  expect([again.status, again.headers.get('payment-receipt'), asked()]).toEqual([200, receipt, 1]);
  const outputs = many.change.outputs.map((output) => ({ ...output }));
  const restored = await bench.send('/v1/ecash/restore', alice.order('ecash-restore/1', { outputs }));
  alice.finish(many.change.planned, restored['signatures']);
  await one.pay.redeemNow();
  expect(await balance(one)).toBe(before + PRICE);
});
