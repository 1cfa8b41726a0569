// Coins that are good everywhere at a site that asks their broker: change comes back, and whatever goes wrong on the way, the
// broker and the wallet agree in the end.

import { nativeCrypto, nativeRsa } from '@farthing/node-kit';
import { checkCoinProof } from '@farthing/protocol/wallet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryStore } from '../memory-store.ts';
import { payingFetch } from '../paying-fetch.ts';
import { drift } from '../testing/customer.ts';
import { type Market, openMarket } from '../testing/market.ts';
import type { Wallet } from '../wallet.ts';

const PRICE = 2_500n;
const START = 100_000n;
const DAY_MS = 86_400_000;
const AUTO = { mode: 'auto', perPageMicro: 80_000n, perDayMicro: 500_000n } as const;
let market: Market;
let served: string[] = [];

beforeAll(async () => {
  market = await openMarket(
    (app, pay) => {
      app.get('/page/:id', pay.wall({ price: '0.0025 USD' }), (req, res) => {
        served.push(String(req.params.id));
        res.send(`page ${req.params.id}`);
      });
      app.get('/dear', pay.wall({ price: '0.0777 USD' }), (_req, res) => void res.send('dear'));
      app.get('/changed', pay.wall({ price: '0.0033 USD' }), (_req, res) => void res.send('changed'));
      app.get('/odd/:id', pay.wall({ price: '0.0288 USD' }), (req, res) => void res.send(`odd ${req.params.id}`));
      app.get('/broken/:id', pay.wall({ price: '0.0033 USD' }), (_req, res) => void res.status(500).send('sorry'));
    },
    {},
    {
      mint: [100n, 200n, 500n, 1000n, 2000n, 5000n, 10_000n, 20_000n],
      site: { methods: ['ecash'], ecash: { denominations: [] } },
    },
  );
}, 60_000);
afterAll(() => market.close());

async function customer(topUpMicro = START) {
  served = [];
  market.control.middle = (_, on) => on();
  const { wallet, store } = await market.customer({ topUpMicro });
  await wallet.setRule(market.origin, AUTO);
  return { wallet, store, fetch: payingFetch(market.fetch, wallet, { sleep: async () => {} }) };
}

const page = (id: number | string) => `${market.origin}/page/${id}`;
const isPaid = (request: Request) => request.url.startsWith(market.origin) && request.headers.has('authorization');

/** Nothing was lost or made, what was begun has ended; the broker and the site say the same. */
async function expectConserved(wallet: Wallet, spentMicro: bigint): Promise<void> {
  expect(await wallet.recover()).toMatchObject({ open: 0 });
  expect(await drift(wallet)).toBe(0n);
  await market.pay.redeemNow();
  const { totalMicro, brokers } = await wallet.balance({ refresh: true });
  expect([totalMicro, brokers[0]?.heldMicro]).toEqual([START - spentMicro, 0n]);
  expect((await wallet.coins.check()).lostMicro).toBe(0n);
  expect(await market.audit()).toMatchObject({ ok: true });
}

test('one withdrawal pays several pages, and what is too much comes back as coins', async () => {
  const { wallet, fetch } = await customer();
  await wallet.coins.withdraw({ amountMicro: 40_000n });
  for (let n = 0; n < 6; n++) expect(await (await fetch(page(n))).text()).toBe(`page ${n}`);
  const [record] = await wallet.history({ limit: 1 });
  expect(record).toMatchObject({
    method: 'ecash',
    state: 'paid',
    receipt: { deposit: { state: 'held', amount: '2500' } },
  });
  await expectConserved(wallet, 6n * PRICE);
});

test('without coins the account gives some first, ahead of need', async () => {
  const { wallet, fetch } = await customer();
  expect((await fetch(page('first'))).status).toBe(200);
  const { brokers } = await wallet.balance();
  expect(brokers[0]?.cashMicro).toBeGreaterThan(10n * PRICE);
  await expectConserved(wallet, PRICE);
});

