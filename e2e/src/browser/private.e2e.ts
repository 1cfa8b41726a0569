// Private windows: they pay with coins of a purse of their own and with nothing else, the other wallet learns nothing of it,
// and what is left comes home when they are closed.
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXTENSION_ID } from '../harness/browser.ts';
import { type CornerShop, openCornerShop } from '../harness/corner-shop.ts';
import { dress, inspect, looks } from '../harness/looks.ts';
import { type Customer, type Mint, openMint } from '../harness/mint.ts';
import { openPrivately } from '../harness/private-window.ts';

const PRICE = 1_500n;
const START = 5_000_000n;
const ours = (page: string) => `chrome-extension://${EXTENSION_ID}/${page}`;

let mint: Mint;
let alice: Customer;
/** Takes site coins and private coins. */
let kiosk: CornerShop;
/** Takes what links visits, and nothing else. */
let bakery: CornerShop;
let popup: Page;
beforeAll(async () => {
  mint = await openMint();
  alice = await mint.customer('alice', { private: true });
  await alice.desk.tell('start');
  const ecash = { denominations: ['0.0005 USD', '0.001 USD'] };
  kiosk = await openCornerShop(mint.broker.url, join(mint.folder, 'kiosk'), { methods: ['scrip', 'ecash'], ecash });
  bakery = await openCornerShop(mint.broker.url, join(mint.folder, 'bakery'));
});
afterAll(async () => {
  await mint.close();
  await kiosk.close();
  await bakery.close();
});

const question = () =>
  alice.browser.context.waitForEvent('page', {
    predicate: (page) => page.url().includes('approve.html'),
    timeout: 20_000,
  });

describe('A private window', () => {
  it('begins with an empty purse, which coins of the other wallet fill', async () => {
    popup = await openPrivately(alice.browser, alice.desk.page, ours('popup.html'));
    await popup.getByRole('heading', { name: 'Purse of private windows' }).waitFor();
    await popup.getByRole('button', { name: '$0.10' }).click();
    await popup.getByRole('link', { name: /Balance.*\$0\.10/ }).waitFor();
    expect(await alice.desk.balance()).toBe(START - 100_000n);
  });

  it('has no account, no words and no gifts', async () => {
    for (const route of ['top-up', 'withdraw', 'phrase', 'restore', 'gifts']) {
      await popup.goto(ours(`popup.html#/${route}`));
      await popup.getByRole('heading', { name: 'Purse of private windows' }).waitFor();
    }
  });

  it('pays with private coins where a site takes them, though it takes others as well', async () => {
    const asked = question();
    const reader = await openPrivately(alice.browser, alice.desk.page, `${kiosk.url}/article/1`);
    const window = await asked;
    await window.getByText(/· private coins/).waitFor();
    await window.getByText('That coins came back, not who spent them').waitFor();
    await window.getByRole('button', { name: /^Pay / }).click();
    await reader.getByRole('heading', { name: 'Article 1' }).waitFor();
    await reader.close();
  });

  it('buys sealed goods with private coins, and keeps no part of them', async () => {
    const isGoods = (page: Page) => page.url().includes('goods.html');
    const opened = alice.browser.context.waitForEvent('page', { predicate: isGoods, timeout: 20_000 });
    const reader = await openPrivately(alice.browser, alice.desk.page, `${kiosk.url}/print`);
    const sale = await opened;
    // By the rule of the kiosk.
    await sale.getByRole('heading', { name: 'It is yours' }).waitFor();
    await sale.getByText('Private', { exact: true }).waitFor();
    await inspect(sale, 'private-goods');
    // The debugger cannot follow downloads of private windows.
    expect(await sale.getByRole('link', { name: 'Save the file' }).getAttribute('href')).toMatch(/^blob:/);
    await Promise.all([sale.close(), reader.close()]);
    expect(await alice.desk.page.evaluate(async () => caches.keys())).toEqual([]);
  });

  it('says of sealed goods for what links visits that they cannot be bought here', async () => {
    const reader = await openPrivately(alice.browser, alice.desk.page, `${bakery.url}/print`);
    await popup.goto(ours(`popup.html?tab=${await tabOf(reader)}`));
    await popup.getByText('In private windows only private coins are used').waitFor();
    await inspect(popup, 'private-goods-refused');
    await reader.close();
  });

  it('pays nothing where a site takes only what links visits, and says so', async () => {
    const reader = await openPrivately(alice.browser, alice.desk.page, `${bakery.url}/article/1`);
    await popup.goto(ours(`popup.html?tab=${await tabOf(reader)}`));
    await popup.getByText('In private windows only private coins are used').waitFor();
    expect(await reader.getByRole('heading', { name: 'Article 1' }).count()).toBe(0);
    await reader.close();
  });

  it.each(looks)('is marked as private on every screen, in $name', async (look) => {
    for (const route of ['', 'top-up', 'more', 'activity', 'settings']) {
      await popup.goto(ours(`popup.html#/${route}`));
      await dress(popup, look, 560);
      await popup.locator('header .chip').last().waitFor();
      await inspect(popup, `private-${route || 'this-page'}-${look.name}`);
    }
    const screen = await alice.screen('coins');
    await dress(screen, look, 700);
    await screen.locator('main .card').nth(1).waitFor();
    await inspect(screen, `private-pocket-${look.name}`);
    if (look.language !== 'en') await dress(screen, { ...look, language: 'en' }, 700);
    await screen.close();
  });

  it('leaves no trace in the other wallet: no payment, no rule, no site', async () => {
    expect(await alice.desk.tell('sites')).toEqual([]);
    expect(JSON.stringify(await alice.desk.tell('history', { limit: 100 }))).not.toContain(kiosk.url);
    expect(JSON.stringify(await alice.desk.tell('refresh'))).not.toContain(kiosk.url);
    const kept = Object.entries(await memory(alice.desk.page)).filter(([name]) => !name.startsWith('private '));
    expect(kept.length).toBeGreaterThan(0);
    expect(JSON.stringify(kept)).not.toContain(kiosk.url);
  });
});

