// What can break between a yes and its page, in a real browser: the connection, the site, the broker, the worker. Each
// payment is made once, and each page that was paid can be had.
import { seeded } from '@farthing/protocol/testing';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nextQuestion, typeAddress } from '../harness/desk.ts';
import type { Hit } from '../harness/proxy.ts';
import { openStreet, type Street } from '../harness/street.ts';

const PRICE = 1500n;
const PATIENCE_MS = 5_000;
let street: Street;
let reader: Page;
let before: bigint;
beforeAll(async () => {
  street = await openStreet();
  ({ reader } = street);
});
afterAll(() => street.close());
beforeEach(async () => {
  await street.desk.setMode(street.site, 'auto');
  await typeAddress(reader, `${street.site}/`);
  before = await street.desk.balance();
});

const heading = (name: string) => reader.getByRole('heading', { level: 1, name, exact: true });
const paidFor = (path: string) => (hit: Hit) => hit.url === path && hit.paid;
const asked = (path: string) => (hit: Hit) => hit.url === path && !hit.paid;
const spent = async () => before - (await street.desk.balance());
const recorded = async (url: string) => (await street.desk.payments()).filter((line) => line.url === url);

async function loadAgain(): Promise<void> {
  const popup = await street.browser.open('popup.html#/');
  await popup.getByRole('button', { name: 'Load again' }).click();
  await popup.close();
  await reader.bringToFront();
}

describe('a connection that is cut', () => {
  it.each([
    ['before the site has seen the payment', 'cut-before', '/article/cut-1'],
    ['after the site has booked it', 'cut-after', '/article/cut-2'],
  ] as const)('%s: one payment, and the page comes free when it is loaded again', async (_when, fault, path) => {
    const url = street.site + path;
    const { failed, stop } = street.proxy.fail((hit) => paidFor(path)(hit) && hit.document, fault);
    await typeAddress(reader, url);
    await failed;
    await street.desk.state(url, 'undelivered');
    stop();
    expect(await spent()).toBe(PRICE);
    await loadAgain();
    await heading(path === '/article/cut-1' ? 'Article cut-1' : 'Article cut-2').waitFor();
    expect(await spent()).toBe(PRICE);
    expect(await recorded(url)).toMatchObject([{ state: 'paid' }]);
  });

  it('before the site has asked for anything: nothing is paid', async () => {
    const url = `${street.site}/article/cut-3`;
    const { failed, stop } = street.proxy.fail(asked('/article/cut-3'), 'cut-before');
    await typeAddress(reader, url);
    await failed;
    await reader.waitForURL('chrome-error://chromewebdata/');
    stop();
    expect([await spent(), await recorded(url)]).toEqual([0n, []]);
  });
});

describe('a site that is gone right after it was paid', () => {
  it('leaves a pending payment with its money set aside; when it is back, the payment is settled and the page had', async () => {
    const url = `${street.site}/article/gone`;
    const { failed, stop } = street.proxy.fail((hit) => hit.paid || hit.method === 'POST', 'cut-before');
    await typeAddress(reader, url);
    await failed;
    await street.desk.state(url, 'pending');
    expect(await recorded(url)).toMatchObject([{ state: 'pending' }]);
    const popup = await street.browser.open('popup.html#/');
    await popup.getByText('is set aside for payments').waitFor();
    stop();
    await popup.getByRole('button', { name: 'Check now' }).click();
    await street.desk.state(url, 'undelivered');
    await popup.close();
    await loadAgain();
    await heading('Article gone').waitFor();
    expect([await spent(), (await recorded(url)).length]).toEqual([PRICE, 1]);
  });
});

describe('a site that takes money and fails', () => {
  it('keeps nothing: what it did not deliver is not paid', async () => {
    const url = `${street.site}/broken`;
    await typeAddress(reader, url);
    await reader.getByText('out of order').waitFor();
    await expect.poll(spent).toBe(0n);
  });
});

