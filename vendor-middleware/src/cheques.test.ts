// Cheques that are served at once (MiniPay): to the unit within the limit, whoever is away; above it by the broker's leave.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buyWith, challengeAt, payloadFor, send } from './testing/cheque-payer.ts';
import { problemOf, type TestSite, testSite } from './testing/site.ts';
import { tinyBroker } from './testing/tiny-broker.ts';
import { tinyCheques } from './testing/tiny-cheques.ts';

let site: TestSite;
let cheques: ReturnType<typeof tinyCheques>;
beforeEach(async () => {
  const broker = await tinyBroker();
  cheques = tinyCheques(broker);
  site = await testSite({ on: broker, methods: ['scrip', 'cheque'], cheque: { offlineMax: '0.01' } });
  site.app.use('/farthing', site.pay.routes());
  site.app.get('/page', site.pay.wall({ price: '0.0005 USD' }), (_req, res) => void res.end('a page'));
  site.app.get('/broken', site.pay.wall({ price: '0.0005 USD' }), (_req, res) => void res.status(500).end());
});
afterEach(async () => {
  await site.close();
  await site.broker.close();
});

const page = () => `${site.url}/page`;

describe('Within the limit', () => {
  test('pages are served to the unit while the broker is away, and paid when it is back', async () => {
    const customer = cheques.customer(site.pay.vnd);
    site.broker.mood.now = 'away';
    // The certificate and the site both allow 10,000: twenty pages of 500.
    for (let i = 0; i < 20; i++) {
      const { answer, receipt } = await buyWith(page(), customer);
      expect([answer.status, await answer.text()]).toEqual([200, 'a page']);
      expect(receipt?.details).toMatchObject({ pending: true });
    }
    const { answer } = await buyWith(page(), customer);
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    await answer.arrayBuffer();
    site.broker.mood.now = 'well';
    await site.pay.redeemNow();
    expect(cheques.total()).toBe(10_000n);
    expect(cheques.count('cheque-redeem/1')).toBe(1);
    await site.pay.redeemNow();
    expect([cheques.total(), cheques.count('cheque-redeem/1')]).toEqual([10_000n, 1]);
  });

  test('the least counts of what broker and site allow', async () => {
    const poor = cheques.customer(site.pay.vnd, { limit: '1000' });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await buyWith(page(), poor)).answer.status);
    expect(statuses).toEqual([200, 200, 402]);
    expect(cheques.count('cheque-authorize/1')).toBe(1);
  });

  test('a page that fails is not paid, and its money can be spent again', async () => {
    const customer = cheques.customer(site.pay.vnd, { limit: '500' });
    const { answer } = await buyWith(`${site.url}/broken`, customer);
    expect([answer.status, answer.headers.get('payment-consumed')]).toEqual([500, '?0']);
    await answer.arrayBuffer();
    expect((await buyWith(page(), customer)).answer.status).toBe(200);
    await site.pay.redeemNow();
    expect(cheques.total()).toBe(500n);
  });

  test('customers and days are counted apart', async () => {
    const limit = { limit: '500' };
    const one = cheques.customer(site.pay.vnd, limit);
    const other = cheques.customer(site.pay.vnd, limit);
    const tomorrow = cheques.customer(site.pay.vnd, { ...limit, sub: one.cert.sub, exp: one.cert.exp - 3600 });
    for (const customer of [one, other, tomorrow]) expect((await buyWith(page(), customer)).answer.status).toBe(200);
  });
});

describe('Above the limit', () => {
  test('one more unit asks the broker once, and what it allows is served without asking again', async () => {
    const customer = cheques.customer(site.pay.vnd, { limit: '1000' });
    cheques.mood.limit = 3000n;
    for (let i = 0; i < 6; i++) expect((await buyWith(page(), customer)).answer.status).toBe(200);
    expect(cheques.asked['cheque-authorize/1']).toMatchObject([
      { spent: '1000', amount: '500', sub: customer.cert.sub },
    ]);
    const { answer } = await buyWith(page(), customer);
    expect(answer.status).toBe(402);
    expect(await problemOf(answer)).toMatchObject({
      type: expect.stringContaining('payment-action-required'),
      code: 'limit-reached',
      consumed: false,
    });
    expect(cheques.count('cheque-authorize/1')).toBe(2);
    await site.pay.redeemNow();
    expect(cheques.total()).toBe(3000n);
  });

  test('the broker’s no is an answer for the customer, with another offer to pay', async () => {
    const customer = cheques.customer(site.pay.vnd, { limit: '500' });
    await buyWith(page(), customer);
    cheques.mood.refuse = 'balance-short';
    const { answer } = await buyWith(page(), customer);
    expect(answer.headers.get('www-authenticate')).toContain('method="scrip"');
    expect(await problemOf(answer)).toMatchObject({ code: 'balance-short' });
  });

  test('an answer that got lost is asked for again, and nothing is served before it came', async () => {
    const customer = cheques.customer(site.pay.vnd, { limit: '500' });
    await buyWith(page(), customer);
    cheques.mood.limit = 1000n;
    site.broker.mood.now = 'deaf';
    const challenge = await challengeAt(page());
    const payload = payloadFor(challenge, customer);
    expect((await send(page(), challenge, payload)).answer.status).toBe(503);
    site.broker.mood.now = 'well';
    expect((await send(page(), challenge, payload)).answer.status).toBe(200);
    await site.pay.redeemNow();
    expect(cheques.total()).toBe(1000n);
  });
});

