// The money of streams over real HTTP: fast ones, cut ones, topped-up ones, and those whose store or wallet fails.
import { setTimeout as pause } from 'node:timers/promises';
import { nodeEnv } from '@farthing/node-kit';
import { limits, readPaymentMeter, readReceipt } from '@farthing/protocol';
import { paywordWallet } from '@farthing/protocol/wallet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memory, type VendorStore } from './index.ts';
import { allOf, eventsOf } from './testing/events.ts';
import { Payer } from './testing/payer.ts';
import { type SiteOptions, type TestSite, testSite } from './testing/site.ts';

const UNIT = { price: '0.00001 USD', unit: 'second' };
let site: TestSite;
let payer: Payer;
/** Units that the source was asked for. */
let made: number;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const open = async (options: SiteOptions = {}) => {
  site = await testSite({ methods: ['scrip', 'payword'], log: () => {}, ...options });
  cleanups.push(() => site.close());
  payer = new Payer(site.broker.payword.prepaid({ vnd: site.pay.vnd, n: 1000, unit: 10n }));
  made = 0;
};
const sell = (path: string, count: number) => {
  site.app.all(
    path,
    site.pay.stream(UNIT, async function* () {
      while (made < count) yield `data: ${++made}\n\n`;
    }),
  );
  return `${site.url}${path}`;
};
const spent = async () => {
  await site.pay.redeemNow();
  expect(site.broker.payword.alarms).toEqual([]);
  return site.broker.payword.total();
};

describe('a fast stream', () => {
  let writes: number;
  const counted = (store: VendorStore): VendorStore => ({
    ...store,
    changeSession(key, change) {
      writes++;
      return store.changeSession(key, change);
    },
  });
  beforeEach(async () => {
    writes = 0;
    await open({ store: counted(memory()), payword: { maxStep: 10_000 } });
  });
  const payAhead = async (url: string, units: number) => {
    payer = new Payer(site.broker.payword.credit({ vnd: site.pay.vnd, n: units + 10, unit: 10n }));
    const { receipt } = await payer.pay(url, { method: 'HEAD' }, units);
    return String(receipt?.details['session']);
  };

  test('takes many units with one write, and is paid for each', async () => {
    sell('/live', 8000);
    const url = `${site.url}/live`;
    await payAhead(url, 8000);
    const events = await allOf((await payer.pay(url, {}, 0)).answer);
    expect(events.filter(({ event }) => event === 'unit')).toHaveLength(8000);
    expect(events.at(-1)).toMatchObject({ event: 'payment-receipt', data: { units: 8000, spent: '80000' } });
    expect(writes).toBeLessThan(8000 / 100);
    expect(await spent()).toBe(80_000n);
  });

  test('that is cut gives back what it took and did not hand over, to the unit', async () => {
    const size = 20_000;
    site.app.all(
      '/video',
      site.pay.stream({ ...UNIT, type: 'video/mp4' }, async function* () {
        for (;;) yield new Uint8Array(size);
      }),
    );
    const url = `${site.url}/video`;
    const session = await payAhead(url, 9000);
    const { answer } = await payer.pay(url, {}, 0);
    const reader = answer.body?.getReader();
    await reader?.read();
    let before = -1;
    const isStill = () => {
      const still = writes === before;
      before = writes;
      return still;
    };
    await expect.poll(isStill, { interval: 200, timeout: 20_000 }).toBe(true);
    await reader?.cancel();
    const meterOf = async () => {
      const { answer: told } = await payer.pay(url, { method: 'HEAD' }, 0);
      return readPaymentMeter(told.headers.get('payment-meter'));
    };
    await expect.poll(async () => (await meterOf())?.running).toBe(false);
    const closed = await payer.send(url, { action: 'close', session });
    const total = await spent();
    expect(total).toBeGreaterThan(0n);
    expect(closed.receipt?.details['spent']).toBe(`${total}`);
  });
});

