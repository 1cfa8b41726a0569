// PayWord (Rivest, Shamir, 1996): a day's certificate, one signed commitment, and then a hash for each tick.
import { strict as assert } from 'node:assert';
import { payword as orders, Person, Site } from '@farthing/broker/testing';
import type { JsonObject } from '@farthing/protocol';
import { commit } from '@farthing/protocol/wallet';
import type { Request } from 'express';
import { Counted } from '../harness/counted.ts';
import { WordPayer } from '../harness/word-payer.ts';
import type { Profile } from './profile.ts';
import type { Town } from './town.ts';
import { read, refusal } from './visit.ts';

/** Ticks of one call at most; a wallet promises twenty calls like the first. */
const JUMP = 5000;
const CALLS = 20;
const LINE = 1_000_000n;
const VND = 'ticks.example';

async function openSite(town: Town) {
  const counted = new Counted();
  let calls = 0;
  const shop = await town.shop({
    vnd: VND,
    options: { methods: ['payword'], payword: { fundings: ['credit'], maxStep: JUMP }, env: counted.env },
    sell: (app, pay) => {
      const price = { price: '0.000001 USD', unit: 'tick', units: (req: Request) => Number(req.params['n']) };
      app.get('/ticks/:n', pay.wall(price), (req, res) => {
        calls++;
        res.send(`${req.params['n']} ticks`);
      });
    },
  });
  return { shop, counted, calls: () => calls };
}

/** A customer by hand, with a commitment to ten words. */
async function customer(town: Town, url: string, vnd = VND): Promise<WordPayer> {
  const { cert, seed } = await orders.certify(new Person(town.bench), vnd, LINE);
  const promise = { n: 10, unit: 1n, cap: LINE, exp: cert.exp };
  return new WordPayer(`${url}/ticks/1`, commit(cert, promise, seed, town.bench.env()), town.bench.env);
}

/** One who has used three of them. */
async function regular(town: Town, url: string): Promise<WordPayer> {
  const payer = await customer(town, url);
  for (let n = 0; n < 3; n++) assert.equal((await payer.pay()).answer.status, 200);
  return payer;
}

const answerTo = async (payer: WordPayer, payload: JsonObject) => (await payer.send(payload)).answer;

export const payword: Profile = {
  name: 'payword',
  after: 'PayWord, 1996',
  broker: { creditMicro: LINE },
  works: [
    {
      says: '100,000 ticks in jumps on one signed commitment, paid as delivered',
      async play(town) {
        const { shop, counted } = await openSite(town);
        const wallet = await town.wallet({ micro: 0n, trusts: [shop] });
        await wallet.setCredit({ on: true, perDayMicro: LINE });
        let ticks = 0;
        counted.restart();
        for (let n = 0; n < CALLS; n++) {
          const { text } = await read(wallet, `${shop.url}/ticks/${JUMP}`);
          ticks += Number.parseInt(text, 10);
        }
        assert.equal(ticks, 100_000);
        const promises = counted.signatures.filter((type) => type === 'daycert/1' || type === 'commitment/1');
        assert.deepEqual(promises, ['daycert/1', 'commitment/1']);
        await shop.pay.redeemNow();
        assert.equal(await shop.owed(), 100_000n);
      },
    },
  ],
  fails: [
    {
      says: 'words used before, beyond the end, giant, broken, or worth nothing',
      async play(town) {
        const { shop, calls } = await openSite(town);
        const payer = await regular(town, shop.url);
        const word = await payer.next();
        const wrong: [index: number, code: string][] = [
          [0, 'payload-invalid'],
          [3, 'index-used'],
          [11, 'index-beyond'],
          [2 ** 32, 'payload-invalid'],
          [2 ** 32 - 1, 'index-beyond'],
          [4.5, 'payload-invalid'],
          [5, 'word-wrong'],
        ];
        for (const [i, code] of wrong) assert.equal(await refusal(answerTo(payer, { ...word, i })), code, String(i));
        assert.equal((await payer.send(word)).answer.status, 200);
        assert.equal(calls(), 4);
        await shop.pay.redeemNow();
        assert.equal(await shop.owed(), 4n);
      },
    },
    {
      says: "another customer's word in a session, another site's commitment",
      async play(town) {
        const { shop, calls } = await openSite(town);
        const payer = await regular(town, shop.url);
        const word = await payer.next();
        const { w } = await (await customer(town, shop.url)).next();
        assert.ok(typeof w === 'string');
        assert.equal(await refusal(answerTo(payer, { ...word, w })), 'word-wrong');
        await new Site(town.bench, 'elsewhere.example').open();
        const elsewhere = await customer(town, shop.url, 'elsewhere.example');
        assert.equal(await refusal(answerTo(elsewhere, await elsewhere.next())), 'cert-foreign');
        assert.equal(calls(), 3);
        await shop.pay.redeemNow();
        assert.equal(await shop.owed(), 3n);
      },
    },
    {
      says: 'words redeemed twice, and more than the words are worth',
      async play(town) {
        const site = await new Site(town.bench, 'twice.example').open();
        const day = await orders.certify(new Person(town.bench), site.vnd, LINE);
        const session = orders.commitTo(town.bench, day, 10, 1n);
        const claim = orders.claimOf(session, 5);
        const first = await orders.redeemWords(site, claim, claim);
        const second = await orders.redeemWords(site, claim, orders.claimOf(session, 6, { cum: 9n }));
        const paid = [...first.sessions, ...second.sessions].map(({ credited }) => credited);
        assert.deepEqual([...paid, second.balance], ['5', '0', '0', '1', '6']);
      },
    },
  ],
};