test('What was served is claimed after a restart, also when the site takes no cheques any more', async () => {
  await buyWith(page(), cheques.customer(site.pay.vnd));
  const again = await testSite({ on: site.broker, data: site.data, methods: ['scrip'] });
  await again.pay.redeemNow();
  await again.close();
  expect(cheques.total()).toBe(500n);
});

describe('A cheque that the broker decides first', () => {
  const now = { capture: 'now' } as const;
  const held = () => [...cheques.rows.values()].map(({ receipt }) => receipt.result);

  test('is held until the page is delivered, then captured with others in one order', async () => {
    const customer = cheques.customer(site.pay.vnd, { vnd: '*', limit: '0' });
    for (let i = 0; i < 3; i++) {
      const { answer, receipt } = await buyWith(page(), customer, now);
      expect([answer.status, await answer.text()]).toEqual([200, 'a page']);
      expect(receipt?.details).toMatchObject({ receipt: { result: 'held', amount: '500' } });
    }
    expect([held(), cheques.total()]).toEqual([['held', 'held', 'held'], 0n]);
    await site.pay.redeemNow();
    expect([held(), cheques.total(), cheques.count('cheque-settle/1')]).toEqual([['paid', 'paid', 'paid'], 1500n, 1]);
  });

  test('is given back when the page fails, and pays nothing any more', async () => {
    const customer = cheques.customer(site.pay.vnd);
    const broken = `${site.url}/broken`;
    const challenge = await challengeAt(broken);
    const payload = payloadFor(challenge, customer, now);
    const { answer } = await send(broken, challenge, payload);
    expect([answer.status, answer.headers.get('payment-consumed')]).toEqual([500, '?0']);
    await answer.arrayBuffer();
    const again = await send(broken, challenge, payload);
    expect(again.answer.status).toBe(402);
    expect(await problemOf(again.answer)).toMatchObject({ code: 'cheque-void', receipt: { result: 'refused' } });
    await site.pay.redeemNow();
    expect([held(), cheques.total()]).toEqual([['refused'], 0n]);
  });

  test('whose hold has ended before the site could capture it is told to the owner', async () => {
    await buyWith(page(), cheques.customer(site.pay.vnd), now);
    cheques.rows.clear();
    await site.pay.redeemNow();
    expect(site.log.join()).toContain('its hold has ended');
  });

  test('waits for a broker that is away, and costs nothing meanwhile', async () => {
    const customer = cheques.customer(site.pay.vnd);
    const challenge = await challengeAt(page());
    const payload = payloadFor(challenge, customer, now);
    site.broker.mood.now = 'deaf';
    const { answer } = await send(page(), challenge, payload);
    expect([answer.status, answer.headers.has('retry-after')]).toEqual([503, true]);
    expect(await problemOf(answer)).toMatchObject({ code: 'outcome-unknown', consumed: 'unknown' });
    site.broker.mood.now = 'well';
    expect((await send(page(), challenge, payload)).answer.status).toBe(200);
    await site.pay.redeemNow();
    expect(cheques.total()).toBe(500n);
  });
});

describe('A refund', () => {
  test('gives back parts of a payment up to all of it', async () => {
    const { receipt } = await buyWith(page(), cheques.customer(site.pay.vnd));
    await site.pay.redeemNow();
    const payment = receipt?.challengeId ?? '';
    expect(await site.pay.refund(payment, '0.0002 USD')).toEqual({ amount: 200n, currency: 'usd-micro' });
    expect(await site.pay.refund(payment, '0.0003 USD')).toEqual({ amount: 500n, currency: 'usd-micro' });
    await expect(site.pay.refund(payment, '0.000001 USD')).rejects.toMatchObject({ code: 'refund-over' });
    await expect(site.pay.refund('A'.repeat(43), '0.01 USD')).rejects.toMatchObject({ code: 'cheque-unknown' });
  });

  test('whose answer got lost is made once, also by another process of the site, and before any other', async () => {
    const { receipt } = await buyWith(page(), cheques.customer(site.pay.vnd));
    await site.pay.redeemNow();
    const payment = receipt?.challengeId ?? '';
    site.broker.mood.now = 'deaf';
    await expect(site.pay.refund(payment, '0.0002 USD')).rejects.toMatchObject({ code: 'broker-unreachable' });
    site.broker.mood.now = 'well';
    await expect(site.pay.refund(payment, '0.0001 USD')).rejects.toMatchObject({ code: 'outcome-unknown' });
    const other = await testSite({ on: site.broker, data: site.data, methods: ['scrip', 'cheque'] });
    expect((await other.pay.refund(payment, '0.0002 USD')).amount).toBe(200n);
    await other.close();
    expect([...cheques.refunded.values()]).toEqual([200n]);
    expect((await site.pay.refund(payment, '0.0001 USD')).amount).toBe(300n);
  });
});
