// Streams as a wallet lives them, with a real broker and a real site: paid while they come, and stopped by every limit.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type PayingOptions, payingFetch } from './paying-fetch.ts';
import type { MeterEvent } from './run-meter.ts';
import { drift } from './testing/customer.ts';
import { type Market, openMarket } from './testing/market.ts';
import { tape } from './testing/tape.ts';
import type { Wallet } from './wallet.ts';

const START = 100_000n;
const RULE = { mode: 'auto', perPageMicro: 5_000n, perDayMicro: 50_000n } as const;
let market: Market;
let wallet: Wallet;
let reel: ReturnType<typeof tape>;
let events: MeterEvent[];
const url = () => `${market.origin}/live`;

beforeEach(async () => {
  reel = tape();
  events = [];
  market = await openMarket((app, pay) => {
    const unit = { price: '0.00001 USD', unit: 'second' };
    app.all(
      '/live',
      pay.stream(unit, () => reel.play()),
    );
    app.get('/call', pay.wall({ ...unit, unit: 'call' }), (_req, res) => void res.send('called'));
  });
  ({ wallet } = await market.customer());
  await wallet.setRule(market.origin, RULE);
});
afterEach(() => market.close());

async function listen(options: PayingOptions = {}) {
  const onMeter = (event: MeterEvent) => void events.push(event);
  let meter: Awaited<ReturnType<typeof started>> | undefined;
  const started = async (found: { done: Promise<MeterEvent>; resume(): void }) => found;
  const fetch = payingFetch(market.fetch, wallet, {
    onMeter,
    ...options,
    onEvent: (event) => {
      if (event.kind === 'stream') meter = event.meter;
    },
  });
  const response = await fetch(url());
  if (!meter) throw new Error(`no stream: ${response.status}`);
  return { response, meter };
}
const unitsIn = (text: string) => text.match(/data: \d+/g)?.length ?? 0;
/** Reads until so many units have come, and leaves the rest. */
async function read(response: Response, units: number): Promise<() => Promise<void>> {
  const reader = response.body?.getReader();
  let text = '';
  while (reader && unitsIn(text) < units) text += Buffer.from((await reader.read()).value ?? []).toString();
  return async () => reader?.cancel();
}
const streams = async () => (await wallet.history()).filter(({ unit }) => unit !== undefined);

/** Nothing is lost or made, and the broker says the same. */
async function expectConserved(spentMicro: bigint): Promise<void> {
  expect(await drift(wallet)).toBe(0n);
  expect(await wallet.pending()).toEqual([]);
  expect((await wallet.budget()).spentTodayMicro).toBe(spentMicro);
  await market.pay.redeemNow();
  expect((await wallet.balance({ refresh: true })).totalMicro).toBe(START - spentMicro);
  expect(await market.audit()).toMatchObject({ ok: true });
}

test('a stream is paid to its end, as one record, for what was delivered', async () => {
  const { response, meter } = await listen();
  reel.roll(150);
  reel.end();
  expect(unitsIn(await response.text())).toBe(150);
  expect(await meter.done).toEqual({ state: 'ended', spentMicro: 1500n, units: 150, unit: 'second' });
  expect(await streams()).toMatchObject([
    { state: 'paid', amountMicro: 1500n, units: 150, unit: 'second', url: url() },
  ]);
  await expectConserved(1500n);
  // Companions carry many units each, once the stream is faster than they are.
  expect(market.control.seen.length).toBeLessThan(60);
});

test('the site is never ahead by more than what was chosen, and at first by one unit', async () => {
  const { response, meter } = await listen();
  const reader = response.body?.getReader();
  await expect.poll(() => events.length).toBeGreaterThan(0);
  const [record] = await streams();
  expect(record).toMatchObject({ state: 'paid', amountMicro: 0n, units: 0 });
  expect((await wallet.balance()).brokers).toMatchObject([{ heldMicro: 10n }]);
  await reader?.cancel();
  expect(await meter.done).toMatchObject({ state: 'ended', spentMicro: 0n });
  expect(await streams()).toMatchObject([{ state: 'failed_not_charged', amountMicro: 0n }]);
  await expectConserved(0n);
});

