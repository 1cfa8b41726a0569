// Millicent (Glassman, Manasse, Abadi, Gauthier, Sobalvarro, 1995): scrip that one site checks by itself, with change.
import { strict as assert } from 'node:assert';
import { Site } from '@farthing/broker/testing';
import type { JsonObject } from '@farthing/protocol';
import type { Profile } from './profile.ts';
import type { Town } from './town.ts';
import { prepare, present, read, refusal } from './visit.ts';

const PAGES = 20;
const PRICE = 500n;
const FUNDS = 100_000n;

const openNews = (town: Town) =>
  town.shop({
    vnd: 'news.example',
    sell: (app, pay) => {
      app.get('/page/:n', pay.wall({ price: '0.0005 USD' }), (req, res) => void res.send(`page ${req.params['n']}`));
    },
  });

/** A purse with scrip for twenty pages of the site, and nothing spent of it. */
async function reader(town: Town) {
  const news = await openNews(town);
  const wallet = await town.wallet({ micro: FUNDS, trusts: [news] });
  const payment = await prepare(wallet, `${news.url}/page/0`);
  await wallet.unsent(payment.id);
  const { coinsMicro } = (await wallet.balance()).brokers[0] ?? {};
  assert.equal(coinsMicro, BigInt(PAGES) * PRICE);
  return { news, wallet, payment };
}

export const millicent: Profile = {
  name: 'millicent',
  after: 'Millicent, 1995',
  works: [
    {
      says: 'twenty pages on one piece of scrip with the broker stopped: 19 changes, the last exact',
      async play(town) {
        const { news, wallet } = await reader(town);
        await town.stopBroker();
        const left: string[] = [];
        for (let n = 1; n <= PAGES; n++) {
          const { text, receipt } = await read(wallet, `${news.url}/page/${n}`);
          assert.equal(text, `page ${n}`);
          const { change } = receipt.details as { change?: { val: string } };
          left.push(change?.val ?? 'none');
        }
        const wanted = Array.from({ length: PAGES - 1 }, (_, n) => String(BigInt(PAGES - 1 - n) * PRICE));
        assert.deepEqual(left, [...wanted, 'none']);
        await town.startBroker();
        await news.pay.redeemNow();
        assert.equal(await news.owed(), BigInt(PAGES) * PRICE);
      },
    },
  ],
  fails: [
    {
      says: 'a stolen credential on another page',
      async play(town) {
        const news = await openNews(town);
        const wallet = await town.wallet({ micro: FUNDS, trusts: [news] });
        const payment = await prepare(wallet, `${news.url}/page/1`);
        assert.equal(await refusal(present(payment, `${news.url}/page/2`)), 'scrip-forged');
        assert.equal((await present(payment, `${news.url}/page/1`)).status, 200);
        assert.equal(await refusal(present(payment, `${news.url}/page/2`)), 'challenge-reused');
      },
    },
    {
      says: 'a thousand pieces that the site minted itself',
      async play(town) {
        const forger = await new Site(town.bench, 'forger.example').open();
        const claims = Array.from({ length: 1000 }, (_, n) => ({ root: `k1.${5000 + n}`, cum: 1_000_000n }));
        const { redemption, roots, balance } = await forger.redeem(claims);
        assert.deepEqual([(redemption as JsonObject)['credited'], balance], ['0', '0']);
        assert.ok((roots as JsonObject[]).every(({ alarm }) => alarm === 'unknown-root'));
      },
    },
    {
      says: 'scrip that was given back, spent after all',
      async play(town) {
        const { news, wallet, payment } = await reader(town);
        await wallet.refund({ origin: news.url });
        assert.equal((await wallet.balance({ refresh: true })).brokers[0]?.accountMicro, FUNDS);
        assert.equal(await refusal(present(payment, `${news.url}/page/0`)), 'scrip-spent');
        await news.pay.redeemNow();
        assert.equal(await news.owed(), 0n);
      },
    },
  ],
};
