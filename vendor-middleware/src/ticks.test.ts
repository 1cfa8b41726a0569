// 100,000 ticks of one stream over real HTTP on SQLite: what they cost in signatures and hashes, and what they pay.
import { nodeEnv } from '@farthing/node-kit';
import { type Crypto, readPaymentMeter } from '@farthing/protocol';
import { afterEach, expect, test } from 'vitest';
import { Payer } from './testing/payer.ts';
import { type TestSite, testSite } from './testing/site.ts';

const TICKS = 100_000;
const STEP = 1000;
const native = nodeEnv().crypto;
const count = { hashes: 0 };
/** What was signed or checked with public keys, by type of object; without the books with the broker in the background. */
let signatures: string[] = [];
const BOOKS = ['payword-redeem/1', 'redemption/1', 'payword-redeem/1-answer'];
const note = (message: Uint8Array) => {
  const type = /^farthing\/([a-z0-9/-]+)/.exec(Buffer.from(message).toString('latin1'))?.[1] ?? 'unknown';
  if (!BOOKS.includes(type)) signatures.push(type);
};
const crypto: Crypto = {
  ...native,
  sha256: (data) => {
    count.hashes++;
    return native.sha256(data);
  },
  sign: (seed, message) => {
    note(message);
    return native.sign(seed, message);
  },
  verify: (key, message, signature) => {
    note(message);
    return native.verify(key, message, signature);
  },
};
let site: TestSite;
afterEach(() => site.close());

test('100,000 ticks of a stream rest on one signature of their customer, cost a hash each, and pay exactly 100,000', async () => {
  site = await testSite({ methods: ['scrip', 'payword'], log: () => {}, env: () => ({ ...nodeEnv(), crypto }) });
  site.app.all(
    '/live',
    site.pay.stream({ price: '0.000001 USD', unit: 'tick' }, async function* () {
      for (let i = 1; i <= TICKS; i++) yield `data: ${i}\n\n`;
    }),
  );
  const url = `${site.url}/live`;
  const payer = new Payer(site.broker.payword.credit({ vnd: site.pay.vnd, n: TICKS, unit: 1n }));
  count.hashes = 0;
  signatures = [];
  const { answer } = await payer.pay(url, {}, STEP);
  let came = 0;
  const watch = async () => {
    let rest = '';
    for await (const chunk of answer.body ?? []) {
      const lines = (rest + Buffer.from(chunk).toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line === `data: ${came + 1}`) came++;
    }
  };
  const watching = watch();
  for (let paid = STEP; paid < TICKS; paid += STEP) {
    const prefer = `wait=25, payment-low=${STEP}`;
    const { answer: told } = await payer.pay(url, { method: 'HEAD', headers: { prefer } }, STEP);
    const meter = readPaymentMeter(told.headers.get('payment-meter'));
    expect(meter?.running).toBe(true);
    // Never more than a step and what is low are paid ahead.
    expect(meter?.remaining).toBeLessThanOrEqual(BigInt(STEP));
  }
  await watching;
  expect(came).toBe(TICKS);
  // The broker's over the certificate, which is looked at once a day, and the customer's over the chain.
  expect(signatures).toEqual(['daycert/1', 'commitment/1']);
  expect(count.hashes).toBeGreaterThanOrEqual(TICKS);
  expect(count.hashes).toBeLessThan(TICKS * 1.01);
  await site.pay.redeemNow();
  expect([site.broker.payword.total(), site.broker.payword.alarms]).toEqual([BigInt(TICKS), []]);
});