test('a reader who stops pays for what was delivered, and the session serves the next', async () => {
  const first = await listen();
  reel.roll(7);
  const hangUp = await read(first.response, 7);
  await hangUp();
  expect(await first.meter.done).toMatchObject({ state: 'ended', units: 7 });
  await expectConserved(70n);
  reel = tape();
  const second = await listen();
  reel.roll(3);
  reel.end();
  expect(unitsIn(await second.response.text())).toBe(3);
  await second.meter.done;
  await expectConserved(100n);
  expect((await wallet.history()).filter(({ kind }) => kind === 'purchase')).toHaveLength(1);
  expect(await wallet.closeSessions()).toMatchObject([{ state: 'refunded', amountMicro: 9_900n }]);
  await expectConserved(100n);
});

test('what a stream left of a chain that is used up is not taken for the next one’s', async () => {
  await wallet.setRule(market.origin, { ...RULE, perPageMicro: 20_000n });
  const first = await listen();
  reel.roll(990);
  const hangUp = await read(first.response, 990);
  await hangUp();
  expect(await first.meter.done).toMatchObject({ state: 'ended', units: 990 });
  await expectConserved(9_900n);
  reel = tape();
  const second = await listen();
  reel.roll(200);
  reel.end();
  expect(unitsIn(await second.response.text())).toBe(200);
  expect(await second.meter.done).toMatchObject({ state: 'ended', units: 200 });
  await expectConserved(11_900n);
});

test('the sixth stream at a site plays as far as the first: none begins in a session that can take no more', async () => {
  await wallet.setRule(market.origin, { ...RULE, perPageMicro: 10_000n, perDayMicro: 90_000n });
  for (let n = 1; n <= 6; n++) {
    reel = tape();
    const { response, meter } = await listen();
    reel.roll(900);
    reel.end();
    expect(unitsIn(await response.text())).toBe(900);
    expect(await meter.done).toMatchObject({ state: 'ended', units: 900 });
  }
  await expectConserved(54_000n);
  expect((await wallet.sessions()).length).toBeGreaterThan(1);
});

test('the limit of a page bounds the whole stream; raising it goes on, without another request of the page', async () => {
  await wallet.setRule(market.origin, { ...RULE, perPageMicro: 40n });
  const { response, meter } = await listen();
  reel.roll(9);
  await expect.poll(() => events.at(-1)).toMatchObject({ state: 'limit', units: 4, code: 'over-page-limit' });
  await wallet.setRule(market.origin, { ...RULE, perPageMicro: 80n });
  await expect.poll(() => events.at(-1)).toMatchObject({ state: 'limit', units: 8 });
  await wallet.setRule(market.origin, RULE);
  reel.end();
  expect(unitsIn(await response.text())).toBe(9);
  expect(await meter.done).toMatchObject({ units: 9 });
  await expectConserved(90n);
});

test.each([
  ['the day of the site', { ...RULE, perDayMicro: 30n }, 'over-day-limit', 3],
  ['Never', { ...RULE, mode: 'never' as const }, 'site-never', 0],
])('%s stops a stream', async (_, rule, code, units) => {
  const { response, meter } = await listen();
  await wallet.setRule(market.origin, rule);
  reel.roll(9);
  await expect.poll(() => events.at(-1)).toMatchObject({ state: 'limit', code });
  expect(events.at(-1)?.units).toBeGreaterThanOrEqual(units);
  await response.body?.cancel();
  await meter.done;
  expect(await drift(wallet)).toBe(0n);
});

test('Pause stops a stream, and Resume lets it go on', async () => {
  const { response, meter } = await listen();
  await wallet.pause('forever');
  reel.roll(2);
  await expect.poll(() => events.at(-1)).toMatchObject({ state: 'limit', code: 'paused' });
  await wallet.resume();
  reel.end();
  expect(unitsIn(await response.text())).toBe(2);
  await meter.done;
  await expectConserved(20n);
});

test('what a person or a flag allowed bounds the whole stream; a person may allow more', async () => {
  await wallet.setRule(market.origin, { ...RULE, mode: 'ask' });
  const flagged = await listen({ maxMicro: 30n });
  reel.roll(9);
  await expect.poll(() => events.at(-1)).toMatchObject({ state: 'limit', units: 3, code: 'over-page-limit' });
  const [running] = await streams();
  await wallet.allowMore(running?.id ?? '', { maxMicro: 50n });
  await expect.poll(() => events.at(-1)).toMatchObject({ state: 'limit', units: 5 });
  await flagged.response.body?.cancel();
  await flagged.meter.done;
  reel = tape();
  const asked = await listen({
    onAsk: ({ stream, unit, amountMicro }) => stream === true && unit === 'second' && amountMicro === 10n,
  });
  reel.roll(9);
  reel.end();
  expect(unitsIn(await asked.response.text())).toBe(9);
  await asked.meter.done;
  await expectConserved(140n);
});

