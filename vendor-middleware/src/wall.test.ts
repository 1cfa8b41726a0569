import { afterEach, expect, test } from 'vitest';
import { buy, challengesOf, problemOf, type TestSite, testSite } from './testing/site.ts';

let site: TestSite;
afterEach(() => site.close());

test('an unpaid request gets 402 with a challenge, and a paid one the article, a receipt and change', async () => {
  site = await testSite();
  let runs = 0;
  site.app.get('/article/:id', site.pay.wall({ price: '0.0015 USD' }), (req, res) => {
    runs++;
    res.send(`article ${req.params['id']}`);
  });
  site.app.use('/farthing', site.pay.routes());
  const asked = await fetch(`${site.url}/article/1`);
  expect(asked.status).toBe(402);
  expect(challengesOf(asked)[0]).toMatchObject({ realm: site.pay.vnd, method: 'scrip', intent: 'charge' });
  expect(await problemOf(asked)).toMatchObject({ code: 'payment-required', consumed: false });
  expect(runs).toBe(0);

  const [piece] = site.broker.sell(10_000n);
  const { answer, receipt, change } = await buy(`${site.url}/article/1`, piece);
  expect(await answer.text()).toBe('article 1');
  expect(answer.status).toBe(200);
  expect(receipt).toMatchObject({ status: 'success', method: 'scrip' });
  expect(change[0]?.scrip.val).toBe('8500');
  expect(runs).toBe(1);

  await site.pay.redeemNow();
  expect(site.broker.total()).toBe(1500n);
});
