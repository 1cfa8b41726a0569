// MiniPay (Herzberg, Yochai, 1997): pages on an account, served at once up to a limit that the broker stands for.
import { strict as assert } from 'node:assert';
import { cheques, Person, Site } from '@farthing/broker/testing';
import type { Cheque } from '@farthing/protocol/wallet';
import { type Book, balanceOf, send, served, write } from './cheque-book.ts';
import type { Profile } from './profile.ts';
import type { Shop, Town } from './town.ts';
import { challengeOf, prepare, read, refusal } from './visit.ts';

const PRICE = 1000n;
const LIMIT = 5000n;
const FUNDS = 100_000n;
const VND = 'news.example';
const DAY_MS = 86_400_000;

const openNews = (town: Town) =>
  town.shop({
    vnd: VND,
    options: { methods: ['cheque'], cheque: { offlineMax: '0.005' } },
    sell: (app, pay) => {
      app.get('/page/:n', pay.wall({ price: '0.001 USD' }), (req, res) => void res.send(`page ${req.params['n']}`));
    },
  });

/** A customer by hand. */
async function byHand({ bench }: Town): Promise<Person> {
  const alice = new Person(bench);
  await alice.faucet(FUNDS);
  return alice;
}

async function slipFor(news: Shop, alice: Person, book: Book, more: Partial<Cheque> = {}) {
  const challenge = await challengeOf(`${news.url}/page/1`);
  return { challenge, book, cheque: write(challenge, book, alice, { capture: 'deferred', ...more }) };
}

const buy = async (news: Shop, alice: Person, book: Book): Promise<Response> =>
  send(`${news.url}/page/1`, await slipFor(news, alice, book));

export const minipay: Profile = {
  name: 'minipay',
  after: 'MiniPay, 1997',
  works: [
    {
      says: 'five pages up to the limit with the broker stopped; the sixth waits for it, and all six are paid when it is back',
      async play(town) {
        const news = await openNews(town);
        const wallet = await town.wallet({ micro: FUNDS, trusts: [news] });
        // The certificate is the one thing that the broker is asked for.
        const ready = await prepare(wallet, `${news.url}/page/0`);
        await wallet.unsent(ready.id);
        await town.stopBroker();
        for (let n = 1; n <= 5; n++) assert.equal((await read(wallet, `${news.url}/page/${n}`)).text, `page ${n}`);
        await assert.rejects(read(wallet, `${news.url}/page/6`), { code: 'broker-unreachable' });
        await town.startBroker();
        assert.equal((await read(wallet, `${news.url}/page/6`)).text, 'page 6');
        await news.pay.redeemNow();
        const { totalMicro } = await wallet.balance({ refresh: true });
        assert.deepEqual([await news.owed(), FUNDS - totalMicro], [6n * PRICE, 6n * PRICE]);
      },
    },
  ],
  fails: [
    {
      says: 'one page more than the limit while nobody can be asked: told to wait',
      async play(town) {
        const [news, alice] = [await openNews(town), await byHand(town)];
        const book = await cheques.openBook(alice, { vnd: VND, limit: LIMIT });
        await town.stopBroker();
        for (let n = 0; n < 5; n++) await served(await buy(news, alice, book));
        const { status, headers } = await buy(news, alice, book);
        assert.deepEqual([status, headers.has('retry-after')], [503, true]);
        await town.startBroker();
        await news.pay.redeemNow();
        assert.deepEqual([await news.owed(), FUNDS - (await balanceOf(alice))], [LIMIT, LIMIT]);
      },
    },
    {
      says: 'one page more than the broker gives its leave for',
      async play(town) {
        const [news, alice] = [await openNews(town), await byHand(town)];
        const book = await cheques.openBook(alice, { vnd: VND, limit: PRICE, perDay: 2n * PRICE });
        for (let n = 0; n < 2; n++) await served(await buy(news, alice, book));
        assert.equal(await refusal(buy(news, alice, book)), 'limit-reached');
        await news.pay.redeemNow();
        assert.equal(await news.owed(), 2n * PRICE);
      },
    },
    {
      says: "a cheque for another page, changed, of another site, or by yesterday's certificate",
      async play(town) {
        const [news, alice] = [await openNews(town), await byHand(town)];
        const book = await cheques.openBook(alice, { vnd: VND, limit: LIMIT });
        const slip = await slipFor(news, alice, book);
        await served(await send(`${news.url}/page/1`, slip));
        assert.equal(await refusal(send(`${news.url}/page/2`, slip)), 'challenge-reused');
        const fresh = await slipFor(news, alice, book);
        assert.equal(await refusal(send(`${news.url}/page/1`, { ...fresh, cheque: slip.cheque })), 'cheque-foreign');
        const cheaper = { ...fresh, cheque: { ...fresh.cheque, amount: '1' } };
        assert.equal(await refusal(send(`${news.url}/page/1`, cheaper)), 'amount-short');
        const later = { ...fresh, cheque: { ...fresh.cheque, exp: fresh.cheque.exp + 1 } };
        assert.equal(await refusal(send(`${news.url}/page/1`, later)), 'cheque-forged');
        await new Site(town.bench, 'shop.example').open();
        const elsewhere = await cheques.openBook(alice, { vnd: 'shop.example', limit: LIMIT });
        assert.equal(await refusal(send(`${news.url}/page/1`, await slipFor(news, alice, elsewhere))), 'cert-foreign');
        town.bench.offsetMs = DAY_MS + 120_000;
        assert.equal(await refusal(send(`${news.url}/page/1`, await slipFor(news, alice, book))), 'cert-expired');
        await news.pay.redeemNow();
        assert.equal(await news.owed(), PRICE);
      },
    },
  ],
};
