// Streams in a page, as the wallet sees them: paid while they come, stopped by every limit and every end, taken up by the
// next worker. A page cannot make them cost more.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nextQuestion, typeAddress, windowsClosed } from '../harness/desk.ts';
import { openStreet, type Street } from '../harness/street.ts';

const SECOND = 100n;
const soon = { timeout: 20_000 };
let street: Street;
let reader: Page;
let site: string;
let before: bigint;
beforeAll(async () => {
  street = await openStreet();
  site = street.shop.url;
});
afterAll(() => street.close());
afterEach(async () => {
  await reader.close();
  await windowsClosed(street.browser);
});
beforeEach(async () => {
  await rule('auto', 10_000n);
  // Each spec has a session of its own, and what the last one left is counted: a payment that was never sent when its rule
  // has ended, a stream that was lost when the site's lease has.
  await expect.poll(held, { timeout: 60_000 }).toBe(0n);
  await street.desk.tell('refund', { origin: site });
  reader = await street.browser.context.newPage();
  await typeAddress(reader, `${site}/`);
  await reader.getByRole('heading', { name: 'Front page' }).waitFor();
  before = await street.desk.balance();
});

declare const chrome: { action: { getBadgeText(of: { tabId: number }): Promise<string> } };

const rule = (mode: string, perPageMicro: bigint, perDayMicro = 900_000n) =>
  street.desk.tell('setRule', {
    origin: site,
    rule: { mode, perPageMicro: String(perPageMicro), perDayMicro: String(perDayMicro) },
  });
const spent = async () => before - (await street.desk.balance());
/** Set aside for what may still come. */
async function held(): Promise<bigint> {
  type Broker = { heldMicro: { $n: string } };
  const { balance } = (await street.desk.tell('refresh')) as { balance: { brokers: Broker[] } };
  return balance.brokers.reduce((sum, { heldMicro }) => sum + BigInt(heldMicro.$n), 0n);
}
const wire = (name: string) => street.shop.metered.filter((line) => line.includes(`/${name} `));

type View = { tabId: number; state: string; amountMicro?: { $n: string }; stream?: { units: number } };
/** What the wallet says of the reader's tab. */
async function view(): Promise<View | undefined> {
  const { tabs } = (await street.desk.tell('refresh')) as {
    tabs: Record<string, View & { url: string; atMs: number }>;
  };
  return Object.values(tabs)
    .filter(({ url }) => url.startsWith(site))
    .sort((a, b) => b.atMs - a.atMs)[0];
}
const says = async () => {
  const { state, stream } = (await view()) ?? {};
  return [state, stream?.units];
};
const badge = async () => {
  const tabId = (await view())?.tabId ?? -1;
  return street.desk.page.evaluate((id) => chrome.action.getBadgeText({ tabId: id }), tabId);
};
const record = async (name: string) =>
  ((await street.desk.tell('history', { limit: 200 })) as { url?: string }[]).filter(
    ({ url }) => url === `${site}/ticks/${name}` || url === `${site}/radio/${name}`,
  );

/** An event source that writes down its numbers. */
const listen = (name: string) =>
  reader.evaluate((path) => {
    const heard: string[] = [];
    const source = new EventSource(`/ticks/${path}`);
    const note = ({ data }: MessageEvent) => heard.push(String(data));
    source.addEventListener('message', note);
    source.addEventListener('third', note);
    Object.assign(globalThis, { heard, source });
  }, name);
const heard = () => reader.evaluate(() => (globalThis as unknown as { heard: string[] }).heard.length);
const hangUp = () => reader.evaluate(() => (globalThis as unknown as { source: EventSource }).source.close());

/** Its button can be pressed, and nothing was paid for it yet. Sound that nobody hears may begin without a click. */
async function play(): Promise<void> {
  const preload = () => reader.evaluate(() => document.querySelector('audio')?.preload);
  await expect.poll(preload, soon).toBe('none');
  expect(await spent()).toBe(0n);
  await reader.evaluate(() => {
    const audio = document.querySelector('audio');
    if (!audio) throw new Error('no player');
    audio.muted = true;
    audio.play().catch(() => undefined); // the spec looks at what it plays
  });
}

