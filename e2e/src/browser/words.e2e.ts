// A device is lost: twelve words bring account and coins back in a browser that knows nothing, with progress, also when the
// popup is closed or the worker dies meanwhile. A copy of the old wallet finds out what the new one spent.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Customer, type Mint, openMint } from '../harness/mint.ts';

let mint: Mint;
let old: Customer;
let stranger: Customer;
let words: string;
beforeAll(async () => {
  mint = await openMint();
  old = await mint.customer('old');
  await old.desk.tell('start');
  await old.desk.tell('withdraw', { amountMicro: '1370000' });
});
afterAll(() => mint.close());

async function read(screen: Page): Promise<string> {
  await screen.getByRole('button', { name: 'Show the words' }).click();
  await screen.locator('.words li').last().waitFor();
  return (await screen.locator('.words b').allTextContents()).join(' ');
}

async function restore(who: Customer, phrase: string): Promise<Page> {
  const screen = await who.screen('restore');
  await screen.getByLabel('Your twelve recovery words').fill(phrase);
  await screen.getByRole('button', { name: 'Restore', exact: true }).click();
  return screen;
}

describe('The words', () => {
  it('are shown after a warning, and nobody has seen them before', async () => {
    const screen = await old.screen('phrase');
    await screen.getByText(/Whoever reads them has your money too/).waitFor();
    expect(await screen.locator('.words').count()).toBe(0);
    words = await read(screen);
    expect(words.split(' ')).toHaveLength(12);
    await screen.getByRole('button', { name: 'I have written them down' }).click();
    const fields = screen.locator('form input');
    for (let at = 0; at < 3; at++) await fields.nth(at).fill('zebra');
    await screen.getByRole('button', { name: 'Check', exact: true }).click();
    await screen.getByText('Not quite.').waitFor();
    for (const label of await screen.locator('form label').allTextContents()) {
      const word = words.split(' ')[Number(label.replace('Word ', '')) - 1] ?? '';
      await screen.getByLabel(label, { exact: true }).fill(word);
    }
    await screen.getByRole('button', { name: 'Check', exact: true }).click();
    await screen.getByText('That is right.').waitFor();
    await screen.close();
  });

  it('leave nothing of themselves in what the browser keeps for screens', async () => {
    const kept = await old.desk.page.evaluate(async () => {
      type Area = { get(all: null): Promise<unknown> };
      const { storage } = (globalThis as unknown as { chrome: { storage: { local: Area; session: Area } } }).chrome;
      return JSON.stringify([await storage.local.get(null), await storage.session.get(null)]);
    });
    // Two in a row: one word alone may be the name of a member, such as account or balance.
    const list = words.split(' ');
    for (const [n, word] of list.slice(1).entries()) expect(kept).not.toMatch(new RegExp(`${list[n]}\\W*${word}`));
  });

  it('that are not right restore nothing', async () => {
    stranger = await mint.customer('stranger');
    // Not a word of the list: one in sixteen of those would have the right checksum.
    const screen = await restore(stranger, words.replace(/\S+$/, 'zebras'));
    await screen.getByText('This text cannot be read.').waitFor();
    expect(await stranger.desk.tell('refresh')).toMatchObject({ ready: false });
    await screen.close();
  });

  it('restore account and coins in a fresh profile, and show how far they are', async () => {
    const who = await mint.customer('new');
    const seen = watchProgress(who);
    const screen = await restore(who, words);
    await screen.getByText('Everything was looked through.').first().waitFor();
    expect(await who.coins()).toBe(1_370_000n);
    expect(await who.desk.balance()).toBe(5_000_000n);
    const progress = await (await seen)();
    expect(progress.length).toBeGreaterThan(3);
    expect([...progress].sort((a, b) => a - b)).toEqual(progress);
    await screen.close();
  });

  it('go on restoring when the popup is closed, and with the next worker when this one dies', async () => {
    const who = await mint.customer('impatient');
    const screen = await restore(who, words);
    await screen.getByText('Looking for your coins…').waitFor();
    await screen.close();
    // A worker that dies before the wallet has the words asks for them again.
    await expect.poll(() => who.desk.tell('refresh')).toMatchObject({ ready: true });
    await who.desk.killWorker();
    const again = await who.screen('restore');
    await again.getByText('Everything was looked through.').first().waitFor();
    expect(await who.coins()).toBe(1_370_000n);
    await again.close();
  });

  it('let the old device find out what was spent with them elsewhere', async () => {
    const who = await mint.customer('third');
    await (await restore(who, words)).getByText('Everything was looked through.').first().waitFor();
    const gift = (await who.desk.tell('give', { amountMicro: '350000' })) as { text: string };
    await stranger.desk.tell('take', { text: gift.text });
    const screen = await old.screen('phrase');
    await screen.getByRole('button', { name: 'Look for coins' }).click();
    await screen.getByText(/were spent by another copy of this wallet/).waitFor();
    await screen.close();
  });
});

/** How far the search was, in percent, each time that the snapshot said so. */
async function watchProgress({ desk: { page } }: Customer): Promise<() => Promise<number[]>> {
  type Search = { state: string; progress?: { keysets: number; of: number } };
  type Changes = { snapshot?: { newValue?: { search?: Search } } };
  await page.evaluate(() => {
    const seen: number[] = [];
    Object.assign(globalThis, { seen });
    type Listen = { addListener(listener: (changes: Changes) => void): void };
    const { chrome } = globalThis as unknown as { chrome: { storage: { session: { onChanged: Listen } } } };
    chrome.storage.session.onChanged.addListener(({ snapshot }) => {
      const progress = snapshot?.newValue?.search?.progress;
      if (progress) seen.push((100 * progress.keysets) / progress.of);
    });
  });
  return () => page.evaluate(() => (globalThis as unknown as { seen: number[] }).seen);
}