test('a store that fails in the middle of a stream ends it, and nothing more is delivered', async () => {
  const store = memory();
  let failing = false;
  const changeSession: VendorStore['changeSession'] = (key, change) =>
    failing ? Promise.reject(new Error('disk')) : store.changeSession(key, change);
  await open({ store: { ...store, changeSession } });
  site.app.get(
    '/live',
    site.pay.stream(UNIT, async function* () {
      while (made < 100) {
        failing ||= made === 5;
        yield `data: ${++made}\n\n`;
        await pause(1);
      }
    }),
  );
  const { answer } = await payer.pay(`${site.url}/live`, {}, 50);
  let came = 0;
  const read = async () => {
    for await (const _ of eventsOf(answer)) came++;
  };
  await expect(read()).rejects.toThrow();
  expect(came).toBeGreaterThan(0);
  expect(came).toBeLessThan(6);
  expect(made).toBeLessThanOrEqual(7);
  expect(site.pay.problems.map(({ code }) => code)).toContain('stream-failed');
});

describe('a running stream', () => {
  test('is topped up by another chain and goes on; each chain is claimed under its own name', async () => {
    await open({ store: memory() });
    const url = sell('/live', 9);
    const sale = { vnd: site.pay.vnd, n: 4, unit: 10n };
    const [first, second] = [site.broker.payword.credit(sale), site.broker.payword.prepaid({ ...sale, n: 20 })];
    payer = new Payer(first);
    const { answer, receipt } = await payer.pay(url, {}, 4);
    const session = receipt?.details['session'];
    for await (const { event, data } of eventsOf(answer)) {
      if (event === 'payment-need-payword') {
        expect(data).toMatchObject({ remainingWords: 0 });
        payer.piece = paywordWallet.sessions?.join(second, payer.piece) ?? second;
        const { receipt: topped } = await payer.pay(url, { method: 'HEAD' }, 6);
        expect(topped?.details).toMatchObject({ session, a: 1, authorized: '100', spent: '40' });
      }
      if (event === 'payment-receipt') expect(data).toMatchObject({ session, units: 9, spent: '90' });
    }
    expect([made, await spent()]).toEqual([9, 90n]);
    const credited = [first, second].map((piece) => site.broker.payword.deals.get(piece.session)?.credited);
    expect(credited).toEqual([40n, 50n]);
  });

  test('outlives a crash of its wallet, which repeats the payment that it wrote down and pays on', async () => {
    await open({ store: memory() });
    const url = sell('/live', 8);
    const { answer } = await payer.pay(url, {}, 3);
    const read = allOf(answer);
    // The site takes it, and the wallet dies before the receipt: its disk holds the credential and the piece after it.
    const { header, receipt } = await payer.pay(url, { method: 'HEAD' }, 2);
    const disk = JSON.stringify({ header, piece: payer.piece });
    const restored = JSON.parse(disk);
    const repeat = await fetch(url, { method: 'HEAD', headers: { authorization: restored.header } });
    expect(readReceipt(repeat.headers.get('payment-receipt') ?? '')).toEqual(receipt);
    const again = new Payer(restored.piece);
    await again.pay(url, { method: 'HEAD' }, 3);
    const events = await read;
    expect(events.filter(({ event }) => event === 'unit')).toHaveLength(8);
    expect(await spent()).toBe(80n);
  });

  test('ends in order when its site closes: what it delivered is claimed, the rest is free again', async () => {
    const store = memory();
    await open({ store });
    site.app.get(
      '/live',
      site.pay.stream(UNIT, async function* (_req, signal) {
        yield* ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n'];
        await pause(60_000, undefined, { signal }).catch(() => {});
      }),
    );
    const { answer, receipt } = await payer.pay(`${site.url}/live`, {}, 9);
    let came = 0;
    const read = async () => {
      for await (const { event } of eventsOf(answer)) if (event === 'unit') came++;
    };
    const reading = read().catch(() => {});
    await expect.poll(() => came).toBe(3);
    await site.pay.close();
    const [claim] = await store.claimsDue(9, 'payword:');
    expect(claim).toMatchObject({ key: `payword:${receipt?.details['session']}`, total: 30n });
    await answer.body?.cancel().catch(() => {});
    await site.close();
    await reading;
  });

  test('is one of four of its session at most: a fifth ends at once and takes nothing', async () => {
    await open({ store: memory() });
    site.app.get(
      '/slow',
      site.pay.stream(UNIT, async function* (_req, signal) {
        await pause(60_000, undefined, { signal }).catch(() => {});
        yield 'data: 1\n\n';
      }),
    );
    const gone = new AbortController();
    const { header } = await payer.pay(`${site.url}/slow`, { signal: gone.signal }, 9);
    const more = () => fetch(`${site.url}/slow`, { headers: { authorization: header }, signal: gone.signal });
    for (let n = 1; n < limits.sessionStreams; n++) await more();
    const fifth = await allOf(await more());
    expect(fifth).toMatchObject([{ event: 'payment-receipt', data: { units: 0 } }]);
    gone.abort();
    expect(await spent()).toBe(0n);
  });

  test('ends when its session has been idle, and is then paid for what it delivered', async () => {
    let shiftMs = 0;
    const env = () => ({ ...nodeEnv(), nowMs: Date.now() + shiftMs });
    await open({ store: memory(), env, payword: { idleMs: 60_000 } });
    const url = sell('/live', 100);
    const { answer } = await payer.pay(url, {}, 2);
    const seen: string[] = [];
    for await (const { event } of eventsOf(answer)) {
      seen.push(event);
      if (event !== 'payment-need-payword') continue;
      shiftMs = 61_000;
      expect((await payer.pay(url, { method: 'HEAD' }, 2)).answer.status).toBe(410);
    }
    expect(seen).toEqual(['unit', 'unit', 'payment-need-payword', 'payment-receipt']);
    expect(await spent()).toBe(20n);
  }, 20_000);
});

