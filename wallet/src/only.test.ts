// A wallet for private windows: it pays with coins and nothing else, and prepares none that would stay behind at a site.
import { nativeRsa } from '@farthing/node-kit';
import { printChallenge, readChallenges } from '@farthing/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { payingFetch } from './paying-fetch.ts';
import { type Market, openMarket } from './testing/market.ts';
import { Wallet } from './wallet.ts';

const PRICE = 2_500n;
let market: Market;
beforeAll(async () => {
  market = await openMarket(
    (app, pay) => {
      app.get('/page/:id', pay.wall({ price: '0.0025 USD' }), (req, res) => void res.send(`page ${req.params.id}`));
    },
    {},
    {
      mint: [100n, 200n, 500n, 1000n, 2000n, 5000n, 10_000n],
      site: { methods: ['scrip', 'ecash'], ecash: { denominations: ['0.0005 USD', '0.002 USD'] } },
    },
  );
}, 60_000);
afterAll(() => market.close());

/** Of somebody whose money came as a gift: nobody knows the account. */
async function privateWallet(): Promise<Wallet> {
  const { wallet: giver } = await market.customer();
  await giver.coins.withdraw({ amountMicro: 50_000n });
  const { text = '' } = await giver.coins.give({ amountMicro: 50_000n });
  const { fetch, env } = market;
  const only = new Set(['ecash']);
  const wallet = await Wallet.open({ store: new MemoryStore(), fetch, env, rsa: nativeRsa, only, ahead: false });
  await wallet.coins.take(text);
  await wallet.setRule(market.origin, { mode: 'auto', perPageMicro: 10_000n, perDayMicro: 500_000n });
  return wallet;
}

const page = (id: string) => `${market.origin}/page/${id}`;

async function asked(url: string): Promise<string[]> {
  const response = await market.fetch(url);
  await response.body?.cancel();
  return readChallenges([response.headers.get('www-authenticate') ?? ''])
    .filter(({ method }) => method === 'scrip')
    .map(printChallenge);
}

test('pays with coins, and leaves none at the site', async () => {
  const wallet = await privateWallet();
  const pay = payingFetch(market.fetch, wallet, { sleep: async () => {} });
  for (const id of ['1', '2']) expect(await (await pay(page(id))).text()).toBe(`page ${id}`);
  expect(await wallet.history({ limit: 1 })).toMatchObject([{ method: 'ecash', state: 'paid', amountMicro: PRICE }]);
  expect((await wallet.balance()).brokers).toMatchObject([{ coinsMicro: 0n, heldMicro: 0n, cashMicro: 45_000n }]);
});

test('refuses an offer of other money, though it knows how to pay it', async () => {
  const wallet = await privateWallet();
  const ask = { url: page('3'), method: 'GET', site: market.origin, challenges: await asked(page('3')) };
  expect(ask.challenges).toHaveLength(1);
  expect(await wallet.decide(ask)).toMatchObject({ kind: 'refuse', reason: 'offer-unusable' });
  const { wallet: other } = await market.customer();
  expect(await other.decide(ask)).toMatchObject({ kind: 'ask' });
});

test('cannot be talked into other money by an approval', async () => {
  const wallet = await privateWallet();
  const challenges = await asked(page('4'));
  const [{ id: challengeId } = { id: '' }] = readChallenges(challenges);
  const ask = { url: page('4'), method: 'GET', site: market.origin, challenges };
  await expect(wallet.pay(ask, { challengeId, maxMicro: PRICE, by: 'person' })).rejects.toMatchObject({
    code: 'offer-unusable',
  });
  expect((await wallet.balance()).brokers).toMatchObject([{ cashMicro: 50_000n }]);
});
