// Companions of streams over real HTTP: they pay, repeat, and wait until the stream needs money.
import { limits, type PaymentMeter, readPaymentMeter } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bells } from './bells.ts';
import { memory, type StreamOptions, type VendorStore } from './index.ts';
import { Payer } from './testing/payer.ts';
import { type SiteOptions, type TestSite, testSite } from './testing/site.ts';

const UNIT = { price: '0.00001 USD', unit: 'second' };
let site: TestSite;
let payer: Payer;
/** Lets the source give so many units more. */
let play: (units: number) => void;
let reads: number;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const counting = (store: VendorStore): VendorStore => ({
  ...store,
  readSession(key) {
    reads++;
    return store.readSession(key);
  },
});

/** A source whose units come when the test says so, until it says stop. */
function tape() {
  let ready = 0;
  let turn = Promise.withResolvers<void>();
  play = (units) => {
    ready += units;
    turn.resolve();
  };
  return async function* () {
    for (let i = 1; ; i++) {
      while (ready === 0) {
        turn = Promise.withResolvers();
        await turn.promise;
      }
      if (ready < 0) return;
      ready--;
      yield `data: ${i}\n\n`;
    }
  };
}

const open = async (options: SiteOptions = {}) => {
  site = await testSite({ methods: ['scrip', 'payword'], log: () => {}, ...options });
  cleanups.push(() => site.close());
  payer = new Payer(site.broker.payword.prepaid({ vnd: site.pay.vnd, n: 1000, unit: 10n }));
  reads = 0;
};
const sell = (options: Partial<StreamOptions> = {}, at = site) => {
  at.app.all('/live', at.pay.stream({ ...UNIT, ...options }, tape()));
  return `${at.url}/live`;
};
type Stand = {
  status: number;
  applied: string | null;
  meter: PaymentMeter | undefined;
  receipt: string | null;
  cache: string | null;
};
const standOf = ({ status, headers }: Response): Stand => ({
  status,
  applied: headers.get('preference-applied'),
  meter: readPaymentMeter(headers.get('payment-meter')),
  receipt: headers.get('payment-receipt'),
  cache: headers.get('cache-control'),
});
const head = async (url: string, headers: Record<string, string>, signal?: AbortSignal): Promise<Stand> =>
  standOf(await fetch(url, { method: 'HEAD', headers, ...(signal ? { signal } : {}) }));
const isPending = async (promise: Promise<unknown>) =>
  (await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, 'pending'))])) === 'pending';

