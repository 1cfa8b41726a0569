// Signatures that could not be checked: the threads have died, or there is too much to do. Nothing is taken, nothing is delivered,
// and the same credential pays later.
import { proofPool, Unchecked } from '@farthing/node-kit';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Customer, challengeAt, payloadFor, send } from './testing/cheque-payer.ts';
import { problemOf, type TestSite, testSite } from './testing/site.ts';
import { tinyBroker } from './testing/tiny-broker.ts';
import { tinyCheques } from './testing/tiny-cheques.ts';

let site: TestSite;
let cheques: ReturnType<typeof tinyCheques>;
let customer: Customer;
let served = 0;
beforeEach(async () => {
  const broker = await tinyBroker();
  cheques = tinyCheques(broker);
  site = await testSite({ on: broker, methods: ['cheque'], cheque: { offlineMax: '0.01', minLevel: 1 } });
  served = 0;
  site.app.get('/page', site.pay.wall({ price: '0.0005 USD' }), (_req, res) => void res.end(`page ${++served}`));
  customer = cheques.customer(site.pay.vnd);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await site.close();
  await site.broker.close();
});

const page = () => `${site.url}/page`;

test('Nothing is taken while signatures cannot be checked, and the same credential pays later', async () => {
  const challenge = await challengeAt(page());
  const payload = payloadFor(challenge, customer);
  vi.spyOn(proofPool, 'firstWrong').mockRejectedValueOnce(new Unchecked('a thread has ended'));
  const { answer } = await send(page(), challenge, payload);
  expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('payment-consumed')]).toEqual([
    503,
    '1',
    '?0',
  ]);
  expect((await problemOf(answer))['code']).toBe('site-not-ready');
  expect(served).toBe(0);
  expect((await send(page(), challenge, payload)).answer.status).toBe(200);
  await site.pay.redeemNow();
  expect([served, cheques.total()]).toEqual([1, 500n]);
});

test('What was paid before is served again although nothing can be checked', async () => {
  const challenge = await challengeAt(page());
  const payload = payloadFor(challenge, customer);
  const first = await send(page(), challenge, payload);
  vi.spyOn(proofPool, 'firstWrong').mockRejectedValue(new Unchecked('too much to do'));
  const again = await send(page(), challenge, payload);
  expect([again.answer.status, again.answer.headers.get('payment-receipt')]).toEqual([
    200,
    first.answer.headers.get('payment-receipt'),
  ]);
});

test('The threads end in the middle of a check: no page, no money, and the next try is checked by another', async () => {
  const challenge = await challengeAt(page());
  const payload = payloadFor(challenge, customer);
  const { firstWrong } = proofPool;
  vi.spyOn(proofPool, 'firstWrong').mockImplementationOnce((proofs) => {
    const checking = firstWrong.call(proofPool, proofs);
    setImmediate(() => setImmediate(() => proofPool.close()));
    return checking;
  });
  const { answer } = await send(page(), challenge, payload);
  // The check may have been done before its thread ended; a page without one is what must not be.
  expect([200, 503]).toContain(answer.status);
  expect(served).toBe(answer.status === 200 ? 1 : 0);
  expect((await send(page(), challenge, payload)).answer.status).toBe(200);
  await site.pay.redeemNow();
  expect(cheques.total()).toBe(500n);
});
