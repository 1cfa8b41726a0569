// B9: a run that ended without a verdict. Its receipt may be out, so whoever takes it over never gives the money back.
import { request } from 'node:http';
import { nodeEnv } from '@farthing/node-kit';
import { afterEach, describe, expect, test } from 'vitest';
import { memory } from './index.ts';
import { buy, challengesOf, credentialFor, problemOf, testSite } from './testing/site.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test('a stuck payment is unknown, then taken over, never released, and delivered in the end', async () => {
  let shiftMs = 0;
  const env = () => ({ ...nodeEnv(), nowMs: Date.now() + shiftMs });
  const store = memory();
  const running = Promise.withResolvers<void>();
  const stuck = await testSite({ store, env });
  cleanups.push(() => stuck.close());
  stuck.app.get('/x', stuck.pay.wall({ price: '0.0015 USD' }), () => running.resolve());
  const next = await testSite({ store, env, on: stuck.broker, data: stuck.data });
  cleanups.push(() => next.close());
  let broken = true;
  next.app.get(
    '/x',
    next.pay.wall({ price: '0.0015 USD' }),
    (_req, res) => void res.status(broken ? 500 : 200).send('x'),
  );

  const [piece] = stuck.broker.sell(10_000n);
  const [challenge] = challengesOf(await fetch(`${next.url}/x`));
  if (!challenge || !piece) throw new Error('no challenge or scrip');
  const headers = { authorization: credentialFor(challenge, piece, { target: 'GET /x' }).header };
  const first = request(`${stuck.url}/x`, { headers }).on('error', () => {});
  cleanups.push(async () => first.destroy());
  first.end();
  await running.promise;

  // Somebody serves it: its outcome is not known, for this credential and for any other of the same scrip.
  const busy = await fetch(`${next.url}/x`, { headers });
  expect([busy.status, busy.headers.get('retry-after'), busy.headers.has('payment-consumed')]).toEqual([
    503,
    '1',
    false,
  ]);
  expect(await problemOf(busy)).toMatchObject({ code: 'outcome-unknown', consumed: 'unknown' });
  const rival = await buy(`${next.url}/x`, piece);
  expect(await problemOf(rival.answer)).toMatchObject({ code: 'outcome-unknown' });

  shiftMs = 61_000;
  const failed = await fetch(`${next.url}/x`, { headers });
  expect([failed.status, failed.headers.has('payment-receipt')]).toEqual([500, false]);
  expect(failed.headers.has('payment-consumed')).toBe(false);
  expect(await problemOf((await buy(`${next.url}/x`, piece)).answer)).toMatchObject({ code: 'scrip-spent' });

  broken = false;
  const served = await fetch(`${next.url}/x`, { headers });
  expect([served.status, served.headers.has('payment-receipt')]).toEqual([200, true]);
  await next.pay.redeemNow();
  expect(stuck.broker.total()).toBe(1500n);
});

test('a store that fails while it reserves leaves the outcome unknown, and the content closed', async () => {
  const store = memory();
  let failing = false;
  const reserve: typeof store.reserve = (entry) => (failing ? Promise.reject(new Error('disk')) : store.reserve(entry));
  const site = await testSite({ store: { ...store, reserve } });
  cleanups.push(() => site.close());
  let runs = 0;
  site.app.get('/x', site.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send(`run ${++runs}`));
  const [challenge] = challengesOf(await fetch(`${site.url}/x`));
  if (!challenge) throw new Error('no challenge');
  const { header } = credentialFor(challenge, site.broker.sell(10_000n)[0], { target: 'GET /x' });
  failing = true;
  const answer = await fetch(`${site.url}/x`, { headers: { authorization: header } });
  expect([answer.status, runs]).toEqual([503, 0]);
  expect(await problemOf(answer)).toMatchObject({ code: 'outcome-unknown', consumed: 'unknown' });
  failing = false;
  expect((await fetch(`${site.url}/x`, { headers: { authorization: header } })).status).toBe(200);
});

describe('a verdict that a crash cut off after the receipt went out', () => {
  /** A site whose verdicts never reach the disk, paid once; then the same site started again on the same store. */
  async function crashedSite() {
    const store = memory();
    const dying = await testSite({ store: { ...store, settle: () => new Promise(() => {}) } });
    cleanups.push(() => dying.close());
    dying.app.get('/x', dying.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send('x'));
    const { change } = await buy(`${dying.url}/x`, dying.broker.sell(10_000n)[0]);
    const again = await testSite({ store, on: dying.broker, data: dying.data });
    cleanups.push(() => again.close());
    again.app.get('/x', again.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send('x'));
    await again.pay.redeemNow();
    expect(again.broker.total()).toBe(0n);
    return { again, change: change[0] };
  }

  test('is made up for when the change that only the receipt carried is presented', async () => {
    const { again, change } = await crashedSite();
    expect((await buy(`${again.url}/x`, change)).answer.status).toBe(200);
    await again.pay.redeemNow();
    expect(again.broker.total()).toBe(3000n);
  });

  test('is not made up for by change that somebody made up', async () => {
    const { again, change } = await crashedSite();
    const forged = { ...change, scrip: { ...change.scrip, val: '9999' } };
    expect(await problemOf((await buy(`${again.url}/x`, forged)).answer)).toMatchObject({ code: 'scrip-forged' });
    const stolen = { ...change, csec: 'A'.repeat(43) };
    expect(await problemOf((await buy(`${again.url}/x`, stolen)).answer)).toMatchObject({ code: 'scrip-forged' });
    await again.pay.redeemNow();
    expect(again.broker.total()).toBe(0n);
  });
});
