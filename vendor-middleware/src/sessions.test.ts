// Sessions over real HTTP: open, pay, jump, top up, close, on credit and prepaid, with a tiny broker that pays the claims.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeEnv } from '@farthing/node-kit';
import { readRequest } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memory } from './index.ts';
import { Payer } from './testing/payer.ts';
import { buy, challengesOf, problemOf, type SiteOptions, type TestSite, testSite } from './testing/site.ts';
import { tinyBroker } from './testing/tiny-broker.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const METHODS = { methods: ['scrip', 'payword'] } as const;
const open = async (options: SiteOptions = {}) => {
  const site = await testSite({ ...METHODS, ...options });
  cleanups.push(() => site.close());
  return site;
};

describe('a site that takes sessions', () => {
  let site: TestSite;
  let runs: number;
  let payer: Payer;
  beforeEach(async () => {
    runs = 0;
    site = await open({ store: memory() });
    const { app, pay, broker } = site;
    app.get('/call', pay.wall({ price: '0.00001 USD', unit: 'call' }), (_req, res) => void res.send(`run ${++runs}`));
    app.get('/five', pay.wall({ price: '0.00001 USD', unit: 'call', units: 5 }), (_req, res) => void res.send('five'));
    app.get('/once', pay.wall({ price: '0.00002 USD' }), (_req, res) => void res.send('once'));
    app.get('/fails', pay.wall({ price: '0.00001 USD', unit: 'call' }), (_req, res) => void res.sendStatus(500));
    app.post('/call', pay.wall({ price: '0.00001 USD', unit: 'call' }), (_req, res) => void res.send(`run ${++runs}`));
    payer = new Payer(broker.payword.credit({ vnd: pay.vnd, n: 1000, unit: 10n }));
  });
  const redeemed = async () => {
    await site.pay.redeemNow();
    expect(site.broker.payword.alarms).toEqual([]);
    return site.broker.payword.total();
  };

  test('offers a session beside a charge, in one answer', async () => {
    const answer = await fetch(`${site.url}/five`);
    const offers = challengesOf(answer).map((challenge) => {
      const request = readRequest(challenge);
      return [challenge.method, challenge.intent, request?.amount, request?.unitType, request?.methodDetails['units']];
    });
    expect(offers).toEqual([
      ['scrip', 'charge', 50n, undefined, undefined],
      ['payword', 'session', 10n, 'call', 5],
    ]);
    const preferred = await fetch(`${site.url}/five`, {
      headers: { 'accept-payment': 'payword/session, scrip;q=0.5' },
    });
    expect(challengesOf(preferred).map(({ method }) => method)).toEqual(['payword', 'scrip']);
  });

  test('serves n payments with n requests and one opening challenge, and is paid for each', async () => {
    for (let i = 1; i <= 20; i++) {
      const { answer, receipt } = await payer.pay(`${site.url}/call`);
      expect([answer.status, await answer.text()]).toEqual([200, `run ${i}`]);
      expect(receipt).toMatchObject({
        method: 'payword',
        details: { intent: 'session', index: i, spent: `${i * 10}` },
      });
      expect(answer.headers.get('www-authenticate')).toBeNull();
      expect(answer.headers.get('cache-control')).toBe('private');
    }
    expect(payer.requests).toBe(21);
    expect(await redeemed()).toBe(200n);
    await payer.pay(`${site.url}/call`);
    expect(await redeemed()).toBe(210n);
  });

  test('tells people what the request costs, not the unit', async () => {
    const page = await fetch(`${site.url}/five`, { headers: { accept: 'text/html' } });
    expect(await page.text()).toContain('<bdi dir="ltr">$0.00005</bdi>');
  });

  test.each([
    ['throws', () => Promise.reject(new Error('no'))],
    ['gives no number', () => Number.NaN],
    ['gives none', () => 0],
    ['gives more than one payment may cost', () => 1_000_000],
  ])('serves nothing when the function of units %s', async (_, units) => {
    site.app.get('/odd', site.pay.wall({ price: '900000000000 USD', unit: 'call', units }), (_req, res) => {
      res.send(`run ${++runs}`);
    });
    const answer = await fetch(`${site.url}/odd`);
    expect([answer.status, (await problemOf(answer))['code'], runs]).toEqual([503, 'site-not-ready', 0]);
  });

  test('takes a jump for several units', async () => {
    const { answer, receipt } = await payer.pay(`${site.url}/five`);
    expect([answer.status, receipt?.details['index'], receipt?.details['units']]).toEqual([200, 5, 5]);
    expect((await payer.pay(`${site.url}/five`)).receipt?.details['spent']).toBe('100');
    expect(await redeemed()).toBe(100n);
  });

  test('sells the same page for scrip at once', async () => {
    const [piece] = site.broker.sell(1000n);
    if (!piece) throw new Error('no scrip');
    const { answer, change } = await buy(`${site.url}/five`, piece);
    expect([answer.status, change[0]?.scrip.val]).toEqual([200, '950']);
  });

  test('takes a word as a single payment too, one a challenge', async () => {
    const { answer, receipt } = await payer.pay(`${site.url}/once`);
    expect([answer.status, receipt?.details['intent']]).toEqual([200, 'charge']);
    const again = await payer.pay(`${site.url}/once`);
    expect([again.answer.status, (await problemOf(again.answer))['code']]).toEqual([402, 'challenge-reused']);
    expect(await redeemed()).toBe(20n);
  });

  test('charges nothing when the handler fails: the word and its money are good again', async () => {
    await payer.pay(`${site.url}/call`);
    const failing = new Payer(payer.piece);
    const payload = await failing.next(`${site.url}/fails`);
    const failed = await failing.send(`${site.url}/fails`, payload);
    expect([failed.answer.status, failed.receipt]).toEqual([500, undefined]);
    const { answer, receipt } = await payer.pay(`${site.url}/call`);
    expect([answer.status, receipt?.details['index'], receipt?.details['spent']]).toEqual([200, 2, '20']);
    expect(await redeemed()).toBe(20n);
  });

  test('gives the stored receipt for a repeat, and runs an unsafe handler once', async () => {
    const first = await payer.pay(`${site.url}/call`);
    const again = await fetch(`${site.url}/call`, { headers: { authorization: first.header } });
    expect(again.headers.get('payment-receipt')).toBe(first.answer.headers.get('payment-receipt'));
    expect(await again.text()).toBe('run 2');
    const poster = new Payer(site.broker.payword.credit({ vnd: site.pay.vnd, n: 10, unit: 10n }));
    const posted = await poster.pay(`${site.url}/call`, { method: 'POST', body: 'a' });
    expect(await posted.answer.text()).toBe('run 3');
    const repeat = await fetch(`${site.url}/call`, {
      method: 'POST',
      body: 'a',
      headers: { authorization: posted.header },
    });
    expect(await repeat.json()).toMatchObject({ status: 'paid' });
    const other = await fetch(`${site.url}/call`, {
      method: 'POST',
      body: 'b',
      headers: { authorization: posted.header },
    });
    expect(await problemOf(other)).toMatchObject({ code: 'index-used', consumed: true });
    expect(await redeemed()).toBe(20n);
  });

  test('takes top-ups, and serves on with the words of both', async () => {
    const small = new Payer(site.broker.payword.credit({ vnd: site.pay.vnd, n: 2, unit: 10n }));
    const { receipt } = await small.pay(`${site.url}/call`);
    await small.pay(`${site.url}/call`);
    const session = String(receipt?.details['session']);
    const more = new Payer(site.broker.payword.credit({ vnd: site.pay.vnd, n: 5, unit: 10n }));
    const opening = await more.next(`${site.url}/call`);
    const topped = await more.send(`${site.url}/call`, { ...opening, action: 'topup', session });
    expect(topped.receipt?.details).toMatchObject({ session, a: 1, index: 1, spent: '30' });
    expect(await redeemed()).toBe(30n);
  });

  test('closes when asked: signed closings, no content, and nothing is sold afterwards', async () => {
    const { receipt } = await payer.pay(`${site.url}/call`, {}, 4);
    const session = String(receipt?.details['session']);
    const closed = await payer.send(`${site.url}/call`, { action: 'close', session });
    expect([closed.answer.status, await closed.answer.text(), runs]).toEqual([204, '', 1]);
    expect(closed.receipt?.details).toMatchObject({
      final: true,
      spent: '10',
      closings: [{ typ: 'close/1', spent: '10' }],
    });
    const again = await fetch(`${site.url}/call`, { headers: { authorization: closed.header } });
    expect([again.status, again.headers.get('payment-receipt'), runs]).toEqual([
      204,
      closed.answer.headers.get('payment-receipt'),
      1,
    ]);
    const late = await payer.pay(`${site.url}/call`);
    expect([late.answer.status, (await problemOf(late.answer))['code']]).toEqual([410, 'session-final']);
    expect(await redeemed()).toBe(10n);
  });

  test('takes prepaid tickets under a key that it shares with the broker', async () => {
    expect([...site.broker.payword.keys.keys()]).toEqual([site.pay.vnd]);
    const prepaid = new Payer(site.broker.payword.prepaid({ vnd: site.pay.vnd, n: 50, unit: 10n }));
    for (let i = 1; i <= 10; i++) expect((await prepaid.pay(`${site.url}/call`)).answer.status).toBe(200);
    expect(await redeemed()).toBe(100n);
  });

  test('claims again what the broker put off', async () => {
    await payer.pay(`${site.url}/call`);
    const other = new Payer(site.broker.payword.credit({ vnd: site.pay.vnd, n: 9, unit: 10n }));
    await other.pay(`${site.url}/call`);
    site.broker.payword.mood.later = 1;
    expect(await redeemed()).toBe(20n);
    await payer.pay(`${site.url}/call`);
    site.broker.payword.mood.later = 1;
    await expect(site.pay.redeemNow()).rejects.toMatchObject({ code: 'broker-unreachable' });
    expect(await redeemed()).toBe(30n);
  });
});

