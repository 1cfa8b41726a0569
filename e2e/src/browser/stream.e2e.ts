// The newspaper's own film, tide tables and radio log in a real browser: what left the site, what the wallet spent and what
// the broker credited are one number.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runAudit } from '../demo/books.ts';
import { nextQuestion, typeAddress, windowsClosed } from '../harness/desk.ts';
import { type Newsstand, openNewsstand, type Served } from '../harness/newsstand.ts';

const SECOND = 200n;
const DAY = 200n;
const MESSAGE = 100n;
const LENGTH = 36;
/** The film takes its time. */
const whole = { timeout: 90_000 };
const soon = { timeout: 20_000 };
let stand: Newsstand;
let reader: Page;
let before: bigint;
let start: number;
beforeAll(async () => {
  stand = await openNewsstand();
});
afterAll(() => stand.close());
beforeEach(async () => {
  reader = await stand.browser.context.newPage();
  before = await stand.desk.balance();
  start = stand.served.length;
});
afterEach(async () => {
  await reader.close();
  await windowsClosed(stand.browser);
});

const rule = (mode: 'auto' | 'ask', perPageMicro: bigint) =>
  stand.desk.tell('setRule', {
    origin: stand.site,
    rule: { mode, perPageMicro: String(perPageMicro), perDayMicro: '900000' },
  });
const spent = async () => before - (await stand.desk.balance());
const served = (path: string, method = 'GET'): Served[] =>
  stand.served.slice(start).filter((one) => one.method === method && one.url.split('?')[0] === path);

const FILM = '/film/skerry-point.webm';
/** Seconds of the film that left the site. */
const delivered = () => served(FILM).reduce((sum, { status, pieces }) => sum + (status === 402 ? 0 : pieces), 0);
/** Where the newest stream began, in seconds. */
const goesOnFrom = () => Number(new URLSearchParams(served(FILM).at(-1)?.url.split('?')[1]).get('from'));
const player = () =>
  reader.evaluate(() => {
    const video = document.querySelector('video');
    return { at: video?.currentTime ?? 0, ended: video?.ended ?? false, error: video?.error?.message };
  });
const playing = async () => (await player()).at;
const ended = async () => (await player()).ended;

/** As somebody without a mouse does. */
async function pressPlay(): Promise<void> {
  await typeAddress(reader, `${stand.site}/film`);
  await reader.locator('video').focus();
  await reader.keyboard.press('Space');
}

