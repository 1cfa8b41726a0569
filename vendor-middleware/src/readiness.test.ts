// A site that is asked whether it can sell, and one that is closed while visitors pay.
import type { Response } from 'express';
import { afterEach, expect, test } from 'vitest';
import { memory, type VendorStore } from './index.ts';
import { buy, challengesOf, credentialFor, problemOf, type TestSite, testSite } from './testing/site.ts';

let site: TestSite;
afterEach(() => site.close());

const readyAt = async () => {
  const answer = await fetch(`${site.url}/farthing/ready`);
  return { status: answer.status, type: answer.headers.get('content-type'), ...((await answer.json()) as object) };
};

test('a site says that it is ready, and that it is alive', async () => {
  site = await testSite();
  site.app.use('/farthing', site.pay.routes());
  expect(await site.pay.ready()).toEqual({ ok: true, reasons: [] });
  expect(await readyAt()).toMatchObject({ status: 200, type: 'application/json', ok: true });
  expect(await (await fetch(`${site.url}/farthing/health`)).json()).toEqual({ ok: true });
  expect((await fetch(`${site.url}/farthing/ready`, { method: 'DELETE' })).status).toBe(404);
});

test('a site whose store is lost is alive and not ready', async () => {
  const store = memory();
  let isLost = false;
  const failing: VendorStore = {
    ...store,
    readDoc: (key) => (isLost ? Promise.reject(new Error('gone')) : store.readDoc(key)),
  };
  site = await testSite({ store: failing });
  site.app.use('/farthing', site.pay.routes());
  isLost = true;
  expect(await readyAt()).toEqual({ status: 503, type: 'application/json', ok: false, reasons: ['store'] });
  expect((await fetch(`${site.url}/farthing/health`)).status).toBe(200);
});

test('H7 a closing site ends what was paid, and harms nobody who comes too late', async () => {
  site = await testSite();
  const inside = Promise.withResolvers<Response>();
  site.app.get('/slow', site.pay.wall({ price: '0.001 USD' }), (_req, res) => inside.resolve(res));
  site.app.get('/late', site.pay.wall({ price: '0.001 USD' }), (_req, res) => res.send('late'));
  const [first, second] = site.broker.sell(10_000n, { count: 2 });
  if (!first || !second) throw new Error('nothing was sold');
  const running = buy(`${site.url}/slow`, first);
  const res = await inside.promise;
  const [challenge] = challengesOf(await fetch(`${site.url}/late`));
  if (!challenge) throw new Error('no challenge');

  const closed = site.pay.close();
  expect(await site.pay.ready()).toEqual({ ok: false, reasons: ['draining'] });
  const { header } = credentialFor(challenge, second, { target: 'GET /late' });
  const late = await fetch(`${site.url}/late`, { headers: { authorization: header } });
  expect([late.status, late.headers.get('payment-consumed')]).toEqual([503, '?0']);
  expect(await problemOf(late)).toMatchObject({ code: 'site-not-ready', consumed: false });

  res.send('paid');
  const { answer, receipt } = await running;
  expect([answer.status, await answer.text(), receipt?.status]).toEqual([200, 'paid', 'success']);
  await closed;

  // The next process of the same site claims the one, and takes the other, which is as good as before.
  const next = await testSite({ data: site.data, on: site.broker });
  next.app.get('/late', next.pay.wall({ price: '0.001 USD' }), (_req, res) => res.send('late'));
  const again = await fetch(`${next.url}/late`, { headers: { authorization: header } });
  expect([again.status, await again.text()]).toEqual([200, 'late']);
  await next.pay.redeemNow();
  expect(site.broker.total()).toBe(2_000n);
  await next.close();
});
