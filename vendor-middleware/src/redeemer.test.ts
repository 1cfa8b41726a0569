import { nodeEnv } from '@farthing/node-kit';
import { limits } from '@farthing/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { scripChannel } from './channels.ts';
import { type ClaimTotal, memory, type VendorStore } from './index.ts';
import { Redeemer } from './redeemer.ts';
import type { Problem } from './setup-error.ts';
import { type TestSite, testSite } from './testing/site.ts';
import { reservation } from './testing/store-suite.ts';

// A site grants the licence; the redeemers under test work beside it, on a store of their own.
let site: TestSite;
let store: VendorStore;
let problems: Problem[];
let shiftMs = 0;
beforeEach(async () => {
  site = await testSite({ store: memory() });
  store = memory();
  problems = [];
  shiftMs = 0;
});
afterEach(() => site.close());

async function redeemer(most?: number): Promise<Redeemer> {
  const keys = await (await fetch(`${site.broker.url}/v1/keys`)).json();
  return new Redeemer({
    store,
    vnd: site.pay.vnd,
    seed,
    broker: { url: site.broker.url, keys },
    env: () => ({ ...nodeEnv(), nowMs: Date.now() + shiftMs }),
    channel: scripChannel((root) => (root.startsWith('k') ? 'usd-micro' : 'eur-micro')),
    tell: (problem) => problems.push(problem),
    ...(most === undefined ? {} : { most }),
  });
}
const seed = nodeEnv().random(32);

let count = 0;
async function earn(key: string, add: bigint): Promise<void> {
  const claims = [{ key, add, untilMs: Date.now() + 1e9 }];
  await store.reserve(reservation({ id: `earned ${count++}`, spends: [], claims, state: 'committed' }));
}
const due = (): Promise<ClaimTotal[]> => store.claimsDue(2000);

test('claims are paid once, totals grow, and batches are linked by their hashes', async () => {
  const [a, b] = site.broker.sell(10_000n, { count: 2 }).map(({ scrip }) => scrip.root);
  if (!a || !b) throw new Error('no scrip');
  const redeem = await redeemer();
  await earn(a, 1000n);
  await earn(b, 500n);
  await redeem.redeemNow();
  expect(site.broker.total()).toBe(1500n);
  await earn(a, 1n);
  await redeem.redeemNow();
  expect(site.broker.total()).toBe(1501n);
  expect(await due()).toEqual([]);
  const batches = site.broker.orders.filter(({ typ }) => typ === 'scrip-redeem/1');
  expect(batches.map((order) => order['prev'])).toEqual(['', site.broker.batches[0]]);
  const kept = (await store.listDocs('redemption:')).map(({ value }) => JSON.parse(value) as { redemption: object });
  expect(kept).toMatchObject([
    { n: 1, redemption: { credited: '1500', batch: site.broker.batches[0] } },
    { n: 2, redemption: { credited: '1', prev: site.broker.batches[0], sig: expect.any(String) } },
  ]);
  expect(problems).toEqual([]);
});

test('a long run tells of each batch, and claims everything once', async () => {
  const sold = Array.from({ length: 52 }, () => site.broker.sell(10n, { count: 20 })).flat();
  await Promise.all(sold.map(({ scrip }) => earn(scrip.root, 3n)));
  const told: number[] = [];
  await (await redeemer()).redeemNow((claims) => told.push(claims));
  expect(told).toEqual([limits.redeemClaims, sold.length - limits.redeemClaims]);
  expect(site.broker.total()).toBe(3n * BigInt(sold.length));
  expect(await due()).toEqual([]);
});

test('who asks while a run is under way is told of its batches, and what waits falls with each', async () => {
  const sold = Array.from({ length: 52 }, () => site.broker.sell(10n, { count: 20 })).flat();
  await Promise.all(sold.map(({ scrip }) => earn(scrip.root, 3n)));
  const redeem = await redeemer();
  await redeem.start();
  const told: [claims: number, waiting: number][] = [];
  const first = redeem.redeemNow();
  await redeem.redeemNow((claims) => told.push([claims, redeem.waiting.count]));
  await first;
  const rest = sold.length - limits.redeemClaims;
  expect(told).toEqual([
    [limits.redeemClaims, rest],
    [rest, 0],
  ]);
  await redeem.close();
});

test('what a busy site earns while it redeems waits for the next time: it asks for each claim once', async () => {
  const [a, b] = site.broker.sell(10_000n, { count: 2 }).map(({ scrip }) => scrip.root);
  if (!a || !b) throw new Error('no scrip');
  const quiet = store;
  store = {
    ...quiet,
    async claimsPaid(paid, guard) {
      const done = await quiet.claimsPaid(paid, guard);
      for (const key of [a, b]) await earn(key, 1n);
      return done;
    },
  };
  const redeem = await redeemer();
  await earn(a, 1000n);
  await redeem.redeemNow();
  // The first batch; then the other claim, which was not asked for yet; and no third.
  expect([site.broker.total(), site.broker.batches.length]).toEqual([1001n, 2]);
  await redeem.redeemNow();
  expect(site.broker.total()).toBe(1001n + 2n + 1n);
});

