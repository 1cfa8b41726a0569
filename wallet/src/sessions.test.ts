// Sessions as a wallet lives them, with a real broker and a real site: one opening, then a word for each request.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { type PayingOptions, payingFetch } from './paying-fetch.ts';
import { drift } from './testing/customer.ts';
import { type Market, openMarket } from './testing/market.ts';
import { Wallet } from './wallet.ts';

const START = 100_000n;
const IDLE_MS = 200_000;
const RULE = { mode: 'auto', perPageMicro: 100n, perDayMicro: 10_000n } as const;
let market: Market;
let wallet: Wallet;
let runs: string[];
const call = (n: number | string) => `${market.origin}/call/${n}`;
const fetcher = (options: PayingOptions = {}) =>
  payingFetch(market.fetch, wallet, { sleep: async () => {}, ...options });

beforeEach(async () => {
  runs = [];
  market = await openMarket(
    (app, pay) => {
      const unit = { price: '0.00001 USD', unit: 'call' };
      app.get('/call/:id', pay.wall(unit), (req, res) => {
        if (req.params.id === 'missing') return void res.sendStatus(404);
        runs.push(String(req.params.id));
        res.send(`call ${req.params.id}`);
      });
      app.post('/call', pay.wall(unit), (_req, res) => {
        runs.push('post');
        res.send('posted');
      });
      app.get('/dear', pay.wall({ ...unit, price: '0.001 USD' }), (_req, res) => void res.send('dear'));
      app.get('/bulk', pay.wall({ ...unit, units: 2000 }), (_req, res) => void res.send('bulk'));
      app.get('/five', pay.wall({ ...unit, units: 5 }), (_req, res) => void res.send('five'));
    },
    { idleMs: IDLE_MS },
  );
  ({ wallet } = await market.customer());
  await wallet.setRule(market.origin, RULE);
});
afterEach(() => market.close());

/** Nothing is lost or made, and the broker says the same. */
async function expectConserved(spentMicro: bigint): Promise<void> {
  expect(await drift(wallet)).toBe(0n);
  await market.pay.redeemNow();
  const { totalMicro } = await wallet.balance({ refresh: true });
  expect(totalMicro).toBe(START - spentMicro);
  expect(await market.audit()).toMatchObject({ ok: true });
}

test('n payments take one question and n requests; closing returns the rest, and every book agrees', async () => {
  const fetch = fetcher();
  for (let n = 1; n <= 20; n++) expect(await (await fetch(call(n))).text()).toBe(`call ${n}`);
  expect(market.control.seen).toHaveLength(21);
  expect((await wallet.history({ limit: 1 }))[0]).toMatchObject({ method: 'payword', state: 'paid', amountMicro: 10n });
  expect((await wallet.balance()).totalMicro).toBe(START - 200n);
  expect((await wallet.budget()).spentTodayMicro).toBe(200n);
  await expectConserved(200n);
  expect(await wallet.sessions()).toMatchObject([{ origin: market.origin, leftMicro: 9_800n, state: 'open' }]);
  expect(await wallet.closeSessions({ origin: 'https://other.example' })).toEqual([]);
  expect(await wallet.closeSessions({ origin: market.origin })).toMatchObject([
    { kind: 'refund', state: 'refunded', amountMicro: 9_800n },
  ]);
  expect(await wallet.sessions()).toEqual([]);
  const { brokers } = await wallet.balance({ refresh: true });
  expect(brokers).toMatchObject([{ accountMicro: START - 200n, coinsMicro: 0n, heldMicro: 0n }]);
  await expectConserved(200n);
  expect(await (await fetch(call('later'))).text()).toBe('call later');
  await expectConserved(210n);
});

test('parallel requests share one chain, each with a word of its own', async () => {
  const fetch = fetcher();
  const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => fetch(call(n))));
  expect(answers.map(({ status }) => status)).toEqual(Array(30).fill(200));
  expect(new Set(runs).size).toBe(30);
  expect((await wallet.history()).filter(({ kind }) => kind === 'purchase')).toHaveLength(1);
  await expectConserved(300n);
});