test('many pages at once are paid with coins of their own, or swapped ones, and no coin twice', async () => {
  const { wallet, fetch } = await customer();
  const pages = await Promise.all(Array.from({ length: 6 }, (_, n) => fetch(page(n))));
  expect(pages.map(({ status }) => status)).toEqual(Array(6).fill(200));
  await expectConserved(wallet, 6n * PRICE);
});

test('a price of several coins is paid with change for the last', async () => {
  const { wallet, fetch } = await customer();
  expect(await (await fetch(`${market.origin}/odd/1`)).text()).toBe('odd 1');
  await expectConserved(wallet, 28_800n);
});

test('a price that takes more coins than a header holds is paid by reference, also after a lost reply', async () => {
  const { wallet, fetch } = await customer();
  await wallet.coins.withdraw({ amountMicro: 90_000n });
  let losses = 1;
  market.control.middle = async (request, on) => {
    const response = await on();
    if (!isPaid(request) || losses-- <= 0) return response;
    throw new TypeError('the line is cut');
  };
  market.control.seen.length = 0;
  expect(await (await fetch(`${market.origin}/dear`)).text()).toBe('dear');
  const posts = market.control.seen.filter(({ method }) => method === 'POST');
  expect(posts.map(({ url }) => url.slice(market.origin.length))).toEqual(['/farthing/payload']);
  const [record] = await wallet.history({ limit: 1 });
  expect(record).toMatchObject({ state: 'paid', amountMicro: 77_700n });
  await expectConserved(wallet, 77_700n);
});

test('after a lost reply the same coins are shown again, and the change is there once', async () => {
  const { wallet, fetch } = await customer();
  let losses = 2;
  market.control.middle = async (request, on) => {
    const response = await on();
    if (!isPaid(request) || losses === 0) return response;
    losses--;
    throw new TypeError('the line is cut');
  };
  expect(await (await fetch(page('lost'))).text()).toBe('page lost');
  await expectConserved(wallet, PRICE);
});

test('a page that fails costs nothing, also when its change was out already', async () => {
  const { wallet, fetch } = await customer();
  await wallet.coins.withdraw({ amountMicro: 20_000n });
  for (let n = 0; n < 3; n++) expect((await fetch(`${market.origin}/broken/${n}`)).status).toBe(500);
  await market.pay.redeemNow();
  await expectConserved(wallet, 0n);
});

test('a wallet that is locked before the receipt comes takes its change when it is open again', async () => {
  const { wallet, fetch } = await customer();
  await wallet.coins.withdraw({ amountMicro: 20_000n });
  await wallet.password.set('correct horse');
  market.control.middle = async (request, on) => {
    const response = await on();
    if (isPaid(request)) await wallet.password.lock();
    return response;
  };
  expect(await (await fetch(`${market.origin}/changed`)).text()).toBe('changed');
  expect((await wallet.history({ limit: 1 }))[0]).toMatchObject({ state: 'pending' });
  expect(await wallet.evidence()).toEqual([]);
  market.control.middle = (_, on) => on();
  await wallet.password.unlock('correct horse');
  expect(await (await fetch(`${market.origin}/changed`)).text()).toBe('changed');
  expect((await wallet.history({ limit: 1 }))[0]).toMatchObject({ state: 'paid' });
  await expectConserved(wallet, 3_300n);
});

test('when no reply ever comes, the broker tells whether the site was paid', async () => {
  const { wallet, fetch } = await customer();
  let isCut = true;
  market.control.middle = async (request, on) => {
    const response = await on();
    if (isPaid(request) && isCut) throw new TypeError('the line is cut');
    return response;
  };
  await expect(fetch(page('gone'))).rejects.toThrow();
  expect(served[0]).toBe('gone');
  expect((await wallet.balance()).brokers[0]?.heldMicro).toBeGreaterThanOrEqual(PRICE);
  await market.pay.redeemNow();
  isCut = false;
  await wallet.recover();
  const [record] = await wallet.history({ limit: 1 });
  expect(record).toMatchObject({ state: 'paid_not_delivered', amountMicro: PRICE });
  await expectConserved(wallet, PRICE);
});