test('a site asks the broker about credit in the background, and a no ends the credit', async () => {
  const broker = await tinyBroker({ poll: '2' });
  cleanups.push(() => broker.close());
  const site = await open({ store: memory(), on: broker });
  site.app.get('/call', site.pay.wall({ price: '0.00001 USD', unit: 'call' }), (_req, res) => void res.send('ok'));
  site.broker.payword.mood.poll = 'limit';
  const payer = new Payer(site.broker.payword.credit({ vnd: site.pay.vnd, n: 1000, unit: 10n }));
  let code: unknown;
  for (let i = 0; i < 100 && code === undefined; i++) {
    const { answer } = await payer.pay(`${site.url}/call`);
    if (answer.status !== 200) code = (await problemOf(answer))['code'];
  }
  expect(code).toBe('limit-reached');
  expect(broker.payword.polls[0]).toMatchObject({ typ: 'payword-poll/1', vnd: site.pay.vnd, amount: '10' });
});

test('a session that nobody pays for a while ends', async () => {
  let shiftMs = 0;
  const env = () => ({ ...nodeEnv(), nowMs: Date.now() + shiftMs });
  const site = await open({ store: memory(), env, payword: { idleMs: 60_000 } });
  site.app.get('/call', site.pay.wall({ price: '0.00001 USD', unit: 'call' }), (_req, res) => void res.send('ok'));
  const payer = new Payer(site.broker.payword.credit({ vnd: site.pay.vnd, n: 1000, unit: 10n }));
  await payer.pay(`${site.url}/call`);
  shiftMs = 61_000;
  const late = await payer.pay(`${site.url}/call`);
  expect([late.answer.status, (await problemOf(late.answer))['code']]).toEqual([410, 'session-final']);
});

