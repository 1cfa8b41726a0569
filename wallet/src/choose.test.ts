// A site that takes several kinds of money: which one is paid with, why, and that there is one payment whatever the site says.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type PayingOptions, payingFetch } from './paying-fetch.ts';
import { drift } from './testing/customer.ts';
import { type Market, openMarket } from './testing/market.ts';
import type { Wallet } from './wallet.ts';

const PRICE = 2_000n;
const START = 50_000n;
const AUTO = { mode: 'auto', perPageMicro: 10_000n, perDayMicro: 500_000n } as const;
let market: Market;
let wallet: Wallet;
let count = 0;

beforeAll(async () => {
  market = await openMarket(
    (app, pay) => void app.get('/page/:id', pay.wall({ price: '0.002 USD' }), (_req, res) => void res.send('page')),
    {},
    { mint: [500n, 1000n, 2000n, 5000n], site: { methods: ['ecash', 'scrip'], ecash: { denominations: [] } } },
  );
}, 60_000);
afterAll(() => market.close());
beforeEach(async () => {
  market.control.middle = (_, on) => on();
  ({ wallet } = await market.customer({ topUpMicro: START }));
  await wallet.setRule(market.origin, AUTO);
});

const visit = (options: PayingOptions = {}) =>
  payingFetch(market.fetch, wallet, { sleep: async () => {}, tries: 1, ...options })(
    `${market.origin}/page/${++count}`,
  );
const payments = async () => (await wallet.history()).filter(({ kind }) => kind === 'payment');

/** Refuses these kinds of money, as a site does that took nothing: with the challenges of a page that was not paid. */
function refusing(...names: string[]): void {
  market.control.middle = async (request, on) => {
    const shown = request.headers.get('authorization');
    if (shown === null || !request.url.startsWith(market.origin)) return on();
    const token = JSON.parse(Buffer.from(shown.replace(/^Payment /, ''), 'base64url').toString());
    if (!names.includes(token.challenge.method)) return on();
    const unpaid = await fetch(request.url);
    const headers = new Headers(unpaid.headers);
    headers.set('content-type', 'application/problem+json');
    headers.set('payment-consumed', '?0');
    await unpaid.body?.cancel();
    return new Response(JSON.stringify({ code: 'payload-invalid', consumed: false }), { status: 402, headers });
  };
}

async function expectWhole(spentMicro: bigint): Promise<void> {
  market.control.middle = (_, on) => on();
  await wallet.recover();
  expect(await drift(wallet)).toBe(0n);
  expect((await wallet.balance({ refresh: true })).totalMicro).toBe(START - spentMicro);
}

test('the cheapest goes first, and anonymous coins where the person prefers them; the record says which and why', async () => {
  await visit();
  expect(await payments()).toMatchObject([{ method: 'scrip', chosen: 'cheapest', state: 'paid' }]);
  await wallet.setBudget({ prefer: 'private' });
  expect((await wallet.budget()).prefer).toBe('private');
  // There is a challenge for the next page to be paid with scrip, and scrip: it waits.
  await visit();
  expect((await payments())[0]).toMatchObject({ method: 'ecash', chosen: 'private', state: 'paid' });
  await wallet.setBudget({ prefer: 'cheapest' });
  await visit({ methods: ['scrip', 'ecash'] });
  expect((await payments())[0]).toMatchObject({ chosen: 'asked', state: 'paid' });
  await expectWhole(3n * PRICE);
});

test('money of one kind alone is asked for by its name; who has no other pays with what there is', async () => {
  await visit({ methods: ['ecash'] });
  expect(await payments()).toMatchObject([{ method: 'ecash', chosen: 'asked' }]);
  await wallet.coins.deposit();
  await wallet.coins.withdraw({ amountMicro: START - PRICE });
  await visit();
  expect((await payments())[0]).toMatchObject({ method: 'ecash', chosen: 'only' });
  expect((await visit({ methods: ['payword'] })).status).toBe(402);
  await expectWhole(2n * PRICE);
});

test('where a site refuses one kind and takes nothing, another is tried, for one payment in all', async () => {
  refusing('scrip');
  const events: string[] = [];
  expect((await visit({ onEvent: ({ kind }) => events.push(kind) })).status).toBe(200);
  expect(await payments()).toMatchObject([
    { method: 'ecash', chosen: 'instead', state: 'paid' },
    { method: 'scrip', state: 'failed_not_charged', code: 'payload-invalid' },
  ]);
  expect(events).toEqual(['decided', 'sent', 'settled', 'decided', 'sent', 'settled']);
  await expectWhole(PRICE);
});

test('a site that spends a payment and says that it took nothing gets no second one: it cannot give the money back', async () => {
  refusing('scrip');
  const refuse = market.control.middle;
  market.control.middle = async (request, on) => {
    const isPayment = request.headers.has('authorization') && request.url.startsWith(market.origin);
    if (isPayment) await (await fetch(request.clone())).arrayBuffer();
    return refuse(request, on);
  };
  expect((await visit()).status).toBe(402);
  count--;
  expect((await visit()).status).toBe(402);
  expect(await payments()).toMatchObject([{ method: 'scrip', state: 'pending' }]);
  // As soon as it is honest the same payment brings the page, and the change.
  market.control.middle = (_, on) => on();
  count--;
  expect((await visit()).status).toBe(200);
  expect(await payments()).toMatchObject([{ method: 'scrip', state: 'paid' }]);
  await expectWhole(PRICE);
});

test('where only the word of a site says that it took nothing, a person is asked before other money goes', async () => {
  await wallet.setBudget({ prefer: 'private' });
  refusing('ecash');
  expect((await visit()).status).toBe(402);
  expect(await payments()).toMatchObject([{ method: 'ecash', state: 'failed_not_charged' }]);
  count--;
  expect((await visit({ maxMicro: PRICE })).status).toBe(200);
  expect((await payments())[0]).toMatchObject({ method: 'scrip', chosen: 'instead', state: 'paid' });
  await expectWhole(PRICE);
});

test('where a site refuses every kind, each is tried once, and then a person is asked', async () => {
  refusing('scrip', 'ecash');
  expect((await visit()).status).toBe(402);
  expect((await payments()).map(({ method, state }) => [method, state])).toEqual([
    ['ecash', 'failed_not_charged'],
    ['scrip', 'failed_not_charged'],
  ]);
  count--;
  expect((await visit()).status).toBe(402);
  expect(await payments()).toHaveLength(2);
  await expectWhole(0n);
});

test('a site that refuses a payment and does not say that it took nothing gets no second one', async () => {
  market.control.middle = async (request, on) => {
    if (!request.headers.has('authorization') || !request.url.startsWith(market.origin)) return on();
    const unpaid = await fetch(request.url);
    await unpaid.body?.cancel();
    return new Response('pay!', {
      status: 402,
      headers: { 'www-authenticate': unpaid.headers.get('www-authenticate') ?? '' },
    });
  };
  expect((await visit()).status).toBe(402);
  count--;
  expect((await visit()).status).toBe(402);
  expect(await payments()).toHaveLength(1);
});

test('a program may say with each request what the wallet pays with, what it prefers first', async () => {
  await wallet.setBudget({ prefer: 'private' });
  market.control.seen.length = 0;
  await visit({ announce: true });
  expect(market.control.seen[0]?.headers.get('accept-payment')).toMatch(
    /^ecash\/charge, scrip\/charge;q=0\.5, payword\/session;q=0\.5/,
  );
  expect(await payments()).toMatchObject([{ method: 'ecash' }]);
});