test('the newest redemptions are kept as evidence, and no more than so many', async () => {
  const [piece] = site.broker.sell(10_000n);
  const redeem = await redeemer();
  const most = limits.redemptionsKept;
  await store.swapDoc('redeem:count', undefined, String(most - 1));
  await store.swapDoc('redemption:redeem:00000', undefined, 'the oldest');
  await earn(piece?.scrip.root ?? '', 1n);
  await redeem.redeemNow();
  const [kept, ...more] = await store.listDocs('redemption:');
  expect([kept?.key, JSON.parse(kept?.value ?? '')]).toEqual([
    'redemption:redeem:00000',
    { n: most, redemption: expect.objectContaining({ typ: 'redemption/1' }) },
  ]);
  expect(more).toEqual([]);
});

test('a lost answer is asked for again with the same bytes, also by another process of the site', async () => {
  const [piece] = site.broker.sell(10_000n);
  await earn(piece?.scrip.root ?? '', 1000n);
  site.broker.mood.now = 'deaf';
  await expect((await redeemer()).redeemNow()).rejects.toThrow(/broker-unreachable/);
  site.broker.mood.now = 'well';
  await Promise.all([(await redeemer()).redeemNow(), (await redeemer()).redeemNow()]);
  const batches = site.broker.orders.filter(({ typ }) => typ === 'scrip-redeem/1');
  expect(new Set(batches.map((order) => JSON.stringify(order))).size).toBe(1);
  expect(site.broker.total()).toBe(1000n);
  expect(await due()).toEqual([]);
});

test.each([
  ['liar', /broker-untrusted/],
  ['redirect', /broker-untrusted/],
  ['away', /broker-unreachable/],
] as const)('a broker that is %s is paid no attention: the claims stay due', async (mood, message) => {
  const [piece] = site.broker.sell(10_000n);
  await earn(piece?.scrip.root ?? '', 1000n);
  const redeem = await redeemer();
  site.broker.mood.now = mood;
  await expect(redeem.redeemNow()).rejects.toThrow(message);
  expect(await due()).toHaveLength(1);
  site.broker.mood.now = 'well';
});

test('an order that grew old while the broker was away is replaced', async () => {
  const [piece] = site.broker.sell(10_000n);
  await earn(piece?.scrip.root ?? '', 1000n);
  const redeem = await redeemer();
  shiftMs = -3_600_000;
  site.broker.mood.now = 'away';
  await expect(redeem.redeemNow()).rejects.toThrow();
  site.broker.mood.now = 'well';
  shiftMs = 0;
  await redeem.redeemNow();
  expect(site.broker.total()).toBe(1000n);
});

test('a site whose clock is wrong asks once and waits, instead of asking for ever', async () => {
  const [piece] = site.broker.sell(10_000n);
  await earn(piece?.scrip.root ?? '', 1000n);
  shiftMs = 3_600_000;
  await expect((await redeemer()).redeemNow()).rejects.toThrow(/request-stale/);
  expect(await due()).toHaveLength(1);
});

test('when the broker knows another last batch, the site says so and follows', async () => {
  const [a, b] = site.broker.sell(10_000n, { count: 2 }).map(({ scrip }) => scrip.root);
  await earn(a ?? '', 1000n);
  await (await redeemer()).redeemNow();
  store = memory(); // a backup from before
  await earn(b ?? '', 10n);
  await (await redeemer()).redeemNow();
  expect(site.broker.total()).toBe(1010n);
  expect(problems.map(({ code }) => code)).toEqual(['claim-alarm']);
});

test('what the broker did not sell it does not pay, and the site is told; it is not asked for for ever', async () => {
  await earn('k1.999999', 1000n);
  await (await redeemer()).redeemNow();
  expect(problems).toEqual([
    { code: 'claim-alarm', message: expect.stringContaining(': unknown-root'), about: 'k1.999999' },
  ]);
  expect(await due()).toEqual([]);
});

test('a batch holds at most a thousand claims, one currency, and what fits a body', async () => {
  for (let i = 0; i < 1100; i++) await earn(`k1.${10 ** 14 + i}`, 10n ** 17n + BigInt(i));
  await earn('e1.1', 5n);
  await (await redeemer()).redeemNow();
  const batches = site.broker.orders.filter(({ typ }) => typ === 'scrip-redeem/1');
  const claims = batches.map((order) => (Array.isArray(order['claims']) ? order['claims'] : []));
  expect(claims.flat()).toHaveLength(1101);
  for (const [i, batch] of claims.entries()) {
    expect(batch.length).toBeLessThanOrEqual(1000);
    expect(JSON.stringify(batches[i]).length).toBeLessThanOrEqual(65_536);
    expect(new Set(batch.map((claim) => (JSON.stringify(claim).includes('e1.') ? 'eur' : 'usd'))).size).toBe(1);
  }
});

test('more claims than the site may keep stop its sales until the broker has paid', async () => {
  const pieces = site.broker.sell(10_000n, { count: 3 });
  for (const { scrip } of pieces.slice(0, 2)) await earn(scrip.root, 1n);
  const redeem = await redeemer(2);
  site.broker.mood.now = 'away';
  await expect(redeem.redeemNow()).rejects.toThrow();
  expect(redeem.isFull).toBe(true);
  expect(problems.map(({ code }) => code)).toContain('claims-full');
  site.broker.mood.now = 'well';
  await redeem.redeemNow();
  expect(redeem.isFull).toBe(false);
});