describe('a stream that is set to Auto', () => {
  it('is paid one second ahead, shows what it has cost, and is one entry with its total and count', async () => {
    await listen('first');
    await expect.poll(says, soon).toEqual(['streaming', 0]);
    street.shop.taps.give('first', 12);
    await expect.poll(heard, soon).toBe(12);
    // As of the last companion: behind by half of what was paid ahead, at most.
    await expect.poll(badge, soon).toBe('.1¢');
    await hangUp();
    await expect.poll(says, soon).toEqual(['paid', 12]);
    expect(await spent()).toBe(12n * SECOND);
    expect(await record('first')).toMatchObject([
      { state: 'paid', amountMicro: { $n: '1200' }, units: 12, unit: 'second' },
    ]);
  });

  it('is read by fetch as it comes', async () => {
    street.shop.taps.give('read', 2);
    const chunks = await reader.evaluate(async () => {
      const { body, status } = await fetch('/ticks/read');
      const stream = body?.getReader();
      let text = '';
      while (stream && (text.match(/data: \d+\n/g)?.length ?? 0) < 2)
        text += new TextDecoder().decode((await stream.read()).value);
      await stream?.cancel();
      return [status, text.match(/data: \d+/g)];
    });
    expect(chunks).toEqual([200, ['data: 1', 'data: 2']]);
    await expect.poll(says, soon).toEqual(['paid', 2]);
    expect(await spent()).toBe(2n * SECOND);
  });

  it('plays in an audio element, and the player knows nothing of the 402', async () => {
    await typeAddress(reader, `${site}/player/song`);
    street.shop.taps.give('song', 60);
    await play();
    await expect
      .poll(() => reader.evaluate(() => document.querySelector('audio')?.currentTime ?? 0), soon)
      .toBeGreaterThan(0.5);
    expect((await says())[0]).toBe('streaming');
  });
});

describe('a tab that goes', () => {
  it('takes its stream along: nothing more is paid, and the money that is left is still there', async () => {
    await listen('closing');
    street.shop.taps.give('closing', 5);
    await expect.poll(heard, soon).toBe(5);
    await reader.close();
    await expect.poll(spent, soon).toBe(5n * SECOND);
    await expect.poll(() => record('closing'), soon).toMatchObject([{ state: 'paid', units: 5 }]);
    street.shop.taps.give('closing', 5);
    // The session is there for the next stream, with what the first did not use.
    reader = await street.browser.context.newPage();
    await typeAddress(reader, `${site}/`);
    await listen('after');
    street.shop.taps.give('after', 1);
    await expect.poll(heard, soon).toBe(1);
    await hangUp();
    await expect.poll(spent, soon).toBe(6n * SECOND);
  });

  it('to another page ends it as well', async () => {
    await listen('leaving');
    street.shop.taps.give('leaving', 3);
    await expect.poll(heard, soon).toBe(3);
    await typeAddress(reader, `${site}/?elsewhere`);
    await expect.poll(spent, soon).toBe(3n * SECOND);
    street.shop.taps.give('leaving', 3);
    await expect.poll(() => record('leaving'), soon).toMatchObject([{ state: 'paid', units: 3 }]);
  });
});

describe('a worker that is killed while a stream plays', () => {
  it('is followed by one that pays on: not a unit is lost, and none is paid twice', async () => {
    await listen('killed');
    street.shop.taps.give('killed', 4);
    await expect.poll(heard, soon).toBe(4);
    await street.desk.killWorker();
    // The popup, a request or the alarm wakes the next one.
    await street.desk.tell('refresh');
    street.shop.taps.give('killed', 6);
    await expect.poll(heard, soon).toBe(10);
    expect((await says())[0]).toBe('streaming');
    await hangUp();
    await expect.poll(says, soon).toEqual(['paid', 10]);
    expect(await spent()).toBe(10n * SECOND);
    expect(await record('killed')).toMatchObject([{ state: 'paid', units: 10 }]);
  });

  it('is missed by nobody: an alarm wakes the next one while the site still holds the stream', async () => {
    await listen('alarm');
    street.shop.taps.give('alarm', 2);
    await expect.poll(heard, soon).toBe(2);
    await street.desk.killWorker();
    street.shop.taps.give('alarm', 60);
    // Nothing else speaks to the extension meanwhile.
    await expect.poll(heard, { timeout: 60_000 }).toBe(62);
    await hangUp();
    await expect.poll(says, soon).toEqual(['paid', 62]);
    expect(await spent()).toBe(62n * SECOND);
  });
});

describe('the limit of a page', () => {
  it('stops a stream to the unit; the badge says so; one click lets it go on, without another question', async () => {
    await rule('auto', 5n * SECOND);
    await listen('limit');
    street.shop.taps.give('limit', 9);
    await expect.poll(heard, soon).toBe(5);
    await expect.poll(says, soon).toEqual(['limited', 5]);
    expect(await badge()).toBe('!');
    const popup = await street.browser.open(`popup.html?tab=${(await view())?.tabId}#/`);
    await popup.getByText('This has reached your limit of').waitFor();
    await popup.getByRole('button', { name: 'Raise limit to $0.001' }).click();
    await expect.poll(heard, soon).toBe(9);
    await popup.getByText('paid as it comes').waitFor();
    await popup.close();
    await hangUp();
    await expect.poll(spent, soon).toBe(9n * SECOND);
  });

  it('is kept by Stop before it is reached: nothing more is paid until the person says so', async () => {
    await listen('stop');
    street.shop.taps.give('stop', 2);
    await expect.poll(says, soon).toEqual(['streaming', 2]);
    const popup = await street.browser.open(`popup.html?tab=${(await view())?.tabId}#/`);
    await popup.getByRole('button', { name: 'Stop' }).click();
    await popup.getByText('You stopped this after').waitFor();
    await popup.close();
    street.shop.taps.give('stop', 9);
    await hangUp();
    // What was paid ahead may still have come.
    await expect.poll(held, soon).toBe(0n);
    const cost = await spent();
    expect(cost).toBeLessThan(9n * SECOND);
    await listen('stop');
    const source = () => reader.evaluate(() => (globalThis as unknown as { source: EventSource }).source.readyState);
    await expect.poll(source, soon).toBe(2);
    expect(await spent()).toBe(cost);
  });
});

