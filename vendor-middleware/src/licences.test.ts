import { nodeEnv } from '@farthing/node-kit';
import { afterEach, expect, test } from 'vitest';
import { buy, type TestSite, testSite } from './testing/site.ts';

let site: TestSite;
afterEach(() => site.close());

test('a licence that is nearly sold out is followed by the next, and scrip of both is taken', async () => {
  site = await testSite({ licence: { ceiling: '0.1', maxVal: '0.05' } });
  site.app.get('/x', site.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send('x'));
  const [old] = site.broker.sell(50_000n);
  await site.pay.renewNow();
  expect([...site.broker.licences.keys()]).toEqual(['k1']);
  site.broker.sell(30_000n);
  await site.pay.renewNow();
  expect([...site.broker.licences.keys()]).toEqual(['k1', 'k2']);
  await site.pay.renewNow();
  expect([...site.broker.licences.keys()]).toEqual(['k1', 'k2']);
  const [young] = site.broker.sell(50_000n, { kid: 'k2' });
  for (const piece of [old, young]) expect((await buy(`${site.url}/x`, piece)).answer.status).toBe(200);
  await site.pay.redeemNow();
  expect(site.broker.total()).toBe(3000n);
});

test('before a licence ends the next is granted; scrip of an ended one is taken until it expires itself', async () => {
  let shiftMs = 0;
  const env = () => ({ ...nodeEnv(), nowMs: Date.now() + shiftMs });
  const { tinyBroker } = await import('./testing/tiny-broker.ts');
  const broker = await tinyBroker({ env });
  site = await testSite({ on: broker, env });
  site.app.get('/x', site.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send('x'));
  const [old] = broker.sell(50_000n, { ttlMs: 370 * 86_400_000 });
  shiftMs = 340 * 86_400_000;
  await site.pay.renewNow();
  expect([...broker.licences.keys()]).toEqual(['k1', 'k2']);
  shiftMs = 366 * 86_400_000;
  expect((await buy(`${site.url}/x`, old)).answer.status).toBe(200);
  await site.pay.redeemNow();
  expect(broker.total()).toBe(1500n);
  await broker.close();
});

test('an overproduction beyond the ceiling is refused by the site', async () => {
  site = await testSite({ licence: { ceiling: '0.1', maxVal: '0.1' } });
  site.app.get('/x', site.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send('x'));
  const row = site.broker.licences.get('k1');
  if (!row) throw new Error('no licence');
  const [one] = site.broker.sell(60_000n);
  const sold = site.broker.licences.get('k1');
  // A broker that forgets what it sold.
  site.broker.licences.set('k1', { ...row, next: sold?.next ?? 2 });
  const [two] = site.broker.sell(60_000n);
  expect((await buy(`${site.url}/x`, one)).answer.status).toBe(200);
  const { answer } = await buy(`${site.url}/x`, two);
  expect([answer.status, (await answer.json()).code]).toEqual([402, 'licence-exceeded']);
});