test('chains that are used up make the next one no smaller', async () => {
  await wallet.setRule(market.origin, { ...RULE, perPageMicro: 1_000n, perDayMicro: START });
  const fetch = fetcher();
  for (let n = 0; n < 61; n++) expect(await (await fetch(`${market.origin}/dear`)).text()).toBe('dear');
  const bought = (await wallet.history({ limit: 200 })).filter(({ kind }) => kind === 'purchase');
  expect(bought.map(({ amountMicro }) => amountMicro)).toEqual([20_000n, 20_000n, 20_000n, 20_000n]);
  await expectConserved(61_000n);
});

test('a request for several units costs them all, and a body needs no challenge of its own', async () => {
  const fetch = fetcher();
  await fetch(`${market.origin}/five`);
  await fetch(`${market.origin}/five`);
  await fetch(`${market.origin}/call`, { method: 'POST', body: 'a' });
  const before = market.control.seen.length;
  await fetch(`${market.origin}/call`, { method: 'POST', body: 'b' });
  expect(market.control.seen.length - before).toBe(1);
  expect(runs).toEqual(['post', 'post']);
  await expectConserved(120n);
});

test('the limits of a page and of a day hold for each unit', async () => {
  await wallet.setRule(market.origin, { ...RULE, perPageMicro: 9n });
  expect((await fetcher()(call(1))).status).toBe(402);
  await wallet.setRule(market.origin, { ...RULE, perPageMicro: 10n, perDayMicro: 35n });
  const answers = await Promise.all(Array.from({ length: 9 }, (_, n) => fetcher()(call(n)).catch(() => undefined)));
  expect(answers.filter((answer) => answer?.status === 200)).toHaveLength(3);
  expect((await fetcher()(`${market.origin}/five`)).status).toBe(402);
  await expectConserved(30n);
});

test('after a lost reply the same word is shown again, and paid once', async () => {
  let lost = 2;
  market.control.middle = async (request, on) => {
    const answer = await on();
    if (request.headers.has('authorization') && lost-- > 0) throw new TypeError('connection lost');
    return answer;
  };
  const fetch = fetcher();
  expect(await (await fetch(call(1))).text()).toBe('call 1');
  expect(await (await fetch(call(2))).text()).toBe('call 2');
  await expectConserved(20n);
});

test('the same address again is another purchase', async () => {
  const fetch = fetcher();
  for (let n = 0; n < 3; n++) expect((await fetch(call('same'))).status).toBe(200);
  await expectConserved(30n);
});

test('a request that wants no session is paid by a single charge, and read again for nothing', async () => {
  const fetch = fetcher({ sessions: false });
  for (let times = 0; times < 2; times++) expect(await (await fetch(call(1))).text()).toBe('call 1');
  expect(await wallet.sessions()).toEqual([]);
  expect((await wallet.history({ limit: 1 }))[0]).toMatchObject({ method: 'scrip', state: 'paid', amountMicro: 10n });
  await expectConserved(10n);
});

test('when a chain is used up, another tops up the same session, and one closing returns the rest of both', async () => {
  await wallet.setRule(market.origin, { ...RULE, perDayMicro: 40n });
  const fetch = fetcher();
  for (let n = 1; n <= 4; n++) await fetch(call(n));
  await wallet.setRule(market.origin, RULE);
  for (let n = 5; n <= 8; n++) expect((await fetch(call(n))).status).toBe(200);
  expect((await wallet.history()).filter(({ kind }) => kind === 'purchase')).toHaveLength(2);
  const sessions = (await wallet.history()).map(({ reference }) => reference).filter((id) => id !== undefined);
  expect(new Set(sessions).size).toBe(1);
  await expectConserved(80n);
  expect(await wallet.closeSessions()).toMatchObject([{ state: 'refunded' }]);
  await expectConserved(80n);
  expect((await wallet.balance()).brokers).toMatchObject([
    { accountMicro: START - 80n, coinsMicro: 0n, heldMicro: 0n },
  ]);
});

test('a top-up of a session that the site has ended meanwhile opens one of its own', async () => {
  await wallet.setRule(market.origin, { ...RULE, perDayMicro: 40n });
  for (let n = 1; n <= 4; n++) await fetcher()(call(n));
  await wallet.setRule(market.origin, RULE);
  market.clock.shiftMs = IDLE_MS + 1000;
  for (let n = 5; n <= 8; n++) expect(await (await fetcher()(call(n))).text()).toBe(`call ${n}`);
  expect(await wallet.sessions()).toMatchObject([{ state: 'open' }]);
  await expectConserved(80n);
});