describe('a stream on a site that is set to Ask', () => {
  beforeEach(() => rule('ask', 10_000n));

  it('is one question with the price of a second and the most that it may cost; its yes plays it to the end', async () => {
    await typeAddress(reader, `${site}/player/asked`);
    const question = nextQuestion(street.browser);
    await play();
    const window = await question;
    await window.getByText('per second').waitFor();
    await window.getByText('at most $0.01 for this').waitFor();
    await window.getByRole('button', { name: 'Allow up to $0.01' }).click();
    street.shop.taps.give('asked', 60);
    await expect.poll(async () => (await says())[0], soon).toBe('streaming');
    expect(street.browser.context.pages().filter((page) => page.url().includes('approve')).length).toBeLessThan(2);
    street.shop.taps.end('asked');
    await expect.poll(says, soon).toEqual(['paid', 60]);
    expect(await spent()).toBe(60n * SECOND);
  });

  it('stays silent after Not now, and costs nothing', async () => {
    const question = nextQuestion(street.browser);
    await listen('not-now');
    const window = await question;
    await window.getByRole('button', { name: 'Not now' }).click();
    const source = () => reader.evaluate(() => (globalThis as unknown as { source: EventSource }).source.readyState);
    await expect.poll(source, soon).toBe(2);
    expect([await spent(), wire('not-now')]).toEqual([0n, ['GET /ticks/not-now asks']]);
  });
});

describe('a hostile page', () => {
  it('cannot open more streams than the budget of the day pays for', async () => {
    const { budget } = (await street.desk.tell('refresh')) as { budget: { spentTodayMicro: { $n: string } } };
    const today = BigInt(budget.spentTodayMicro.$n);
    await rule('auto', 10_000n, today + 6n * SECOND);
    await reader.evaluate(() => {
      for (let n = 0; n < 30; n++) new EventSource(`/ticks/greedy-${n}`);
    });
    for (let n = 0; n < 30; n++) street.shop.taps.give(`greedy-${n}`, 5);
    await expect.poll(() => wire('greedy-29').length, soon).toBeGreaterThan(0);
    await expect.poll(spent, soon).toBeGreaterThan(0n);
    await reader.close();
    expect(await spent()).toBeLessThanOrEqual(6n * SECOND);
  });

  it('that speaks for the wrapper gets no payment and no name of one', async () => {
    const got = await reader.evaluate(async () => {
      const answers: unknown[] = [];
      document.addEventListener('farthing:answer', (event) => {
        if (event instanceof CustomEvent) answers.push(JSON.parse(String(event.detail)).nonce);
      });
      const ask = (detail: object) =>
        document.dispatchEvent(new CustomEvent('farthing:ask', { detail: JSON.stringify(detail) }));
      const url = `${location.origin}/ticks/forged`;
      ask({ id: 1, url, method: 'GET', step: 'asked', kind: 'events' });
      ask({ id: 2, url, method: 'GET', step: 'ended', nonce: 'farthing-00000000-0000-0000-0000-000000000000' });
      ask({ id: 3, url: 'https://bank.example/', method: 'GET', step: 'asked' });
      ask({ id: 4, url, method: 'GET', step: 'asked', lastEventId: 'a\r\nX-Evil: 1' });
      ask({ id: 5, url, method: 'HEAD', step: 'ahead' });
      document.dispatchEvent(
        new CustomEvent('farthing:ahead', {
          detail: JSON.stringify({ ahead: [{ pattern: '/ticks/*', method: 'GET', session: true }] }),
        }),
      );
      document.dispatchEvent(
        new CustomEvent('farthing:answer', { detail: JSON.stringify({ id: 1, nonce: 'farthing-made-up' }) }),
      );
      while (answers.length < 6) await new Promise((done) => setTimeout(done, 50));
      return answers.filter((nonce) => nonce !== undefined);
    });
    expect(got).toEqual(['farthing-made-up']);
    expect([await spent(), wire('forged')]).toEqual([0n, []]);
  });
});
