// A wallet with a password that pays a site with coins: their secrets come from the words, so it says that it is locked, and takes
// nothing.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { payingFetch } from '../paying-fetch.ts';
import { drift } from '../testing/customer.ts';
import { type Market, openMarket } from '../testing/market.ts';
import { codeOf } from '../testing/mint.ts';

const PASSWORD = 'correct horse battery';
let market: Market;
beforeAll(async () => {
  market = await openMarket(
    (app, pay) => app.get('/page/:id', pay.wall({ price: '0.0025 USD' }), (_req, res) => void res.send('a page')),
    {},
    {
      mint: [100n, 200n, 500n, 1000n, 2000n, 5000n, 10_000n],
      site: { methods: ['ecash'], ecash: { denominations: ['0.0005 USD', '0.002 USD'] } },
    },
  );
}, 60_000);
afterAll(() => market.close());

test('coins are not spent while the wallet is locked, and are when it is unlocked', async () => {
  const { wallet, store } = await market.customer({ topUpMicro: 100_000n });
  await wallet.setRule(market.origin, { mode: 'auto', perPageMicro: 10_000n, perDayMicro: 500_000n });
  expect((await payingFetch(market.fetch, wallet)(`${market.origin}/page/1`)).status).toBe(200);
  const before = await store.list('purse/');
  await wallet.password.set(PASSWORD);
  await wallet.password.lock();
  const fetch = payingFetch(market.fetch, wallet);
  expect(await codeOf(fetch(`${market.origin}/page/2`))).toBe('wallet-locked');
  expect(await store.list('purse/')).toEqual(before);
  expect([await drift(wallet), (await wallet.pending()).length]).toEqual([0n, 0]);
  await wallet.password.unlock(PASSWORD);
  expect((await fetch(`${market.origin}/page/2`)).status).toBe(200);
  expect((await wallet.rule(market.origin)).spentTodayMicro).toBe(5_000n);
});