describe('a worker that is killed', () => {
  it('while the site’s 402 is on its way: the page is paid once', async () => {
    const path = '/article/killed-1';
    const { held, release } = street.proxy.holdNext(asked(path));
    await typeAddressSoon(street.site + path);
    await held;
    await street.desk.noticed(street.site + path);
    await street.desk.killWorker();
    release();
    await heading('Article killed-1').waitFor();
    await street.desk.state(street.site + path, 'paid');
    expect([await spent(), (await recorded(street.site + path)).length]).toEqual([PRICE, 1]);
  });

  it('while it asks: the question is still open, and its yes pays once', async () => {
    const path = '/article/killed-2';
    await street.desk.setMode(street.site, 'ask');
    const question = nextQuestion(street.browser);
    await typeAddress(reader, street.site + path);
    const approve = await question;
    const pay = approve.getByRole('button', { name: /^Pay / });
    await pay.waitFor();
    await street.desk.killWorker();
    await pay.click();
    await heading('Article killed-2').waitFor();
    await street.desk.state(street.site + path, 'paid');
    expect([await spent(), (await recorded(street.site + path)).length]).toEqual([PRICE, 1]);
  });

  it('while it asks: the question is still open, and its no pays nothing', async () => {
    const path = '/article/killed-no';
    await street.desk.setMode(street.site, 'ask');
    const question = nextQuestion(street.browser);
    await typeAddress(reader, street.site + path);
    const approve = await question;
    await approve.getByRole('button', { name: /^Pay / }).waitFor();
    await street.desk.killWorker();
    const closed = approve.waitForEvent('close');
    await approve.getByRole('button', { name: 'Not now' }).click();
    await closed;
    await street.desk.state(street.site + path, 'declined');
    expect([await spent(), (await recorded(street.site + path)).length]).toEqual([0n, 0]);
  });

  it('right after the yes: the yes is taken up by the next worker, once', async () => {
    const path = '/article/killed-3';
    await street.desk.setMode(street.site, 'ask');
    const question = nextQuestion(street.browser);
    await typeAddress(reader, street.site + path);
    const approve = await question;
    await approve.getByRole('button', { name: /^Pay / }).click();
    await street.desk.killWorker();
    await heading('Article killed-3').waitFor();
    await street.desk.state(street.site + path, 'paid');
    expect([await spent(), (await recorded(street.site + path)).length]).toEqual([PRICE, 1]);
  });

  it('while the payment is on its way: the page is there, and on record once', async () => {
    const path = '/article/killed-4';
    const { held, release } = street.proxy.holdNext(paidFor(path));
    await typeAddressSoon(street.site + path);
    await held;
    await street.desk.killWorker();
    release();
    await heading('Article killed-4').waitFor();
    await street.desk.balance(); // any word to the new worker
    await expect.poll(() => recorded(street.site + path), { timeout: 90_000 }).toMatchObject([{ state: 'paid' }]);
    expect(await spent()).toBe(PRICE);
    await street.desk.state(street.site + path, 'paid');
  });

  it('right after the page came: it is read again free', async () => {
    const path = '/article/killed-5';
    await typeAddress(reader, street.site + path);
    await heading('Article killed-5').waitFor();
    await street.desk.killWorker();
    await reader.reload({ waitUntil: 'commit' });
    await heading('Article killed-5').waitFor();
    await expect.poll(() => recorded(street.site + path), { timeout: 90_000 }).toMatchObject([{ state: 'paid' }]);
    expect(await spent()).toBe(PRICE);
  });
});

const ROUNDS = Number(process.env['FARTHING_KILLS'] ?? 8);
const seed = Number(process.env['FARTHING_SEED'] ?? Date.now() % 1_000_000);

describe(`a worker that is killed at a random moment of a payment (seed ${seed})`, () => {
  const rng = seeded(seed);

  it.each(Array.from({ length: ROUNDS }, (_, n) => n))('by rule, round %i: one payment, and the page', async (n) => {
    const path = `/article/random-${n}`;
    const { held, release } = street.proxy.holdNext(asked(path));
    await typeAddressSoon(street.site + path);
    await held;
    release();
    await turns(rng.below(20_000));
    await street.desk.killWorker();
    await wakeUntilThere(`Article random-${n}`);
    await expect.poll(() => recorded(street.site + path), { timeout: 90_000 }).toMatchObject([{ state: 'paid' }]);
    expect(await spent()).toBe(PRICE);
  });

  it.each(Array.from({ length: ROUNDS }, (_, n) => n))(
    'by a person, round %i: one payment, and the page',
    async (n) => {
      const path = `/article/yes-${n}`;
      await street.desk.setMode(street.site, 'ask');
      const question = nextQuestion(street.browser);
      await typeAddress(reader, street.site + path);
      await (await question).getByRole('button', { name: /^Pay / }).click();
      await turns(rng.below(20_000));
      await street.desk.killWorker();
      await wakeUntilThere(`Article yes-${n}`);
      await expect.poll(() => recorded(street.site + path), { timeout: 90_000 }).toMatchObject([{ state: 'paid' }]);
      expect(await spent()).toBe(PRICE);
    },
  );
});

/** So many turns of this process's event loop, each of which lets some I/O through. */
async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await new Promise((next) => setImmediate(next));
}

/**
 * Any event wakes the worker, as the popup does when it opens; else its alarm does within a minute. If the very event that
 * told of the 402 died with the worker, the person sees the price, and loads the page again.
 */
async function wakeUntilThere(name: string): Promise<void> {
  await street.desk.balance();
  const there = await heading(name)
    .waitFor({ timeout: PATIENCE_MS })
    .then(
      () => true,
      () => false,
    );
  if (there) return;
  await reader.reload({ waitUntil: 'commit' }).catch(() => undefined);
  await heading(name).waitFor();
}

describe('a broker that is stopped', () => {
  it('keeps nobody from reading where the wallet has coins, and no more is spent than they are worth', async () => {
    await street.broker.stop();
    await typeAddress(reader, `${street.site}/article/offline`);
    await heading('Article offline').waitFor();
    expect(await spent()).toBe(PRICE);
  });
});

/** As a person does it: the address is on its way, its answer is not there yet. */
async function typeAddressSoon(url: string): Promise<void> {
  await reader.bringToFront();
  void reader.goto(url, { waitUntil: 'commit' }).catch(() => undefined);
}