test('a session goes on after a restart, without the broker, and is redeemed when it is back', async () => {
  const data = await mkdtemp(join(tmpdir(), 'farthing-sessions-'));
  cleanups.push(() => rm(data, { recursive: true, force: true }));
  const start = async (on?: TestSite['broker']) => {
    const site = await testSite({ ...METHODS, data, log: () => {}, ...(on ? { on } : {}) });
    site.app.get('/call', site.pay.wall({ price: '0.00001 USD', unit: 'call' }), (_req, res) => void res.send('ok'));
    return site;
  };
  const broker = await tinyBroker();
  cleanups.push(() => broker.close());
  const first = await start(broker);
  const payer = new Payer(broker.payword.prepaid({ vnd: first.pay.vnd, n: 100, unit: 10n }));
  const before = await payer.pay(`${first.url}/call`);
  await first.close();
  broker.mood.now = 'away';
  const second = await start(broker);
  cleanups.push(() => second.close());
  const repeat = await fetch(`${second.url}/call`, { headers: { authorization: before.header } });
  expect(repeat.headers.get('payment-receipt')).toBe(before.answer.headers.get('payment-receipt'));
  for (let i = 0; i < 3; i++) expect((await payer.pay(`${second.url}/call`)).answer.status).toBe(200);
  await expect(second.pay.redeemNow()).rejects.toMatchObject({ code: 'broker-unreachable' });
  broker.mood.now = 'well';
  await second.pay.redeemNow();
  expect([broker.payword.total(), broker.payword.alarms]).toEqual([40n, []]);
});

test('a site that does not turn it on offers scrip alone, and refuses its credentials', async () => {
  const site = await open({ store: memory(), methods: ['scrip'] });
  site.app.get('/call', site.pay.wall({ price: '0.00001 USD', unit: 'call' }), (_req, res) => void res.send('ok'));
  const answer = await fetch(`${site.url}/call`);
  expect(challengesOf(answer).map(({ method, intent }) => [method, intent])).toEqual([['scrip', 'charge']]);
  expect(site.broker.payword.keys.size).toBe(0);
});
