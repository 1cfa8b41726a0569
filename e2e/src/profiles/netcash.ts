// NetCash (Medvinsky, Neuman, 1993): several brokers make coins, and a site takes those of brokers that its own clears with.
import { strict as assert } from 'node:assert';
import { type Bench, Holder, lockKeysets, pinEachOther, present, Site } from '@farthing/broker/testing';
import { printCredential } from '@farthing/protocol';
import { runCommand } from '../harness/processes.ts';
import { freshId, lockedTo } from './coins.ts';
import type { Profile } from './profile.ts';
import type { Town } from './town.ts';
import { challengeOf, read, refusal, refused } from './visit.ts';

const PRICE = 2000n;
const FUNDS = 100_000n;
const LIMIT = 20_000n;
const COINS = { ecash: { denominations: [500n, PRICE, 10_000n] } };
/** Coins of an epoch can be spent for 90 days, claimed for 7 more, and reclaimed for 30 more. */
const CLAIMED_MS = 100 * 86_400_000;

/** A site that takes coins that go everywhere, with an account at this broker alone. */
const openNews = (town: Town, broker: Bench) =>
  town.shop({
    vnd: 'news.example',
    broker,
    options: { methods: ['ecash'], ecash: { denominations: [] } },
    sell: (app, pay) => {
      app.get('/page', pay.wall({ price: '0.002 USD' }), (_req, res) => void res.send('page'));
    },
  });

/** What one broker has to get from the other, by its own books. */
async function balanceWithPeer({ data }: Bench): Promise<string> {
  const { stdout } = await runCommand('broker/src/main.ts', ['peers', '--data', data, '--json']);
  const { peers } = JSON.parse(stdout) as { peers: { balance: string }[] };
  return peers[0]?.balance ?? 'nothing';
}

export const netcash: Profile = {
  name: 'netcash',
  after: 'NetCash, 1993',
  broker: COINS,
  works: [
    {
      says: "a wallet pays a site of another broker with its own broker's coins; the site is paid at home, and the brokers owe each other the price",
      async play(town) {
        const other = await town.neighbour(COINS);
        await pinEachOther(town.bench, other, LIMIT);
        // Before its keys are made a site is not told of them.
        await town.bench.until('/v1/ecash/keysets');
        const news = await openNews(town, other);
        const wallet = await town.wallet({ micro: FUNDS, trusts: [news] });
        assert.equal((await read(wallet, `${news.url}/page`)).text, 'page');
        await news.pay.redeemNow();
        assert.equal(await news.owed(), PRICE);
        assert.equal((await wallet.balance({ refresh: true })).totalMicro, FUNDS - PRICE);
        assert.deepEqual([await balanceWithPeer(town.bench), await balanceWithPeer(other)], [`${PRICE}`, `-${PRICE}`]);
      },
    },
    {
      says: 'coins that their site did not claim in its time go back to their holder, in his',
      async play(town) {
        const { site, alice, taken } = await lockedCoin(town);
        await afterTheSite(town, alice);
        assert.equal(
          await refused(present(site, alice.sign(taken, site, freshId(town), PRICE), false)),
          'keyset-expired',
        );
        await alice.swap(taken.coins, [PRICE]);
        assert.equal(alice.worth, PRICE);
      },
    },
  ],
  fails: [
    {
      says: 'coins of a broker that nobody vouches for',
      async play(town) {
        const other = await town.neighbour(COINS);
        const news = await openNews(town, other);
        const stranger = await new Holder(town.bench).funded(FUNDS);
        await stranger.withdraw([PRICE]);
        const challenge = await challengeOf(`${news.url}/page`);
        const { coins, exp } = stranger.sign(
          stranger.take(PRICE, { change: false }),
          { vnd: 'news.example' },
          challenge.id,
          PRICE,
        );
        const authorization = printCredential({
          challenge,
          payload: { brk: town.bench.public.brk, exp: Number(exp), coins },
        });
        assert.equal(await refusal(fetch(`${news.url}/page`, { headers: { authorization } })), 'broker-unknown');
      },
    },
    {
      says: 'the same coins by both sides of the window',
      async play(town) {
        const { site, alice, taken } = await lockedCoin(town);
        assert.equal(await refused(alice.swap(taken.coins, [PRICE])), 'keyset-expired');
        await present(site, alice.sign(taken, site, freshId(town), PRICE), false);
        await afterTheSite(town, alice);
        assert.equal(await refused(alice.swap(taken.coins, [PRICE])), 'coin-spent');
      },
    },
  ],
};

/** A coin that only one site can claim. */
async function lockedCoin(town: Town) {
  const site = await new Site(town.bench, 'shop.example').open();
  await lockKeysets(site, [PRICE]);
  const alice = await new Holder(town.bench).funded(FUNDS);
  await alice.learn(`/v1/vendors/${site.vnd}/keysets`);
  return { site, alice, taken: await lockedTo(alice, site.vnd, [PRICE]) };
}

/** The site can claim no more, and the broker has made the keys of that time. */
async function afterTheSite(town: Town, alice: Holder): Promise<void> {
  const { bench } = town;
  bench.offsetMs = CLAIMED_MS;
  await town.stopBroker();
  await town.startBroker();
  const serves = () =>
    [...alice.keysets.values()].some(({ record }) => !record.vnd && record.spendUntil * 1000 > bench.env().nowMs);
  do await alice.learn();
  while (!serves());
}
