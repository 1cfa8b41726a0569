// eCash (Chaum, 1982; DigiCash, 1994): coins that their mint signed without seeing them.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { present as deposit, type Holder, lockKeysets, Site } from '@farthing/broker/testing';
import { type Challenge, decode, fromBase64url, type JsonObject, printCredential } from '@farthing/protocol';
import { keysetsResult, signKeyList } from '@farthing/protocol/broker';
import type { purse } from '@farthing/protocol/wallet';
import { freshId, holder, lockedTo, secretsOf, sumOf } from './coins.ts';
import type { Profile } from './profile.ts';
import type { Shop, Town } from './town.ts';
import { challengeOf, prepare, read, refusal } from './visit.ts';

const UNIT = 500n;
const PRICE = 2000n;
const FUNDS = 100_000n;
const VND = 'news.example';

/** Takes coins of its own alone, or without denominations those that go everywhere. */
const openNews = (town: Town, denominations = ['0.0005 USD', '0.002 USD'], vnd = VND) =>
  town.shop({
    vnd,
    options: { methods: ['ecash'], ecash: { denominations, online: denominations.length === 0 } },
    sell: (app, pay) => {
      app.get('/page/:n', pay.wall({ price: '0.002 USD' }), (req, res) => void res.send(`page ${req.params['n']}`));
    },
  });

/** The header that pays with coins. */
function header(one: Holder, challenge: Challenge, taken: purse.Taken, vnd = VND): string {
  const { coins, exp } = one.sign(taken, { vnd }, challenge.id, PRICE);
  return printCredential({ challenge, payload: { brk: one.bench.public.brk, exp: Number(exp), coins } });
}

const pay = ({ url }: Shop, authorization: string) => fetch(`${url}/page/1`, { headers: { authorization } });

const shoppers = 12;

