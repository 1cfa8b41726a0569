// Pages that are paid with private coins: what the question, the receipt and the list of payments say about it, and which money
// goes first where a site takes several kinds.
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CornerShop, openCornerShop } from '../harness/corner-shop.ts';
import { nextQuestion, typeAddress, windowsClosed } from '../harness/desk.ts';
import { type Customer, type Mint, openMint } from '../harness/mint.ts';

const PRICE = 1_500n;
const START = 5_000_000n;

let mint: Mint;
let alice: Customer;
/** Takes private coins alone. */
let kiosk: CornerShop;
/** Takes site coins, too. */
let bakery: CornerShop;
let reader: Page;
beforeAll(async () => {
  mint = await openMint();
  alice = await mint.customer('alice');
  await alice.desk.tell('start');
  await alice.desk.tell('withdraw', { amountMicro: '1000000' });
  const ecash = { denominations: ['0.0005 USD', '0.001 USD'] };
  kiosk = await openCornerShop(mint.broker.url, join(mint.folder, 'kiosk'), { methods: ['ecash'], ecash });
  bakery = await openCornerShop(mint.broker.url, join(mint.folder, 'bakery'), { methods: ['scrip', 'ecash'], ecash });
  reader = await alice.browser.context.newPage();
});
afterAll(async () => {
  await mint.close();
  await kiosk.close();
  await bakery.close();
});

const moneyOf = (window: Page) => window.locator('dt', { hasText: 'Pay with' }).locator('+ dd').textContent();

describe('A page for private coins', () => {
  it('is asked about with what the site and the broker learn, and paid', async () => {
    const question = nextQuestion(alice.browser);
    await typeAddress(reader, `${kiosk.url}/article/1`);
    const window = await question;
    await window.getByRole('button', { name: /^Pay / }).waitFor();
    expect(await moneyOf(window)).toMatch(/· private coins$/);
    expect(await window.getByText('That coins came back, not who spent them').count()).toBe(1);
    await window.getByText('Auto', { exact: true }).click();
    await window.getByRole('button', { name: /^Pay / }).click();
    await reader.getByRole('heading', { name: 'Article 1' }).waitFor();
    await windowsClosed(alice.browser);
    await expect.poll(() => alice.desk.balance()).toBe(START - PRICE);
  });

  it('is paid by the rule of its site from then on', async () => {
    await typeAddress(reader, `${kiosk.url}/article/2`);
    await reader.getByRole('heading', { name: 'Article 2' }).waitFor();
    await expect.poll(() => alice.desk.balance()).toBe(START - 2n * PRICE);
  });

  it('has a receipt that says the same, and is a payment in the list, not a move of coins', async () => {
    const list = await alice.screen('activity');
    const line = list.getByRole('link', { name: /127\.0\.0\.1.*article\/2/ });
    await line.click();
    await list.getByText('· private coins').waitFor();
    await list.getByText('That coins came back, not who spent them').waitFor();
    await list.getByText('The only kind that fits').waitFor();
    await list.getByRole('button', { name: 'Open page' }).waitFor();
    await list.close();
  });
});

describe('Where a site takes several kinds of money', () => {
  it('private coins go first once a person prefers what tells the least', async () => {
    const screen = await alice.screen('budgets');
    await screen.getByText('Most private', { exact: true }).click();
    await screen.getByRole('button', { name: 'Save' }).click();
    await screen.getByText('Saved').last().waitFor();
    await screen.close();
    const question = nextQuestion(alice.browser);
    await typeAddress(reader, `${bakery.url}/article/1`);
    const window = await question;
    await window.getByRole('button', { name: /^Pay / }).waitFor();
    expect(await moneyOf(window)).toMatch(/· private coins$/);
    await window.getByRole('button', { name: 'Not now' }).click();
    await windowsClosed(alice.browser);
  });
});

describe('Coins that are not needed', () => {
  it('are put back into the account', async () => {
    const screen = await alice.screen('deposit');
    await screen.getByLabel('How much to put back').fill('0.25');
    await screen.getByRole('button', { name: 'Put back', exact: true }).click();
    await screen.getByText('✓ $0.25 put back.').waitFor();
    await expect.poll(() => alice.desk.balance()).toBe(START - 2n * PRICE);
    await screen.close();
  });
});
