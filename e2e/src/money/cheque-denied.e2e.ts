// A site that is paid by cheque, hides the page and says that it took nothing: the wallet gives the money back on its word, and the
// broker lets the site have no more than the day's limit that the certificate was ordered with.
import { payingFetch } from '@farthing/wallet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Town } from '../profiles/town.ts';

const PRICE = 1000n;
const DAY = 5n * PRICE;
let town: Town;
beforeAll(async () => {
  town = await Town.open();
});
afterAll(() => town[Symbol.asyncDispose]());

it.each([
  ['decided by the broker', 'decided.example', { captures: ['now' as const] }],
  ['served at once', 'served.example', { captures: ['deferred' as const], offlineMax: '0.05' }],
])(
  'cheques that are %s: the day’s limit bounds what a site gets that denies every one of them',
  async (_, vnd, cheque) => {
    const site = await town.shop({
      vnd,
      options: { methods: ['cheque'], cheque },
      sell(app, pay) {
        app.get('/page/:n', pay.wall({ price: '0.001 USD' }), (_req, res) => void res.send('a page'));
      },
    });
    const wallet = await town.wallet({ micro: 100_000n });
    await wallet.setRule(site.url, { mode: 'auto', perPageMicro: 2n * PRICE, perDayMicro: DAY });
    let denied = 0;
    const lying: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init);
      if (answer.status !== 200) return answer;
      denied++;
      const body = JSON.stringify({ type: 'about:blank', status: 403, code: 'site-not-ready', consumed: false });
      const headers = { 'content-type': 'application/problem+json', 'payment-consumed': '?0' };
      return new Response(body, { status: 403, headers });
    };
    const pay = payingFetch(lying, wallet);
    for (let n = 0; n < 12; n++) await (await pay(`${site.url}/page/${n}`)).text();
    expect(denied).toBeGreaterThanOrEqual(Number(DAY / PRICE));
    await site.pay.redeemNow();
    expect(await site.owed()).toBe(DAY);
  },
);
