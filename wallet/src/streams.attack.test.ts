// Sites that lie about streams, and brokers that lie about what they rest on: the wallet never pays more than its limits,
// believes nothing that does not fit, and keeps what does not as evidence.
import { canonicalJson, printPaymentMeter, readReceipt, toBase64url, utf8 } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { payingFetch } from './paying-fetch.ts';
import type { MeterEvent } from './run-meter.ts';
import { drift } from './testing/customer.ts';
import { type Market, openMarket } from './testing/market.ts';
import { tape } from './testing/tape.ts';
import type { Wallet } from './wallet.ts';

const START = 100_000n;
const RULE = { mode: 'auto', perPageMicro: 500n, perDayMicro: 50_000n } as const;

describe('a site that lies', () => {
  let market: Market;
  let wallet: Wallet;
  let reel: ReturnType<typeof tape>;
  let events: MeterEvent[];
  let price: string;

  beforeEach(async () => {
    reel = tape();
    events = [];
    price = '0.00001 USD';
    market = await openMarket((app, pay) => {
      app.all(
        '/live',
        pay.stream({ price: () => price, unit: 'second' }, () => reel.play()),
      );
    });
    ({ wallet } = await market.customer());
    await wallet.setRule(market.origin, RULE);
  });
  afterEach(() => market.close());

  /** What companions answer, changed on its way. */
  const companions = (change: (answer: Response, headers: Headers) => void) => {
    market.control.middle = async (request, on) => {
      if (request.method !== 'HEAD') return on();
      const asked = new Request(request);
      asked.headers.delete('prefer');
      const answer = await fetch(asked);
      if (!answer.ok) return answer;
      const headers = new Headers(answer.headers);
      change(answer, headers);
      return new Response(null, { status: answer.status, headers });
    };
  };
  const meterOf = (headers: Headers, change: (authorized: bigint) => { spent: bigint; remaining: bigint }) => {
    const receipt = readReceipt(headers.get('payment-receipt') ?? '');
    const told = change(BigInt(String(receipt?.details['authorized'])));
    headers.set('payment-meter', printPaymentMeter({ ...told, running: true }));
  };
  const receiptWith = (headers: Headers, members: Record<string, string>) => {
    const { details, ...common } = readReceipt(headers.get('payment-receipt') ?? '') ?? { details: {} };
    headers.set('payment-receipt', toBase64url(utf8(canonicalJson({ ...details, ...common, ...members }))));
  };
  const listen = async () => {
    const fetch = payingFetch(market.fetch, wallet, {
      sleep: async () => {},
      onMeter: (event) => void events.push(event),
      onEvent: (event) => {
        if (event.kind === 'stream') done = event.meter.done;
      },
    });
    let done: Promise<MeterEvent> | undefined;
    const response = await fetch(`${market.origin}/live`);
    return { response, done: async () => (await done) as MeterEvent };
  };
  const atRisk = async () => {
    const { brokers, totalMicro } = await wallet.balance();
    return START - totalMicro + (brokers[0]?.heldMicro ?? 0n);
  };

  test('with a meter that is always used up gets what the limit of the page allows, and no more', async () => {
    companions((_, headers) => meterOf(headers, (authorized) => ({ spent: authorized, remaining: 0n })));
    const { response } = await listen();
    await expect.poll(() => events.some(({ state }) => state === 'limit')).toBe(true);
    expect(await atRisk()).toBe(500n);
    expect(events.at(-1)).toMatchObject({ code: 'over-page-limit', spentMicro: 500n, units: 50 });
    expect(await drift(wallet)).toBe(0n);
    await response.body?.cancel();
  });

  test('that says it took more than it was given is paid no more, and its word is kept', async () => {
    companions((_, headers) => meterOf(headers, (authorized) => ({ spent: authorized + 1n, remaining: 0n })));
    const { response, done } = await listen();
    expect(await done()).toMatchObject({ state: 'lost', spentMicro: 0n });
    expect(await atRisk()).toBe(10n);
    expect(await wallet.evidence()).toMatchObject([{ what: expect.stringContaining('meter') }]);
    expect(await drift(wallet)).toBe(0n);
    await response.body?.cancel();
  });

  test.each([
    ['of another session', { session: 'A'.repeat(43) }],
    ['for more than the words promise', { authorized: '999999999', remaining: '999999999' }],
    ['for less than the words promise', { authorized: '1', spent: '0', remaining: '1' }],
    ['whose sums do not fit', { spent: '5' }],
  ])('with receipts %s gets one word, which is not taken for paid', async (_, members) => {
    let opened = false;
    companions((_answer, headers) => {
      if (opened) receiptWith(headers, members);
      opened = true;
    });
    const { response, done } = await listen();
    reel.roll(5);
    expect(await done()).toMatchObject({ state: 'lost' });
    expect(await atRisk()).toBeLessThanOrEqual(20n);
    expect((await wallet.evidence()).length).toBe(1);
    expect(await drift(wallet)).toBe(0n);
    await response.body?.cancel();
  });

  test.each([
    ['never answers companions', () => Promise.reject(new TypeError('no answer'))],
    ['answers them without a meter', async () => new Response(null, { status: 204 })],
    ['answers them with faults', async () => new Response(null, { status: 500 })],
  ])('that %s gets the unit that opened the stream, and no more', async (_, answer) => {
    market.control.middle = (request, on) => (request.method === 'HEAD' ? answer() : on());
    const { response, done } = await listen();
    reel.roll(3);
    expect(await done()).toMatchObject({ state: 'lost' });
    expect(await atRisk()).toBe(10n);
    expect(await drift(wallet)).toBe(0n);
    expect(await wallet.pending()).toHaveLength(1);
    await response.body?.cancel();
    // Nobody can tell any more: what was set aside is written off with its chain, and no word about it counts later.
    market.clock.shiftMs = 32 * 86_400_000;
    const [left] = await wallet.pending();
    await wallet.recover();
    expect(await wallet.pending()).toEqual([]);
    const meter = printPaymentMeter({ spent: 10n, remaining: 0n, running: false });
    await wallet.settle(left?.id ?? '', { status: 204, meter });
    expect(await drift(wallet)).toBe(0n);
    expect((await wallet.balance()).brokers).toMatchObject([{ heldMicro: 0n, coinsMicro: 0n }]);
  });

  test('that raises its price while the stream runs is not paid the new one', async () => {
    const { response, done } = await listen();
    await expect.poll(() => market.control.seen.some(({ method }) => method === 'HEAD')).toBe(true);
    price = '0.0001 USD';
    reel.roll(5);
    await expect.poll(() => events.at(-1)).toMatchObject({ state: 'lost', spentMicro: 10n });
    expect(await atRisk()).toBe(10n);
    await response.body?.cancel();
    expect(await done()).toMatchObject({ spentMicro: 10n, units: 1 });
    expect(await wallet.pending()).toEqual([]);
    expect(await drift(wallet)).toBe(0n);
  });

  test('in closing a session, about more than was shown of it, is not believed', async () => {
    const { response, done } = await listen();
    reel.roll(2);
    reel.end();
    await response.text();
    await done();
    companions((_, headers) => {
      const { closings } = readReceipt(headers.get('payment-receipt') ?? '')?.details ?? {};
      if (!Array.isArray(closings)) return;
      const [closing] = closings as { spent: string }[];
      receiptWith(headers, { closings: [{ ...closing, spent: '9000' }] as never });
    });
    expect(await wallet.closeSessions()).toMatchObject([{ state: 'pending' }]);
    expect(await drift(wallet)).toBe(0n);
    market.control.middle = (_, on) => on();
    await wallet.recover();
    expect((await wallet.balance({ refresh: true })).brokers).toMatchObject([
      { accountMicro: START - 20n, coinsMicro: 0n },
    ]);
  });
});