test('what a stream took is free again when its process is not heard of, and a late one delivers none of it', async () => {
  let shiftMs = 0;
  const env = () => ({ ...nodeEnv(), nowMs: Date.now() + shiftMs });
  const store = memory();
  /** A process that takes a unit and then stands still. */
  const dead = Promise.withResolvers<never>();
  const changeSession: VendorStore['changeSession'] = async (key, change) => {
    const made = await store.changeSession(key, change);
    return 'units' in (made ?? {}) && Number(Object(made).units) > 0 ? dead.promise : made;
  };
  await open({ store: { ...store, changeSession }, env });
  cleanups.push(async () => dead.reject(new Error('woken too late')));
  const next = await testSite({ store, env, on: site.broker, data: site.data, methods: ['scrip', 'payword'] });
  cleanups.push(() => next.close());
  const url = sell('/live', 100);
  next.app.all(
    '/live',
    next.pay.stream(UNIT, async function* () {
      yield* ['data: 1\n\n', 'data: 2\n\n'];
    }),
  );
  const gone = new AbortController();
  const { header } = await payer.pay(url, { signal: gone.signal }, 2);
  const standing = async () => {
    const { headers } = await fetch(`${next.url}/live`, { method: 'HEAD', headers: { authorization: header } });
    return readPaymentMeter(headers.get('payment-meter'));
  };
  await expect.poll(standing).toEqual({ spent: 10n, remaining: 10n, running: true });
  gone.abort();
  shiftMs = limits.streamLeaseMs + 1000;
  expect((await standing())?.running).toBe(false);
  const rest = await fetch(`${next.url}/live`, { headers: { authorization: header } });
  const events = await allOf(rest);
  expect(events.map(({ event }) => event)).toEqual(['unit', 'unit', 'payment-receipt']);
  await next.pay.redeemNow();
  expect([site.broker.payword.total(), made]).toEqual([20n, 1]);
});