test('other payments at the site go on beside a stream, from a session of their own', async () => {
  const { response, meter } = await listen();
  reel.roll(3);
  const fetch = payingFetch(market.fetch, wallet);
  for (let n = 0; n < 3; n++) expect(await (await fetch(`${market.origin}/call`)).text()).toBe('called');
  reel.end();
  expect(unitsIn(await response.text())).toBe(3);
  await meter.done;
  await expectConserved(60n);
  expect(await wallet.sessions()).toHaveLength(2);
});

test('a chain that runs short is topped up while the stream runs, and one closing returns the rest of all', async () => {
  await wallet.setRule(market.origin, { ...RULE, perPageMicro: 50_000n });
  const { response, meter } = await listen();
  reel.roll(2_500);
  reel.end();
  expect(unitsIn(await response.text())).toBe(2_500);
  expect(await meter.done).toMatchObject({ state: 'ended', units: 2_500 });
  expect(await streams()).toMatchObject([{ amountMicro: 25_000n, units: 2_500 }]);
  expect((await wallet.history()).filter(({ kind }) => kind === 'purchase')).toHaveLength(2);
  expect(market.control.seen.filter(({ method }) => method === 'GET')).toHaveLength(2);
  await expectConserved(25_000n);
  expect((await wallet.closeSessions()).every(({ state }) => state === 'refunded')).toBe(true);
  expect((await wallet.balance()).brokers).toMatchObject([{ accountMicro: START - 25_000n, coinsMicro: 0n }]);
  await expectConserved(25_000n);
});

test('a request that wants no session still opens a stream', async () => {
  const { response, meter } = await listen({ sessions: false });
  reel.roll(1);
  reel.end();
  expect(unitsIn(await response.text())).toBe(1);
  await meter.done;
  await expectConserved(10n);
});

test('a companion whose reply is lost is sent again with the same word, and the unit is paid once', async () => {
  let n = 0;
  market.control.middle = async (request, on) => {
    const answer = await on();
    if (request.method === 'HEAD' && ++n % 2 === 0) throw new TypeError('connection lost');
    return answer;
  };
  const { response, meter } = await listen({ sleep: async () => {} });
  reel.roll(12);
  reel.end();
  expect(unitsIn(await response.text())).toBe(12);
  await meter.done;
  await expectConserved(120n);
});

test('a site that does not hold companions is asked with pauses, and paid all the same', async () => {
  market.control.middle = (request) => {
    request.headers.delete('prefer');
    return fetch(request);
  };
  const pauses: number[] = [];
  const sleep = async (ms: number) => {
    pauses.push(ms);
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const { response, meter } = await listen({ sleep });
  await expect.poll(() => pauses.length).toBeGreaterThan(5);
  // A pause with each companion that came back at once.
  expect(market.control.seen.length).toBeLessThanOrEqual(pauses.length + 4);
  reel.roll(6);
  reel.end();
  expect(unitsIn(await response.text())).toBe(6);
  await meter.done;
  await expectConserved(60n);
});

test('a wallet that died in a stream learns from its companion what was used, and gets the rest back', async () => {
  const { response } = await listen({ sleep: () => new Promise(() => {}) });
  reel.roll(5);
  const hangUp = await read(response, 5);
  market.control.middle = () => Promise.reject(new TypeError('no process'));
  await hangUp();
  market.control.middle = (_, on) => on();
  const [left] = await wallet.pending();
  expect(left).toMatchObject({ method: 'HEAD', stream: true });
  const { id = '', header } = left ?? {};
  await expect
    .poll(async () => {
      const answer = await market.fetch(url(), {
        method: 'HEAD',
        headers: { [header?.name ?? '']: header?.value ?? '' },
      });
      const meter = answer.headers.get('payment-meter') ?? '';
      return (await wallet.settle(id, { status: answer.status, meter })).meter?.running;
    })
    .toBe(false);
  await expectConserved(50n);
});
