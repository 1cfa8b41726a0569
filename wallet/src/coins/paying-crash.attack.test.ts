// The machine dies at every point where a wallet waits for storage, site or broker, after the effect, which is before the next: while coins are
// withdrawn, swapped for those of a site, paid with, changed, and given back by a page that failed. Afterwards every coin is
// somewhere, once, and what was paid was paid once.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryStore } from '../memory-store.ts';
import { payingFetch, siteAnswer } from '../paying-fetch.ts';
import type { WalletStore } from '../ports.ts';
import { drift } from '../testing/customer.ts';
import { killer } from '../testing/killer.ts';
import { type Market, openMarket } from '../testing/market.ts';
import { Wallet } from '../wallet.ts';

const START = 10_000n;
const AUTO = { mode: 'auto', perPageMicro: 5_000n, perDayMicro: 500_000n } as const;
const MINT = [100n, 200n, 500n, 1000n, 2000n, 5000n];
const names = ['coins that go everywhere', 'coins of the site'] as const;
const markets = new Map<(typeof names)[number], Market>();

const open = (denominations: string[]): Promise<Market> =>
  openMarket(
    (app, pay) => {
      app.get('/page/:id', pay.wall({ price: '0.0013 USD' }), (_req, res) => void res.send('page'));
      app.get('/broken', pay.wall({ price: '0.0013 USD' }), (_req, res) => void res.status(500).send('sorry'));
    },
    {},
    { mint: MINT, site: { methods: ['ecash'], ecash: { denominations } } },
  );

beforeAll(async () => {
  markets.set('coins that go everywhere', await open([]));
  markets.set('coins of the site', await open(['0.0001 USD', '0.0002 USD', '0.001 USD']));
}, 60_000);
afterAll(async () => {
  for (const market of markets.values()) await market.close();
});

type Guard = ReturnType<typeof killer>['guard'];

async function live(market: Market, { store: kept, guard }: { store: WalletStore; guard: Guard }): Promise<void> {
  const store: WalletStore = {
    read: (keys) => guard(() => kept.read(keys)),
    update: (keys, change) => guard(() => kept.update(keys, change)),
    list: (prefix, options) => guard(() => kept.list(prefix, options)),
  };
  const fetch: typeof globalThis.fetch = (input, init) => guard(() => market.fetch(input, init));
  const wallet = await Wallet.open({ store, fetch, env: market.env });
  const paid = payingFetch(fetch, wallet, { sleep: async () => {}, tries: 1 });
  for (const path of ['page/1', 'broken', 'page/2']) {
    const response = await paid(`${market.origin}/${path}`);
    await response.text();
  }
}

/** The wallet as it is when it was opened again, what was under way was shown again, and the rest finished. */
async function mended(market: Market, store: WalletStore): Promise<Wallet> {
  const wallet = await market.reopen(store);
  await wallet.recover();
  for (const { id, url, method, header } of await wallet.pending()) {
    const response = await market.fetch(url, { method, headers: { [header.name]: header.value } });
    await wallet.settle(id, await siteAnswer(response));
    await response.body?.cancel();
  }
  await wallet.recover();
  return wallet;
}

async function expectWhole(at: number, wallet: Wallet): Promise<void> {
  const payments = (await wallet.history()).filter(({ kind }) => kind === 'payment');
  const paid = payments.filter(({ state }) => state === 'paid');
  const spent = paid.reduce((sum, { amountMicro }) => sum + amountMicro, 0n);
  const { totalMicro, brokers } = await wallet.balance({ refresh: true });
  const pages = new Set(paid.map(({ url }) => url));
  expect([at, totalMicro, brokers[0]?.heldMicro, await drift(wallet), paid.length]).toEqual([
    ...[at, START - spent, 0n, 0n],
    pages.size,
  ]);
  // The mint agrees; it is asked after every counter, which takes longer than all the rest.
  if (at % 25 === 0) expect((await wallet.coins.check()).lostMicro, `at ${at}`).toBe(0n);
}

const PATIENCE_MS = 300_000;

test.each([...names])(
  'paying with %s, killed at every wait, loses no coin and pays no page twice',
  async (what) => {
    const market = markets.get(what);
    if (!market) throw new Error('the market is open');
    let points = 0;
    for (let at = 1; ; at++) {
      const { wallet, store } = await market.customer({ topUpMicro: START, store: new MemoryStore() });
      await wallet.setRule(market.origin, AUTO);
      const { guard, isDead } = killer(at, 'after');
      await live(market, { store, guard }).catch(() => undefined);
      await expectWhole(at, await mended(market, store));
      if (!isDead()) break;
      points++;
    }
    expect(points).toBeGreaterThan(40);
    await market.pay.redeemNow();
    expect(await market.audit()).toMatchObject({ ok: true });
  },
  PATIENCE_MS,
);