test('a session that the site has ended is followed by another, and nothing is lost', async () => {
  const fetch = fetcher();
  await fetch(call(1));
  market.clock.shiftMs = IDLE_MS + 1000;
  expect(await (await fetch(call(2))).text()).toBe('call 2');
  expect(await drift(wallet)).toBe(0n);
  expect((await wallet.balance()).totalMicro).toBe(START - 20n);
  expect((await wallet.sessions()).map(({ state }) => state)).toEqual(['ended', 'open']);
  // What was left in it comes back as soon as the site is asked.
  await wallet.recover();
  expect((await wallet.sessions()).map(({ state }) => state)).toEqual(['open']);
  expect(await wallet.history({ limit: 3 })).toContainEqual(
    expect.objectContaining({ kind: 'refund', state: 'refunded' }),
  );
  await expectConserved(20n);
});

test('a wallet that was restored from an old copy loses one price at most, and goes on with another chain', async () => {
  const store = new MemoryStore();
  ({ wallet } = await market.customer({ store }));
  await wallet.setRule(market.origin, RULE);
  await fetcher()(call(1));
  const old = new MemoryStore();
  const docs = Object.fromEntries((await store.list('')).map(({ key, value }) => [key, value]));
  await old.update(Object.keys(docs), () => ({ put: docs, result: undefined }));
  for (let n = 2; n <= 4; n++) await fetcher()(call(n));
  wallet = await Wallet.open({ store: old, fetch: market.fetch, env: market.env });
  expect((await fetcher()(call(5))).status).toBe(402);
  expect((await wallet.history({ limit: 1 }))[0]).toMatchObject({ code: 'index-used', lostMicro: 10n });
  for (let n = 6; n <= 8; n++) expect(await (await fetcher()(call(n))).text()).toBe(`call ${n}`);
  expect((await wallet.sessions()).map(({ state }) => state)).toEqual(['ended', 'open']);
  expect(await drift(wallet)).toBe(0n);
  expect(runs).not.toContain('5');
});

test('a page that is missing costs nothing when the site says so, and may be asked for again', async () => {
  const fetch = fetcher();
  for (const id of [1, 'missing', 'missing', 2]) await fetch(call(id));
  expect((await wallet.history()).filter(({ kind }) => kind === 'payment').map(({ state }) => state)).toEqual([
    'paid',
    'failed_not_charged',
    'failed_not_charged',
    'paid',
  ]);
  await expectConserved(20n);
  expect(await wallet.closeSessions()).toMatchObject([{ state: 'refunded' }]);
});

test('a page that is missing without a word on its price leaves that set aside, and the session goes on', async () => {
  market.control.middle = async (_, on) => {
    const answer = await on();
    const headers = new Headers(answer.headers);
    headers.delete('payment-consumed');
    return new Response(answer.body, { status: answer.status, headers });
  };
  const fetch = fetcher();
  await fetch(call(1));
  expect((await fetch(call('missing'))).status).toBe(404);
  expect(await wallet.pending()).toHaveLength(1);
  expect(await (await fetch(call(2))).text()).toBe('call 2');
  expect((await wallet.balance()).brokers).toMatchObject([{ heldMicro: 10n }]);
  expect(await wallet.closeSessions()).toEqual([]);
  expect(await drift(wallet)).toBe(0n);
  market.clock.shiftMs = 32 * 86_400_000;
  await wallet.recover();
  expect(await wallet.pending()).toEqual([]);
  expect(await drift(wallet)).toBe(0n);
});

test('more units than one jump of a chain allows are paid at once, as a charge', async () => {
  await wallet.setRule(market.origin, { mode: 'auto', perPageMicro: 20_000n, perDayMicro: 40_000n });
  expect(await (await fetcher()(`${market.origin}/bulk`)).text()).toBe('bulk');
  expect((await wallet.history({ limit: 1 }))[0]).toMatchObject({ method: 'scrip', amountMicro: 20_000n });
  expect(await wallet.sessions()).toEqual([]);
  await expectConserved(20_000n);
});
