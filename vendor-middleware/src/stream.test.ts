// Streams over real HTTP: paid by the unit, paused and resumed by companion requests, cut by either side.
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { readReceipt } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memory, SetupError, type StreamOptions } from './index.ts';
import { allOf, eventsOf } from './testing/events.ts';
import { Payer } from './testing/payer.ts';
import { problemOf, type SiteOptions, type TestSite, testSite } from './testing/site.ts';

const UNIT = { price: '0.00001 USD', unit: 'second' };
let site: TestSite;
let payer: Payer;
/** Units that the source was asked for. */
let made: number;
let ended: boolean;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const open = async (options: SiteOptions = {}) => {
  site = await testSite({ methods: ['scrip', 'payword'], log: () => {}, ...options });
  cleanups.push(() => site.close());
  payer = new Payer(site.broker.payword.prepaid({ vnd: site.pay.vnd, n: 1000, unit: 10n }));
  made = 0;
  ended = false;
};
const sell = (path: string, count: number, options: Partial<StreamOptions> = {}) =>
  site.app.all(
    path,
    site.pay.stream({ ...UNIT, ...options }, async function* () {
      try {
        while (made < count) yield `data: ${++made}\n\n`;
      } finally {
        ended = true;
      }
    }),
  );

const companion = (url: string, ahead = 0) => payer.pay(url, { method: 'HEAD' }, ahead);
const spent = async () => {
  await site.pay.redeemNow();
  expect(site.broker.payword.alarms).toEqual([]);
  return site.broker.payword.total();
};

