// A wallet with a password: what it is asked for, that what waited goes on afterwards, and that wrong ones change nothing.
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CornerShop, openCornerShop } from '../harness/corner-shop.ts';
import { nextQuestion, typeAddress, windowsClosed } from '../harness/desk.ts';
import { type Customer, type Mint, openMint } from '../harness/mint.ts';

const PASSWORD = 'four otters on ice';

let mint: Mint;
let alice: Customer;
let kiosk: CornerShop;
beforeAll(async () => {
  mint = await openMint();
  alice = await mint.customer('alice');
  await alice.desk.tell('start');
  await alice.desk.tell('withdraw', { amountMicro: '500000' });
  const ecash = { denominations: ['0.0005 USD', '0.001 USD'] };
  kiosk = await openCornerShop(mint.broker.url, join(mint.folder, 'kiosk'), { methods: ['ecash'], ecash });
});
afterAll(async () => {
  await mint.close();
  await kiosk.close();
});

const locked = async () => ((await alice.desk.tell('refresh')) as { password: { locked: boolean } }).password.locked;

async function unlock(screen: Page, password: string): Promise<void> {
  await screen.getByLabel('Password', { exact: true }).fill(password);
  await screen.getByRole('button', { name: 'Unlock' }).last().click();
}

describe('A password', () => {
  it('is set by typing it twice alike', async () => {
    const screen = await alice.screen('password');
    await screen.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await screen.getByLabel('New password, again').fill('four otters on rice');
    await screen.getByText('These two differ.').waitFor();
    await screen.getByLabel('New password, again').fill(PASSWORD);
    await screen.getByRole('button', { name: 'Set a password' }).click();
    await screen.getByText('Saved').last().waitFor();
    expect(await locked()).toBe(false);
    await screen.close();
  });

  it('is remembered while the browser runs, also when the worker dies, until somebody locks', async () => {
    await alice.desk.killWorker();
    await expect.poll(locked).toBe(false);
    const screen = await alice.screen('');
    await screen.getByRole('button', { name: 'Lock' }).click();
    await expect.poll(locked).toBe(true);
    await screen.close();
  });

  it('is asked for where the wallet is locked, and what was begun goes on', async () => {
    const screen = await alice.screen('give');
    await screen.getByLabel('How much to give').fill('0.05');
    await screen.getByRole('button', { name: 'Make the gift' }).click();
    await unlock(screen, 'three otters on ice');
    await screen.getByText('This is not the password.').waitFor();
    expect(await alice.coins()).toBe(500_000n);
    await unlock(screen, PASSWORD);
    await screen.getByLabel('The gift as text').waitFor();
    expect(await alice.coins()).toBe(450_000n);
    await screen.close();
  });

  it('guards the words', async () => {
    await alice.desk.tell('lock');
    const screen = await alice.screen('phrase');
    await screen.getByRole('button', { name: 'Show the words' }).click();
    await screen.getByLabel('Password', { exact: true }).waitFor();
    expect(await screen.locator('.words').count()).toBe(0);
    await unlock(screen, PASSWORD);
    await screen.locator('.words li').last().waitFor();
    await screen.close();
  });

  it('is asked for by a page that needs coins, which is paid afterwards', async () => {
    await alice.desk.tell('lock');
    const reader = await alice.browser.context.newPage();
    const asked = nextQuestion(alice.browser);
    await typeAddress(reader, `${kiosk.url}/article/1`);
    const window = await asked;
    await window.getByRole('button', { name: /^Pay / }).click();
    const next = nextQuestion(alice.browser);
    await unlock(window, PASSWORD);
    await (await next).getByRole('button', { name: /^Pay / }).click();
    await reader.getByRole('heading', { name: 'Article 1' }).waitFor();
    await windowsClosed(alice.browser);
    await reader.close();
  });

  it('is in no draft, and gone when it is removed', async () => {
    const screen = await alice.screen('password');
    await screen.getByLabel('Password now').last().fill(PASSWORD);
    const kept = await screen.evaluate(async () => {
      type Area = { get(all: null): Promise<object> };
      const { storage } = (globalThis as unknown as { chrome: { storage: { local: Area; session: Area } } }).chrome;
      return JSON.stringify([await storage.local.get(null), await storage.session.get(null)]);
    });
    expect(kept).not.toContain('otters');
    await screen.getByRole('button', { name: 'Remove the password' }).click();
    await screen.getByText('Removed.').waitFor();
    expect(await alice.desk.tell('refresh')).toMatchObject({ password: { set: false, locked: false } });
    await screen.close();
  });
});