describe('the companion of a stream', () => {
  beforeEach(() => open({ store: counting(memory()) }));

  test('that repeats what opened it only watches: it is answered when what was paid is used up', async () => {
    const url = sell();
    const { answer, header } = await payer.pay(url, {}, 3);
    const watching = head(url, { authorization: header, prefer: 'wait=20' });
    play(2);
    expect(await isPending(watching)).toBe(true);
    play(1);
    expect(await watching).toEqual({
      status: 204,
      applied: 'wait',
      meter: { spent: 30n, remaining: 0n, running: true },
      receipt: answer.headers.get('payment-receipt'),
      cache: 'private, no-store',
    });
    await answer.body?.cancel();
  });

  test('is answered when so many units are left as it says', async () => {
    const url = sell();
    const { answer, header } = await payer.pay(url, {}, 5);
    const watching = head(url, { authorization: header, prefer: 'wait=20, payment-low=2' });
    play(3);
    expect((await watching).meter).toEqual({ spent: 30n, remaining: 20n, running: true });
    await answer.body?.cancel();
  });

  test('that pays is paid at once, and answered when its stream needs the next', async () => {
    const url = sell();
    const { answer } = await payer.pay(url, {}, 1);
    const paying = payer.pay(url, { method: 'HEAD', headers: { prefer: 'wait=20' } }, 1);
    play(2);
    const { answer: told, receipt } = await paying;
    expect(standOf(told).meter).toEqual({ spent: 20n, remaining: 0n, running: true });
    expect(receipt?.details).toMatchObject({ index: 2, authorized: '20' });
    await answer.body?.cancel();
  });

  test('keeps a stream going with one unit ahead and not one more, to its end', async () => {
    const url = sell({ type: 'audio/wav' });
    play(20);
    const { answer, header } = await payer.pay(url, {}, 1);
    const body = answer.text();
    let stand = await head(url, { authorization: header, prefer: 'wait=20' });
    for (let paid = 1; stand.meter?.running && paid < 100; paid++) {
      expect(stand.meter).toEqual({ spent: BigInt(paid * 10), remaining: 0n, running: true });
      if (paid === 20) play(-1);
      stand = standOf((await payer.pay(url, { method: 'HEAD', headers: { prefer: 'wait=20' } }, 1)).answer);
    }
    expect(stand).toMatchObject({ applied: 'wait', meter: { spent: 200n, remaining: 10n, running: false } });
    expect((await body).match(/data/g)).toHaveLength(20);
  });

  test('is answered when the stream ends, with what is left', async () => {
    const url = sell();
    const { answer, header } = await payer.pay(url, {}, 3);
    const watching = head(url, { authorization: header, prefer: 'wait=20' });
    play(1);
    await answer.body?.cancel();
    expect((await watching).meter).toEqual({ spent: 10n, remaining: 20n, running: false });
  });

  test('is answered when its time is over', async () => {
    const url = sell();
    const { answer, header } = await payer.pay(url, {}, 3);
    expect(await head(url, { authorization: header, prefer: 'wait=1' })).toMatchObject({
      applied: 'wait',
      meter: { spent: 0n, remaining: 30n, running: true },
    });
    await answer.body?.cancel();
  });

  test('does not wait where no stream runs', async () => {
    const url = sell();
    const { answer } = await payer.pay(url, { method: 'HEAD', headers: { prefer: 'wait=25' } }, 3);
    expect(standOf(answer).meter).toEqual({ spent: 0n, remaining: 30n, running: false });
  });

  test.each(['', 'wait', 'wait=soon', 'wait=-1', 'payment-low=1', 'return=minimal', ','.repeat(4000)])(
    'is answered at once when it does not say how long: %s',
    async (prefer) => {
      const url = sell();
      const { answer, header } = await payer.pay(url, {}, 3);
      expect(await head(url, { authorization: header, prefer })).toMatchObject({
        status: 204,
        applied: null,
        meter: { spent: 0n, remaining: 30n, running: true },
      });
      await answer.body?.cancel();
    },
  );

  test('that does not pay, or pays wrongly, is refused at once, whatever it prefers', async () => {
    const url = sell();
    const { answer } = await payer.pay(url, {}, 3);
    const prefer = 'wait=25';
    expect(await head(url, { prefer })).toMatchObject({ status: 402, applied: null, meter: undefined });
    const payload = await payer.next(url, {}, 1);
    const forged = await payer.send(url, { ...payload, x: 'A'.repeat(43) }, { method: 'HEAD', headers: { prefer } });
    expect(standOf(forged.answer)).toMatchObject({ status: 402, applied: null, meter: undefined });
    await answer.body?.cancel();
  });

  test('that hangs up is not waited for', async () => {
    const url = sell();
    const { answer, header } = await payer.pay(url, {}, 3);
    const stop = new AbortController();
    const watching = head(url, { authorization: header, prefer: 'wait=25' }, stop.signal);
    await expect.poll(() => reads).toBeGreaterThan(3);
    stop.abort();
    await expect(watching).rejects.toThrow();
    let before = -1;
    const isStill = () => {
      const still = reads === before;
      before = reads;
      return still;
    };
    await expect.poll(isStill, { interval: 250, timeout: 5000 }).toBe(true);
    await answer.body?.cancel();
  });

  test('is answered at once when enough of its session wait already', async () => {
    const url = sell();
    const { answer, header } = await payer.pay(url, {}, 3);
    const ask = () => head(url, { authorization: header, prefer: 'wait=25' });
    const first = Array.from({ length: limits.sessionCompanions }, ask);
    await expect.poll(() => reads).toBeGreaterThanOrEqual(2 * limits.sessionCompanions);
    expect(await ask()).toMatchObject({ status: 204, applied: null, meter: { remaining: 30n, running: true } });
    await answer.body?.cancel();
    for (const { applied, meter } of await Promise.all(first))
      expect([applied, meter?.running]).toEqual(['wait', false]);
  });

  test('can be sent by a page of another origin, which can read where the stream stands', async () => {
    const url = sell({ cors: true });
    const preflight = await fetch(url, {
      method: 'OPTIONS',
      headers: { origin: 'https://a.example', 'access-control-request-method': 'HEAD' },
    });
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Prefer');
    const { answer } = await payer.pay(url, { method: 'HEAD', headers: { origin: 'https://a.example' } }, 1);
    for (const name of ['Payment-Meter', 'Preference-Applied', 'Payment-Receipt']) {
      expect(answer.headers.get('access-control-expose-headers')).toContain(name);
    }
  });
});

test('a companion reaches its stream in another process of the site, and is told by it', async () => {
  await open();
  const url = sell();
  const other = await testSite({ methods: ['scrip', 'payword'], log: () => {}, data: site.data, on: site.broker });
  cleanups.push(() => other.close());
  const there = `${other.url}/live`;
  const mine = play;
  sell({}, other);
  const { answer, header } = await payer.pay(url, {}, 1);
  const watching = head(there, { authorization: header, prefer: 'wait=20' });
  mine(3);
  expect((await watching).meter).toEqual({ spent: 10n, remaining: 0n, running: true });
  const paid = await payer.pay(there, { method: 'HEAD', headers: { prefer: 'wait=20' } }, 2);
  expect(standOf(paid.answer).meter).toEqual({ spent: 30n, remaining: 0n, running: true });
  const last = payer.pay(there, { method: 'HEAD', headers: { prefer: 'wait=20' } }, 1);
  await answer.body?.cancel();
  expect(standOf((await last).answer).meter).toEqual({ spent: 30n, remaining: 10n, running: false });
});

test('so many companions wait and no more', () => {
  const bells = new Bells();
  const of = (key: string) => Array.from({ length: limits.sessionCompanions }, () => bells.seat(key));
  const [first] = of('one');
  expect(bells.seat('one')).toBeUndefined();
  first?.leave();
  expect([bells.seat('one'), bells.seat('one')]).toEqual([expect.anything(), undefined]);
  for (let n = 1; n < limits.companions / limits.sessionCompanions; n++) expect(of(`${n}`)).not.toContain(undefined);
  expect(bells.seat('late')).toBeUndefined();
});