describe.each([
  ['memory', () => ({ store: memory() })],
  ['SQLite', () => ({})],
])('a stream on %s', (_, options) => {
  beforeEach(() => open(options()));

  test('is served as far as it is paid, asks for more, and goes on with the next word', async () => {
    sell('/live', 12);
    const url = `${site.url}/live`;
    const { answer, receipt } = await payer.pay(url, {}, 4);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    expect(receipt?.details).toMatchObject({ index: 4, units: 0, spent: '0', authorized: '40' });
    const seen: unknown[] = [];
    for await (const { event, data } of eventsOf(answer)) {
      if (event === 'unit') seen.push(data);
      if (event === 'payment-need-payword') {
        expect(data).toMatchObject({ session: receipt?.details['session'], requiredIndex: seen.length + 1 });
        const paid = await companion(url, 5);
        expect([paid.answer.status, paid.receipt?.details['index']]).toEqual([204, seen.length + 5]);
      }
      if (event === 'payment-receipt') expect(data).toMatchObject({ method: 'payword', units: 12, spent: '120' });
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(await spent()).toBe(120n);
  });

  test('that is not paid on waits for its time, and then closes cleanly with its receipt', async () => {
    sell('/live', 100, { holdMs: 50 });
    const { answer } = await payer.pay(`${site.url}/live`, {}, 3);
    const events = await allOf(answer);
    expect(events.map(({ event }) => event)).toEqual([
      'unit',
      'unit',
      'unit',
      'payment-need-payword',
      'payment-receipt',
    ]);
    expect([await spent(), made, ended]).toEqual([30n, 4, true]);
  });

  test('that is cut by the customer costs what was delivered, within one unit, wherever it is cut', async () => {
    sell('/live', 1000);
    for (const cut of [1, 3, 7]) {
      made = 0;
      const reader = new Payer(site.broker.payword.credit({ vnd: site.pay.vnd, n: 20, unit: 10n }));
      const stop = new AbortController();
      const { answer, receipt } = await reader.pay(`${site.url}/live`, { signal: stop.signal }, cut);
      let got = 0;
      for await (const { event } of eventsOf(answer)) {
        if (event === 'unit' && ++got === cut) break;
      }
      stop.abort();
      const view = await reader.send(`${site.url}/live`, {
        action: 'close',
        session: String(receipt?.details['session']),
      });
      const paidUnits = Number(view.receipt?.details['spent']) / 10;
      expect(Math.abs(paidUnits - got)).toBeLessThanOrEqual(1);
    }
  });

  test('shares its session with another: together they deliver what is paid', async () => {
    sell('/live', 100, { holdMs: 100 });
    const url = `${site.url}/live`;
    const one = await payer.pay(url, {}, 5);
    const two = await payer.pay(url, {}, 5);
    const units = await Promise.all(
      [one, two].map(async ({ answer }) => {
        const events = await allOf(answer);
        return events.filter(({ event }) => event === 'unit').length;
      }),
    );
    expect(units.reduce((sum, n) => sum + n, 0)).toBe(10);
    expect(await spent()).toBe(100n);
  });
});

describe('a stream', () => {
  beforeEach(() => open({ store: memory() }));

  test('asks for a session at first, for GET and its companion alike, and runs nothing', async () => {
    sell('/live', 5);
    for (const method of ['GET', 'HEAD', 'POST']) {
      const answer = await fetch(`${site.url}/live`, { method });
      expect(answer.status).toBe(402);
      expect(answer.headers.get('www-authenticate')).toMatch(/method="payword", intent="session"/);
    }
    expect(made).toBe(0);
  });

  test('tells people what a unit costs', async () => {
    sell('/live', 5);
    const page = await fetch(`${site.url}/live`, { headers: { accept: 'text/html' } });
    expect(await page.text()).toContain('<bdi dir="ltr">$0.00001 / second</bdi>');
  });

  test('ends when the session is closed meanwhile', async () => {
    sell('/live', 100);
    const url = `${site.url}/live`;
    const { answer, receipt } = await payer.pay(url, {}, 2);
    const seen: string[] = [];
    for await (const { event } of eventsOf(answer)) {
      seen.push(event);
      if (event !== 'payment-need-payword') continue;
      const closed = await payer.send(url, { action: 'close', session: String(receipt?.details['session']) });
      expect([closed.answer.status, closed.receipt?.details['final']]).toEqual([204, true]);
    }
    expect(seen).toEqual(['unit', 'unit', 'payment-need-payword', 'payment-receipt']);
    expect(await spent()).toBe(20n);
  });

  test('of another type carries its receipt in a trailer', async () => {
    site.app.get(
      '/audio',
      site.pay.stream({ ...UNIT, type: 'audio/wav', holdMs: 50 }, async function* () {
        for (;;) yield new Uint8Array(1000);
      }),
    );
    const { answer, header } = await payer.pay(`${site.url}/audio`, {}, 3);
    expect((await answer.arrayBuffer()).byteLength).toBe(3000);
    await companion(`${site.url}/audio`, 2);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    request(`${site.url}/audio`, { headers: { authorization: header } }, (res) => {
      res.resume().on('end', () => resolve(res.trailers['payment-receipt']));
    }).end();
    expect(readReceipt(String(await promise))?.details).toMatchObject({ units: 2, spent: '50' });
  });

  test('does not run ahead of a reader who is slow', async () => {
    const size = 256 * 1024;
    site.app.get(
      '/video',
      site.pay.stream({ ...UNIT, type: 'video/mp4' }, async function* () {
        for (;;) {
          made++;
          yield new Uint8Array(size);
        }
      }),
    );
    const { answer } = await payer.pay(`${site.url}/video`, {}, 800);
    let before = -1;
    const isStill = () => {
      const still = made === before;
      before = made;
      return still;
    };
    await expect.poll(isStill, { interval: 200, timeout: 20_000 }).toBe(true);
    // The buffers of two sockets, of 800 units that were paid.
    expect(made).toBeLessThan(100);
    await answer.body?.cancel();
  });

  test('stops its source when the reader goes, also one that waits', async () => {
    let stopped = false;
    site.app.get(
      '/slow',
      site.pay.stream(UNIT, async function* (_req, signal) {
        yield 'data: 1\n\n';
        await pause(60_000, undefined, { signal }).catch(() => {
          stopped = true;
        });
      }),
    );
    const { answer } = await payer.pay(`${site.url}/slow`, {}, 3);
    for await (const { event } of eventsOf(answer)) if (event === 'unit') break;
    await expect.poll(() => stopped).toBe(true);
    expect(await spent()).toBe(10n);
  });

  test('whose source fails breaks off, and the unit that failed costs nothing', async () => {
    site.app.get(
      '/broken',
      site.pay.stream(UNIT, async function* () {
        yield 'data: 1\n\n';
        throw new Error('out of tape');
      }),
    );
    const { answer } = await payer.pay(`${site.url}/broken`, {}, 3);
    await expect(answer.text()).rejects.toThrow();
    expect(site.pay.problems.map(({ code }) => code)).toContain('stream-failed');
    expect(await spent()).toBe(10n);
  });

  test('is not sold by a word of another route', async () => {
    sell('/live', 5);
    site.app.get(
      '/other',
      site.pay.stream({ ...UNIT, price: '1 USD' }, async function* () {
        yield 'data: 1\n\n';
      }),
    );
    const { header } = await payer.pay(`${site.url}/live`, {}, 1);
    const moved = await fetch(`${site.url}/other`, { headers: { authorization: header } });
    expect([moved.status, (await problemOf(moved))['code']]).toEqual([402, 'index-used']);
  });
});

test('sessions and streams work on Express 4 too', async () => {
  await open({ store: memory(), express: 4 });
  sell('/live', 3);
  site.app.get('/call', site.pay.wall({ price: '0.00001 USD', unit: 'call' }), (_req, res) => void res.send('ok'));
  expect((await payer.pay(`${site.url}/call`)).answer.status).toBe(200);
  payer.forget();
  const { answer } = await payer.pay(`${site.url}/live`, {}, 3);
  const events = await allOf(answer);
  expect(events.map(({ event }) => event)).toEqual(['unit', 'unit', 'unit', 'payment-receipt']);
  expect(await spent()).toBe(40n);
});

test('a site without sessions cannot sell streams, and says why', async () => {
  await open({ store: memory(), methods: ['scrip'] }).catch(() => {});
  expect(() => site.pay.stream(UNIT, async function* () {})).toThrow(SetupError);
  expect(() => site.pay.stream(UNIT, async function* () {})).toThrow(/methods/);
});