export const ecash: Profile = {
  name: 'ecash',
  after: 'eCash, 1994',
  broker: { ecash: { denominations: [UNIT, PRICE, 10_000n] } },
  works: [
    {
      says: 'a wallet turns money into coins that nobody knows, and pays five pages with four coins each while the broker is stopped',
      async play(town) {
        const news = await openNews(town, ['0.0005 USD']);
        const wallet = await town.wallet({ micro: FUNDS, trusts: [news] });
        await wallet.coins.withdraw({ amountMicro: FUNDS / 2n });
        const ready = await prepare(wallet, `${news.url}/page/0`);
        assert.ok(ready.header.value.length <= 4096, `${ready.header.value.length} bytes`);
        await wallet.unsent(ready.id);
        await town.stopBroker();
        for (const n of [1, 2, 3, 4, 5]) {
          assert.equal((await read(wallet, `${news.url}/page/${n}`)).text, `page ${n}`);
        }
        const [record] = await wallet.history({ limit: 1 });
        assert.equal(record?.method, 'ecash');
        await town.startBroker();
        await news.pay.redeemNow();
        assert.equal(await news.owed(), 5n * PRICE);
      },
    },
    {
      says: 'coins that go everywhere pay a site that asks their mint before it delivers',
      async play(town) {
        const news = await openNews(town, []);
        const wallet = await town.wallet({ micro: FUNDS, trusts: [news] });
        await wallet.coins.withdraw({ amountMicro: FUNDS });
        assert.equal((await read(wallet, `${news.url}/page/1`)).text, 'page 1');
        await news.pay.redeemNow();
        assert.deepEqual([await news.owed(), (await wallet.balance()).totalMicro], [PRICE, FUNDS - PRICE]);
      },
    },
    {
      says: 'nothing that the mint saw when it signed is in what sites get of twelve shoppers',
      async play(town) {
        const site = await new Site(town.bench, VND).open();
        const seen = new Set<string>();
        const got = new Set<string>();
        for (let n = 0; n < shoppers; n++) {
          const one = await holder(town);
          const drafted = one.draft([UNIT]);
          const order = one.withdrawOrder(drafted);
          const { signatures } = await town.bench.send('/v1/ecash/withdraw', order);
          one.finish(drafted.planned, signatures);
          for (const text of secretsOf(order, signatures)) seen.add(text);
          const payment = one.sign(one.take(UNIT, { change: false }), site, freshId(town), UNIT);
          for (const text of secretsOf(payment['coins'])) got.add(text);
          await deposit(site, payment, false);
        }
        // A name, an output and a signature each; a key, a signature and a spend each: all of them different.
        assert.ok(seen.size >= 3 * shoppers && got.size >= 3 * shoppers);
        assert.deepEqual(
          [...seen].filter((text) => got.has(text)),
          [],
        );
      },
    },
  ],
  fails: [
    {
      says: 'one coin at two sites at once, forty times: its mint, which both ask, lets one of them have it',
      async play(town) {
        const shops = [await openNews(town, []), await openNews(town, [], 'shop.example')] as const;
        const alice = await holder(town);
        await alice.withdraw([PRICE]);
        const taken = alice.take(PRICE, { change: false });
        const tries = Array.from({ length: 40 }, async (_, n) => {
          const shop = shops[n % 2 === 0 ? 0 : 1];
          const challenge = await challengeOf(`${shop.url}/page/1`);
          const answer = await pay(shop, header(alice, challenge, taken, shop.pay.vnd));
          return answer.status === 200 ? answer.text() : refusal(Promise.resolve(answer));
        });
        const answers = await Promise.all(tries);
        assert.deepEqual(answers.toSorted(), [...Array(39).fill('coin-spent'), 'page 1']);
        for (const shop of shops) await shop.pay.redeemNow();
        assert.equal(sumOf(await Promise.all(shops.map((shop) => shop.owed()))), PRICE);
      },
    },
    {
      says: "another site's coins, forged ones, a stolen header, a coin twice",
      async play(town) {
        const news = await openNews(town);
        const rival = await new Site(town.bench, 'rival.example').open();
        await lockKeysets(rival, [PRICE]);
        const alice = await holder(town, VND, rival.vnd);
        const [here, there] = [await challengeOf(`${news.url}/page/1`), await challengeOf(`${news.url}/page/1`)];
        const [good, other] = [await lockedTo(alice, VND, [PRICE]), await lockedTo(alice, VND, [PRICE])];
        const foreign = await lockedTo(alice, rival.vnd, [PRICE]);
        const payload = (taken: purse.Taken, vnd = VND): JsonObject => {
          const { coins, exp } = alice.sign(taken, { vnd }, here.id, PRICE);
          return { brk: town.bench.public.brk, exp: Number(exp), coins };
        };
        const [coin] = coinsOf(payload(good));
        const [strange] = coinsOf(payload(other));
        const wrong: [payload: JsonObject, at: Challenge, code: string][] = [
          [payload(foreign), here, 'keyset-unknown'],
          [{ ...payload(good), coins: [{ ...coin, sig: strange?.['sig'] ?? '' }] }, here, 'coin-forged'],
          [payload(good, rival.vnd), here, 'spend-wrong'],
          [payload(good), there, 'spend-wrong'],
          [{ ...payload(good), coins: [{ ...coin }, { ...coin }] }, here, 'coin-repeated'],
        ];
        for (const [payload, challenge, code] of wrong) {
          assert.equal(await refusal(pay(news, printCredential({ challenge, payload }))), code);
        }
        assert.equal((await pay(news, header(alice, here, good))).status, 200);
        assert.equal(await refusal(pay(news, header(alice, there, good))), 'coin-spent');
        await news.pay.redeemNow();
        assert.equal(await news.owed(), PRICE);
      },
    },
    {
      says: 'a mint that shows one wallet keys of its own',
      async play(town) {
        let tagging = false;
        const asked: string[] = [];
        const lying: typeof fetch = async (input, init) => {
          const path = new URL(String(input)).pathname;
          asked.push(path);
          const answer = await fetch(input, init);
          return tagging && path === '/v1/ecash/keysets' ? Response.json(tagged(town, await answer.json())) : answer;
        };
        await town.bench.until('/v1/ecash/keysets');
        const wallet = await town.wallet({ micro: 10_000n, fetch: lying });
        await wallet.coins.withdraw({ amountMicro: PRICE });
        tagging = true;
        asked.length = 0;
        await assert.rejects(wallet.coins.withdraw({ amountMicro: PRICE }), { code: 'broker-untrusted' });
        assert.deepEqual(new Set(asked), new Set(['/v1/ecash/keysets']));
        assert.equal((await wallet.evidence()).length, 1);
      },
    },
  ],
};

const coinsOf = (payload: JsonObject) => payload['coins'] as JsonObject[];

/** Another list of the same number, under the broker's own signature. */
function tagged({ bench }: Town, shown: unknown) {
  const { list, keysets } = decode(keysetsResult, shown, 'broker-untrusted');
  const { root } = JSON.parse(readFileSync(join(bench.data, 'keys.json'), 'utf8')) as { root: string };
  const seed = fromBase64url(root);
  assert.ok(seed);
  return {
    list: signKeyList({ ...list, keysets: list.keysets.slice(0, 1) }, seed, bench.env().crypto),
    keysets: keysets.slice(0, 1),
  };
}
