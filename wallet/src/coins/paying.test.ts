// Sites that are paid with coins, with a real broker and a real site over HTTP: coins of the account become coins of the site by
// an order without a name, and pay it without asking anybody.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryStore } from '../memory-store.ts';
import { payingFetch } from '../paying-fetch.ts';
import { drift } from '../testing/customer.ts';
import { type Market, openMarket } from '../testing/market.ts';
import { Wallet } from '../wallet.ts';
import { LOCK_WITHIN_MS } from './later.ts';

const PRICE = 2_500n;
const START = 100_000n;
const DAY_MS = 86_400_000;
const AUTO = { mode: 'auto', perPageMicro: 10_000n, perDayMicro: 500_000n } as const;
let market: Market;
let served: string[];

beforeAll(async () => {
  market = await openMarket(
    (app, pay) => {
      app.get('/page/:id', pay.wall({ price: '0.0025 USD' }), (req, res) => {
        served.push(String(req.params.id));
        res.send(`page ${req.params.id}`);
      });
      app.get('/broken/:id', pay.wall({ price: '0.0025 USD' }), (_req, res) => void res.status(500).send('sorry'));
    },
    {},
    {
      mint: [100n, 200n, 500n, 1000n, 2000n, 5000n, 10_000n],
      site: { methods: ['ecash'], ecash: { denominations: ['0.0005 USD', '0.002 USD'] } },
    },
  );
}, 60_000);
afterAll(() => market.close());

async function customer(topUpMicro = START) {
  served = [];
  const { wallet, store } = await market.customer({ topUpMicro });
  await wallet.setRule(market.origin, AUTO);
  market.control.middle = (_, on) => on();
  return { wallet, store, fetch: payingFetch(market.fetch, wallet, { sleep: async () => {} }) };
}

const page = (id: number | string) => `${market.origin}/page/${id}`;
const isBroker = ({ url }: Request) => url.startsWith(market.broker.url);

/** Nothing was lost or made; the broker and the site say the same. */
async function expectConserved(wallet: Wallet, spentMicro: bigint): Promise<void> {
  expect(await drift(wallet)).toBe(0n);
  await market.pay.redeemNow();
  expect((await wallet.balance({ refresh: true })).totalMicro).toBe(START - spentMicro);
  expect(await market.audit()).toMatchObject({ ok: true });
}

test('twenty pages cost twenty prices, one purchase ahead, and the broker is not asked when they are paid', async () => {
  const { wallet, fetch } = await customer();
  expect(await (await fetch(page(0))).text()).toBe('page 0');
  const asked: string[] = [];
  market.control.middle = (request, on) => {
    if (isBroker(request)) asked.push(request.url);
    return on();
  };
  for (let n = 1; n < 12; n++) expect((await fetch(page(n))).status).toBe(200);
  expect(asked).toEqual([]);
  expect(served).toHaveLength(12);
  const [record] = await wallet.history({ limit: 1 });
  expect(record).toMatchObject({ method: 'ecash', state: 'paid', amountMicro: PRICE, says: { kind: 'method_ecash' } });
  await expectConserved(wallet, 12n * PRICE);
});

test('a reply that is lost is asked for with the same coins, and a page that fails gives them back', async () => {
  const { wallet, fetch } = await customer();
  let losses = 2;
  market.control.middle = async (request, on) => {
    const response = await on();
    if (isBroker(request) || !request.headers.has('authorization') || losses === 0) return response;
    losses--;
    throw new TypeError('the line is cut');
  };
  expect(await (await fetch(page('lost'))).text()).toBe('page lost');
  expect([losses, (await wallet.history()).filter(({ kind }) => kind === 'payment')]).toMatchObject([
    0,
    [{ state: 'paid' }],
  ]);
  const before = (await wallet.balance()).brokers[0]?.coinsMicro;
  expect((await fetch(`${market.origin}/broken/1`)).status).toBe(500);
  expect((await wallet.balance()).brokers[0]).toMatchObject({ coinsMicro: before, heldMicro: 0n });
  expect(await (await fetch(page('next'))).text()).toBe('page next');
  await expectConserved(wallet, 2n * PRICE);
});

test('pages at once are paid with coins of their own each', async () => {
  const { wallet, fetch } = await customer();
  const pages = await Promise.all(Array.from({ length: 8 }, (_, n) => fetch(page(n))));
  expect(pages.map(({ status }) => status)).toEqual(Array(8).fill(200));
  expect(served.toSorted()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
  await expectConserved(wallet, 8n * PRICE);
});

test('coins alone pay too, when the account is empty; and who has too few is told how much is missing', async () => {
  const { wallet, fetch } = await customer();
  await wallet.coins.withdraw({ amountMicro: START });
  expect((await fetch(page('cash'))).status).toBe(200);
  await expectConserved(wallet, PRICE);
  const poor = await customer(1_000n);
  const asked = await market.fetch(page('poor'));
  const ask = {
    url: page('poor'),
    method: 'GET',
    site: market.origin,
    challenges: [asked.headers.get('www-authenticate') ?? ''],
  };
  expect(await poor.wallet.decide(ask)).toMatchObject({ kind: 'refuse', reason: 'funds-short', shortByMicro: 1_500n });
});

test('a site that names another key list than the broker shows is not paid', async () => {
  const { wallet, fetch } = await customer();
  market.control.middle = async (_, on) => {
    const response = await on();
    const challenge = response.headers.get('www-authenticate');
    if (challenge === null) return response;
    const [, body = ''] = /request="([^"]+)"/.exec(challenge) ?? [];
    const asked = JSON.parse(Buffer.from(body, 'base64url').toString());
    const [broker] = asked.methodDetails.brokers;
    asked.methodDetails.brokers = [{ ...broker, keysets: 'A'.repeat(43), locked: 'A'.repeat(43) }];
    const headers = new Headers(response.headers);
    const lie = Buffer.from(JSON.stringify(asked)).toString('base64url');
    headers.set('www-authenticate', challenge.replace(body, lie));
    return new Response(response.body, { status: response.status, headers });
  };
  await expect(fetch(page('tagged'))).rejects.toMatchObject({ code: 'broker-untrusted' });
  expect(served).toEqual([]);
  await expectConserved(wallet, 0n);
});