describe('When private windows are closed', () => {
  it('what is left comes home, and what they paid is forgotten', async () => {
    await popup.close();
    const screen = await alice.screen('coins');
    await screen.getByRole('heading', { name: 'Private windows' }).waitFor();
    await screen.getByRole('button', { name: 'Bring back now' }).click();
    await screen.getByRole('heading', { name: 'Private windows' }).waitFor({ state: 'detached' });
    expect(await alice.desk.balance()).toBe(START - 2n * PRICE);
    const names = await screen.evaluate(async () =>
      Object.keys(await (globalThis as unknown as { chrome: Chrome }).chrome.storage.local.get(null)),
    );
    expect(names.filter((name) => name.startsWith('pocket/') || name.startsWith('mail '))).toEqual([]);
    expect(JSON.stringify(await memory(screen))).not.toContain(kiosk.url);
    await screen.close();
  });
});

describe('A private window that was closed long ago', () => {
  it('gives back what it had without being asked to', async () => {
    popup = await openPrivately(alice.browser, alice.desk.page, ours('popup.html'));
    await popup.getByRole('button', { name: '$0.50' }).click();
    await popup.getByRole('link', { name: /Balance.*\$0\.50/ }).waitFor();
    await popup.close();
    const before = await alice.desk.balance();
    // As if the minutes had passed in which nothing was heard of it.
    const lookAgain = () =>
      alice.desk.page.evaluate(async () => {
        const { storage, alarms } = (globalThis as unknown as { chrome: Chrome }).chrome;
        await storage.local.set({ 'mail alive': { atMs: 1 } });
        await alarms.create('keeper', { when: Date.now(), periodInMinutes: 1 });
      });
    await expect
      .poll(() => lookAgain().then(() => alice.desk.balance()), { timeout: 20_000, interval: 500 })
      .toBe(before + 500_000n);
  });
});

describe('Workers that are killed while a private purse is filled', () => {
  it('lose nothing: the next ones bring it over, once', async () => {
    popup = await openPrivately(alice.browser, alice.desk.page, ours('popup.html#/top-up'));
    const [before, inPocket] = [await alice.desk.balance(), await pocketOf(popup)];
    const wished = alice.desk.page.evaluate(
      () =>
        new Promise<void>((seen) => {
          const { storage } = (globalThis as unknown as { chrome: Chrome }).chrome;
          storage.local.onChanged.addListener((changes) => 'mail wish' in changes && seen());
        }),
    );
    await popup.getByRole('button', { name: '$0.50' }).click();
    await wished;
    await alice.desk.killWorker();
    await expect
      .poll(async () => [await alice.desk.balance(), await pocketOf(popup)], { timeout: 30_000 })
      .toEqual([before - 500_000n, inPocket + 500_000n]);
    await popup.close();
  });
});

/** What the worker of private windows says that its purse holds. */
async function pocketOf(page: Page): Promise<bigint> {
  const answer = await page.evaluate(() =>
    (globalThis as unknown as { chrome: Chrome }).chrome.runtime.sendMessage({ name: 'refresh', body: {} }),
  );
  const { ok } = answer as { ok?: { balance?: { totalMicro: { $n: string } } } };
  return BigInt(ok?.balance?.totalMicro.$n ?? 0);
}

type Area = {
  get(all: null): Promise<Record<string, unknown>>;
  set(items: object): Promise<void>;
  onChanged: { addListener(listener: (changes: object) => void): void };
};
type Chrome = {
  tabs: { query(of: { url: string }): Promise<{ id: number }[]> };
  storage: { local: Area; session: Area };
  runtime: { sendMessage(message: object): Promise<unknown> };
  alarms: { create(name: string, when: { when: number; periodInMinutes: number }): Promise<void> };
};

/** What the browser keeps for the extension while it runs: for private windows and others together. */
const memory = (page: Page) =>
  page.evaluate(() => (globalThis as unknown as { chrome: Chrome }).chrome.storage.session.get(null));

/** Asked of the worker of private windows: no other sees the tab. */
async function tabOf(reader: Page): Promise<number | undefined> {
  return popup.evaluate(
    async (url) => (await (globalThis as unknown as { chrome: Chrome }).chrome.tabs.query({ url }))[0]?.id,
    reader.url(),
  );
}