test('a payment that never arrived is free again when its challenge has ended', async () => {
  const { wallet, fetch } = await customer();
  market.control.middle = async (request, on) => {
    if (isPaid(request)) throw new TypeError('the line is cut');
    return on();
  };
  await expect(fetch(page('never'))).rejects.toThrow();
  market.control.middle = (_, on) => on();
  await wallet.recover();
  expect(await wallet.pending()).toHaveLength(1);
  const shiftMs = market.clock.shiftMs;
  market.clock.shiftMs += DAY_MS / 2;
  await wallet.recover();
  expect(await wallet.pending()).toEqual([]);
  await expectConserved(wallet, 0n);
  market.clock.shiftMs = shiftMs;
});

test('a copy of the wallet that was put back after spending finds out by itself, and blames no site', async () => {
  const { wallet, store, fetch } = await customer();
  await wallet.coins.withdraw({ amountMicro: 10_000n });
  const old = await market.customer({ topUpMicro: 0n });
  for (const { key, value } of await store.list('')) {
    await old.store.update([key], () => ({ put: { [key]: value }, result: undefined }));
  }
  for (let n = 0; n < 3; n++) expect((await fetch(page(n))).status).toBe(200);
  const copy = await market.reopen(old.store);
  const again = payingFetch(market.fetch, copy, { sleep: async () => {} });
  const answers = [];
  for (let n = 0; n < 3; n++) answers.push((await again(page(`copy ${n}`))).status);
  expect(answers).toContain(200);
  // What is held for a payment of the other copy is settled when its site claims it.
  await market.pay.redeemNow();
  await copy.recover();
  expect(await drift(copy)).toBe(0n);
  const { brokers } = await copy.balance({ refresh: true });
  expect(brokers[0]?.heldMicro).toBe(0n);
  const said = await copy.history();
  expect(said.some(({ why, code }) => why === 'another copy of this wallet' || code === 'coin-spent')).toBe(true);
  expect(await market.audit()).toMatchObject({ ok: true });
});

test('words bring back what a page that failed gave up after its change went out, and not its coins as well', async () => {
  const { wallet, fetch } = await customer();
  await wallet.coins.withdraw({ amountMicro: 20_000n });
  for (const n of ['a', 'b']) expect((await fetch(`${market.origin}/broken/${n}`)).status).toBe(500);
  await market.pay.redeemNow();
  const { phrase } = await wallet.phrase();
  const [record] = await wallet.history({ limit: 1 });
  const proof = await wallet.coins.prove({ id: record?.id ?? '' });
  expect(checkCoinProof(proof, { crypto: nativeCrypto, rsa: nativeRsa })).toMatchObject({
    ...{ state: 'voided', valueMicro: 3_300n },
  });

  const second = await market.reopen(new MemoryStore());
  // The answer that turns the first of them into coins is lost.
  let lost = 0;
  market.control.middle = async (request, on) => {
    const answer = await on();
    if (!request.url.endsWith('/v1/ecash/swap') || lost++ > 0) return answer;
    throw new TypeError('the connection broke');
  };
  expect(await second.restore({ phrase, brokerUrl: market.broker.url })).toMatchObject({ coinsMicro: 20_000n });
  expect(lost).toBe(2);
  const [{ cashMicro, heldMicro } = { cashMicro: 0n, heldMicro: 0n }] = (await second.balance()).brokers;
  expect([cashMicro, heldMicro]).toEqual([20_000n - 3_300n, 3_300n]);
  expect(await second.recover()).toMatchObject({ open: 0 });
  expect((await second.balance()).brokers[0]).toMatchObject({ cashMicro: 20_000n, heldMicro: 0n });
  expect(await drift(second)).toBe(0n);
  expect((await second.coins.check()).lostMicro).toBe(0n);
  // Every one of them is good.
  await second.coins.deposit({ amountMicro: 20_000n });
  expect((await second.balance({ refresh: true })).brokers[0]).toMatchObject({ accountMicro: START, cashMicro: 0n });
  expect(await market.audit()).toMatchObject({ ok: true });
});
