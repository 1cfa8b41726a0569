// A site that takes several kinds of money and refuses one: another is tried once, and there is one payment whatever the site says.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CornerShop, openCornerShop, type Takes } from '../harness/corner-shop.ts';
import { nextQuestion, typeAddress, windowsClosed } from '../harness/desk.ts';
import { dress, inspect, looks } from '../harness/looks.ts';
import { type Manner, Refuser } from '../harness/refuser.ts';
import { openStreet, type Street } from '../harness/street.ts';

const PAGE = 1500n;
const DATA = 200n;
const refuser = new Refuser();
let street: Street;
let reader: Page;
let before: bigint;
/** Each spec has a shop of its own: what was paid before says which money is at hand. */
let shop: CornerShop;
let site: string;
const folder = mkdtempSync(join(tmpdir(), 'farthing-fallback-'));
beforeAll(async () => {
  street = await openStreet();
  ({ reader } = street);
});
afterAll(async () => {
  await street.close();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  refuse('honest');
  const takes: Takes = { methods: ['scrip', 'cheque'], door: refuser.door };
  shop = await openCornerShop(street.broker.url, mkdtempSync(join(folder, 'shop-')), takes);
  site = shop.url;
  await street.desk.setMode(site, 'auto');
  await typeAddress(reader, `${site}/`);
  await heading('Front page').waitFor();
  before = await street.desk.balance();
  refuser.shown.length = 0;
});

afterEach(() => shop.close());

function refuse(manner: Manner, ...kinds: string[]): void {
  refuser.kinds.clear();
  for (const kind of kinds) refuser.kinds.add(kind);
  refuser.manner = manner;
}

const heading = (name: string) => reader.getByRole('heading', { level: 1, name, exact: true });
const spent = async () => before - (await street.desk.balance());
type Line = { url?: string; method: string; state: string; chosen?: string; id: string };
/** Newest first. */
const recorded = async (url: string) =>
  ((await street.desk.tell('history', { limit: 50 })) as Line[]).filter((line) => line.url === url);
const article = () => ({ name: 'Article 1', url: `${site}/article/1` });

describe('a site that refuses one kind and says that it took nothing', () => {
  beforeEach(() => refuse('honest', 'scrip'));

  it('gets another for its page, by the rule and without a question; the receipt says why', async () => {
    const { name, url } = article();
    await typeAddress(reader, url);
    await heading(name).waitFor();
    await street.desk.state(url, 'paid');
    expect(refuser.shown.at(-1)).toBe('cheque');
    const lines = await recorded(url);
    expect(lines).toMatchObject([
      { method: 'cheque', chosen: 'instead', state: 'paid' },
      { method: 'scrip', state: 'failed_not_charged' },
    ]);
    expect(await spent()).toBe(PAGE);
    const receipt = await street.browser.open(`popup.html#/receipt/${lines[0]?.id}`);
    await receipt.getByText('The site refused another kind').waitFor();
    for (const look of looks.toReversed()) {
      await dress(receipt, look, 640);
      await inspect(receipt, `receipt-instead-${look.name}`);
    }
    await receipt.close();
  });

  it.each([
    ['fetch', (path: string) => fetch(path).then((answer) => answer.text())],
    [
      'XMLHttpRequest',
      (path: string) =>
        new Promise<string>((done) => {
          const request = new XMLHttpRequest();
          request.open('GET', path);
          request.addEventListener('load', () => done(request.responseText));
          request.send();
        }),
    ],
  ])('gets another for a %s of its script, which sees one answer', async (way, ask) => {
    const path = `/data/${way}`;
    expect(JSON.parse(await reader.evaluate(ask, path))).toEqual({ id: way });
    expect(await recorded(site + path)).toMatchObject([
      { method: 'cheque', chosen: 'instead', state: 'paid' },
      { method: 'scrip', state: 'failed_not_charged' },
    ]);
    expect(await spent()).toBe(DATA);
  });

  it('asks a person again where each page is asked about: the other kind tells others something else', async () => {
    await street.desk.setMode(site, 'ask');
    const { name, url } = article();
    const first = nextQuestion(street.browser);
    await typeAddress(reader, url);
    const window = await first;
    const pay = window.getByRole('button', { name: /^Pay / });
    await window.getByText('· site coins').waitFor();
    await pay.click();
    await window.getByText('· account order').waitFor();
    await window.getByText('You were not charged').waitFor();
    await inspect(window, 'approve-instead');
    await pay.click();
    await heading(name).waitFor();
    await windowsClosed(street.browser);
    expect((await recorded(url)).map(({ method, state }) => [method, state])).toEqual([
      ['cheque', 'paid'],
      ['scrip', 'failed_not_charged'],
    ]);
    expect(await spent()).toBe(PAGE);
  });
});

describe('a site that refuses every kind', () => {
  beforeEach(() => refuse('honest', 'scrip', 'cheque'));

  it('is shown each once, and then a person is asked', async () => {
    const { url } = article();
    const question = nextQuestion(street.browser);
    await typeAddress(reader, url);
    const window = await question;
    await window.getByRole('button', { name: 'Not now' }).click();
    await windowsClosed(street.browser);
    expect((await recorded(url)).map(({ method, state }) => [method, state])).toEqual([
      ['cheque', 'failed_not_charged'],
      ['scrip', 'failed_not_charged'],
    ]);
    expect(await spent()).toBe(0n);
  });

  it('answers its script with the 402 that it gave, and nobody is asked', async () => {
    const status = await reader.evaluate(async () => (await fetch('/data/none')).status);
    expect(status).toBe(402);
    expect((await recorded(`${site}/data/none`)).map(({ method }) => method)).toEqual(['cheque', 'scrip']);
    expect([await spent(), await street.desk.tell('refresh')]).toMatchObject([0n, { waiting: 0 }]);
  });
});

describe('a site that takes the money, hides it, and asks for more', () => {
  it.each(['silent', 'lying'] as const)('and is %s about it gets no second payment; it stays open', async (manner) => {
    refuse(manner, 'scrip', 'cheque');
    const { name, url } = article();
    await typeAddress(reader, url);
    await street.desk.state(url, 'pending');
    // Loaded again it is the same payment: with the page, and once more without it to learn how it ended.
    const shown = refuser.shown.length;
    await typeAddress(reader, url);
    await expect.poll(() => refuser.shown.length, { timeout: 20_000 }).toBe(shown + 2);
    await street.desk.state(url, 'pending');
    expect(await recorded(url)).toMatchObject([{ method: 'scrip', state: 'pending' }]);
    expect(refuser.shown).not.toContain('cheque');
    // As soon as it is honest the same payment brings the page.
    refuse('honest');
    await typeAddress(reader, url);
    await heading(name).waitFor();
    await expect.poll(() => recorded(url)).toMatchObject([{ method: 'scrip', state: 'paid' }]);
    expect(await spent()).toBe(PAGE);
  });
});