describe('the film by the second', () => {
  it('costs nothing before somebody presses Play', async () => {
    await rule('auto', 10_000n);
    await typeAddress(reader, `${stand.site}/film`);
    await expect.poll(() => reader.evaluate(() => document.readyState)).toBe('complete');
    expect([served(FILM), await spent()]).toEqual([[], 0n]);
  });

  it('plays to its end after one question, and costs its seconds', async () => {
    await rule('ask', 10_000n);
    const windows: Page[] = [];
    const count = (page: Page) => windows.push(page);
    stand.browser.context.on('page', count);
    const question = nextQuestion(stand.browser);
    await pressPlay();
    await (await question).getByRole('button', { name: 'Allow up to $0.01' }).click();
    await expect.poll(ended, whole).toBe(true);
    stand.browser.context.off('page', count);
    expect(windows).toHaveLength(1);
    expect(delivered()).toBe(LENGTH);
    await expect.poll(spent, soon).toBe(BigInt(LENGTH) * SECOND);
    expect((await player()).error).toBeUndefined();
  });

  it('stops with the second at which the limit ends, and goes on when it is raised', async () => {
    await rule('auto', 18n * SECOND);
    const credited = await stand.redeem();
    await pressPlay();
    await stand.desk.state(`${stand.site}/film`, 'limited');
    expect(delivered()).toBe(18);
    await reader.getByText('Waiting for the next second').waitFor();
    expect([delivered(), await spent(), await ended()]).toEqual([18, 18n * SECOND, false]);
    expect((await stand.redeem()) - credited).toBe(18n * SECOND);
    const popup = await stand.browser.open('popup.html');
    await popup.getByRole('button', { name: 'Raise limit to $0.0072' }).click();
    await popup.close();
    await reader.bringToFront();
    await expect.poll(ended, whole).toBe(true);
    expect(delivered()).toBe(LENGTH);
    await expect.poll(spent, soon).toBe(BigInt(LENGTH) * SECOND);
    expect(served(FILM).filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('that is left in the middle costs what came, within one second', async () => {
    await rule('auto', 10_000n);
    await pressPlay();
    await expect.poll(playing, whole).toBeGreaterThan(4);
    await reader.close();
    await expect.poll(() => served(FILM).every(({ status }) => status !== 0), soon).toBe(true);
    const apart = async () => Math.abs(Number((await spent()) / SECOND) - delivered());
    await expect.poll(apart, soon).toBeLessThanOrEqual(1);
    expect(delivered()).toBeLessThan(LENGTH);
  });

  it('that a bad network cuts goes on from where it stopped, when somebody wants it to', async () => {
    await rule('auto', 10_000n);
    await pressPlay();
    await expect.poll(playing, whole).toBeGreaterThan(3);
    stand.cut();
    const goOn = reader.getByRole('button', { name: 'Go on from' });
    await goOn.waitFor();
    await expect.poll(async () => (await spent()) / SECOND, soon).toBe(BigInt(delivered()));
    const cut = delivered();
    await goOn.click();
    // What had arrived may have played on until the click: the request says where it goes on.
    await expect.poll(goesOnFrom, soon).toBeGreaterThan(0);
    const seen = goesOnFrom();
    await expect.poll(playing, whole).toBeGreaterThan(seen);
    await expect.poll(ended, whole).toBe(true);
    expect(delivered() - cut).toBe(LENGTH - seen);
    await expect.poll(async () => (await spent()) / SECOND, soon).toBe(BigInt(delivered()));
  });
});

describe('tide tables by the day', () => {
  it('cost n payments in n requests after the opening, and say what they cost', async () => {
    await rule('auto', 10_000n);
    await typeAddress(reader, `${stand.site}/tides`);
    const cost = reader.locator('#cost');
    await cost.getByText('One day: $0.0002').waitFor();
    for (const port of ['Skerry Point', 'North mole', 'The pier']) {
      await reader.getByLabel('Port').selectOption(port);
      await reader.getByRole('button', { name: 'Ask' }).click();
      await reader.locator('#tides caption', { hasText: port }).waitFor();
    }
    expect(served('/api/tides').map(({ status }) => status)).toEqual([402, 200, 200, 200, 200]);
    await expect.poll(spent, soon).toBe(4n * DAY);
    expect(await cost.textContent()).toMatch(/^One day: \$0\.0002, receipt \S+ \(payword\)\.$/);
  });

  it('of many days are one payment of many units', async () => {
    await rule('auto', 10_000n);
    await typeAddress(reader, `${stand.site}/tides`);
    await reader.locator('#tides table').waitFor();
    await reader.getByLabel('Days').fill('7');
    await reader.getByLabel('Days').press('Enter');
    await expect.poll(() => reader.locator('#tides table').count(), soon).toBe(7);
    await reader.getByText('7 days: $0.0014').waitFor();
    await expect.poll(spent, soon).toBe(8n * DAY);
  });

  it('that make no sense are refused and cost nothing', async () => {
    await typeAddress(reader, `${stand.site}/radio`);
    const statuses = await reader.evaluate(async () => {
      const queries = ['port=pier&days=0', 'port=pier&days=1.5', 'port=pier&days=1e9', 'port=moon&days=1', ''];
      return Promise.all(queries.map(async (query) => (await fetch(`/api/tides?${query}`)).status));
    });
    expect([statuses, await spent()]).toEqual([Array(5).fill(400), 0n]);
  });
});

describe('the radio log by the message', () => {
  const button = (name: string) => reader.getByRole('button', { name });
  const heard = () => reader.locator('#log li').count();

  it('is an EventSource that is paid by the message, and stops when it is closed', async () => {
    await rule('auto', 10_000n);
    await typeAddress(reader, `${stand.site}/radio`);
    await button('Listen').click();
    await expect.poll(heard, soon).toBeGreaterThanOrEqual(4);
    await button('Stop').click();
    const messages = await heard();
    await reader.getByText(`Off, after ${messages} messages`).waitFor();
    await expect.poll(() => served('/radio/log').every(({ status }) => status !== 0), soon).toBe(true);
    const apart = async () => Math.abs(Number((await spent()) / MESSAGE) - messages);
    await expect.poll(apart, soon).toBeLessThanOrEqual(1);
    expect(await heard()).toBe(messages);
  });
});

it('the books add up: what the wallet has spent is what the site claimed, and the audit finds nothing', async () => {
  const payments = await stand.desk.payments();
  const paid = payments.filter(({ state }) => state === 'paid');
  const all = paid.reduce((sum, { amountMicro }) => sum + amountMicro, 0n);
  // A day more or less is another price: what was shown of the old one was not charged.
  expect(payments.filter(({ state }) => state !== 'paid' && state !== 'failed_not_charged')).toEqual([]);
  expect(all).toBeGreaterThan(0n);
  expect(await stand.redeem()).toBe(all);
  expect(await runAudit(stand.books)).toBe(true);
});
