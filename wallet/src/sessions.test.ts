// Sessions as a wallet lives them, with a real broker and a real site: one opening, then a word for each request.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type PayingOptions, payingFetch } from './paying-fetch.ts';
import { drift } from './testing/customer.ts';
import { type Market, openMarket } from './testing/market.ts';
import type { Wallet } from './wallet.ts';

const START = 100_000n;
const RULE = { mode: 'auto', perPageMicro: 100n, perDayMicro: 10_000n } as const;
let market: Market;
let wallet: Wallet;
let runs: string[];
const call = (n: number | string) => `${market.origin}/call/${n}`;
const fetcher = (options: PayingOptions = {}) =>
  payingFetch(market.fetch, wallet, { sleep: async () => {}, ...options });

beforeEach(async () => {
  runs = [];
  market = await openMarket((app, pay) => {
    const unit = { price: '0.00001 USD', unit: 'call' };
    app.get('/call/:id', pay.wall(unit), (req, res) => {
      runs.push(String(req.params.id));
      res.send(`call ${req.params.id}`);
    });
    app.post('/call', pay.wall(unit), (_req, res) => {
      runs.push('post');
      res.send('posted');
    });
    app.get('/five', pay.wall({ ...unit, units: 5 }), (_req, res) => void res.send('five'));
    app.get('/fails/:id', pay.wall(unit), (_req, res) => void res.sendStatus(500));
  });
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
  expect(await wallet.refund()).toMatchObject([{ kind: 'refund', state: 'refunded', amountMicro: 9_800n }]);
  const { brokers } = await wallet.balance({ refresh: true });
  expect(brokers).toMatchObject([{ accountMicro: START - 200n, coinsMicro: 0n, heldMicro: 0n }]);
  await expectConserved(200n);
  expect(await (await fetch(call('later'))).text()).toBe('call later');
  await expectConserved(210n);
});