test('coins of a wallet that was put back from an old copy are refused by the site, which is not blamed for it', async () => {
  const { wallet, store, fetch } = await customer();
  expect((await fetch(page('first'))).status).toBe(200);
  const old = await market.customer({ topUpMicro: 0n });
  for (const { key, value } of await store.list('')) {
    await old.store.update([key], () => ({ put: { [key]: value }, result: undefined }));
  }
  const before = (await wallet.balance()).totalMicro;
  expect((await fetch(page('second'))).status).toBe(200);
  const copy = await Wallet.open({ store: old.store, fetch: market.fetch, env: market.env });
  const again = payingFetch(market.fetch, copy, { sleep: async () => {} });
  const answers = [];
  for (let n = 0; n < 3; n++) answers.push((await again(page(`copy ${n}`))).status);
  expect(answers).toContain(200);
  expect(await drift(copy)).toBe(0n);
  expect(await drift(wallet)).toBe(0n);
  expect(before - (await wallet.balance()).totalMicro).toBe(PRICE);
});

test('the words bring coins of a site back as well, to a wallet that never heard of the site', async () => {
  const { wallet, fetch } = await customer();
  expect((await fetch(page('before'))).status).toBe(200);
  await market.pay.redeemNow();
  const { phrase } = await wallet.phrase();
  const fresh = await market.reopen(new MemoryStore());
  const { lostMicro } = await fresh.restore({ phrase, brokerUrl: market.broker.url });
  expect(lostMicro).toBe(0n);
  expect((await fresh.balance()).totalMicro).toBe(START - PRICE);
  await fresh.setRule(market.origin, AUTO);
  expect((await payingFetch(market.fetch, fresh, { sleep: async () => {} })(page('after'))).status).toBe(200);
  expect(await drift(fresh)).toBe(0n);
  expect((await fresh.history({ limit: 1 }))[0]).toMatchObject({ state: 'paid', method: 'ecash' });
});

test('a site that was paid with coins that go everywhere gets coins of its own for the next pages, when nobody waits', async () => {
  const { wallet, fetch } = await customer();
  await wallet.coins.withdraw({ amountMicro: START });
  const locked = async () => (await wallet.balance()).brokers[0]?.coinsMicro ?? 0n;
  expect((await fetch(page('first'))).status).toBe(200);
  await wallet.recover();
  expect(await locked()).toBe(0n);
  const before = market.clock.shiftMs;
  market.clock.shiftMs += LOCK_WITHIN_MS;
  await wallet.recover();
  expect(await locked()).toBeGreaterThanOrEqual(10n * PRICE);
  const asked: string[] = [];
  market.control.middle = (request, on) => {
    if (isBroker(request)) asked.push(request.url);
    return on();
  };
  for (let n = 0; n < 3; n++) expect((await fetch(page(`next ${n}`))).status).toBe(200);
  expect(asked).toEqual([]);
  await expectConserved(wallet, 4n * PRICE);
  market.clock.shiftMs = before;
});

test('coins that a site never got come back when it can claim them no more, and those that it claimed do not', async () => {
  const { wallet, fetch } = await customer();
  expect((await fetch(page('kept'))).status).toBe(200);
  market.control.middle = (request, on) => {
    if (request.headers.has('authorization') && !isBroker(request)) throw new TypeError('the line is cut');
    return on();
  };
  await expect(fetch(page('cut'))).rejects.toThrow();
  market.control.middle = (_, on) => on();
  await market.pay.redeemNow();
  const before = market.clock.shiftMs;
  market.clock.shiftMs += 105 * DAY_MS;
  const hashOf = async () => (await wallet.coins.list())[0]?.listHash;
  const old = await hashOf();
  // The broker makes the keys of the next epoch when the site wants some.
  do {
    await market.pay.renewNow();
    await wallet.coins.withdraw({ amountMicro: 100n }).catch(() => undefined);
  } while ((await hashOf()) === old);
  for (let n = 0; n < 3; n++) await wallet.recover();
  expect(await drift(wallet)).toBe(0n);
  const { totalMicro, brokers } = await wallet.balance({ refresh: true });
  expect([totalMicro, brokers[0]?.coinsMicro, brokers[0]?.heldMicro]).toEqual([START - PRICE, 0n, 0n]);
  expect((await wallet.history()).find(({ why }) => why === 'unlock')).toMatchObject({ state: 'refunded' });
  expect(await market.audit()).toMatchObject({ ok: true });
  market.clock.shiftMs = before;
});
