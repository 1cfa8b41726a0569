// The screens of private coins in light, dark, narrow and right-to-left. The pictures are in e2e/out/screens.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { dress, inspect, looks } from '../harness/looks.ts';
import { type Customer, type Mint, openMint } from '../harness/mint.ts';

let mint: Mint;
let alice: Customer;
let fresh: Customer;
let empty: Customer;
type Given = { readonly id: string; readonly text: string };
let small: Given;
let large: Given;
let asked: Given;
beforeAll(async () => {
  mint = await openMint();
  alice = await mint.customer('alice');
  fresh = await mint.customer('fresh');
  empty = await mint.customer('empty');
  await alice.desk.tell('start');
  await alice.desk.tell('withdraw', { amountMicro: '1370000' });
  small = (await alice.desk.tell('give', { amountMicro: '50000', memo: 'for tea on the quay' })) as Given;
  large = (await alice.desk.tell('give', { amountMicro: '123456' })) as Given;
  asked = (await alice.desk.tell('request', { amountMicro: '30000', memo: 'the ferry' })) as Given;
  const taken = (await alice.desk.tell('give', { amountMicro: '10000', memo: 'cake' })) as Given;
  await fresh.desk.tell('take', { text: taken.text });
});
afterAll(() => mint.close());

const routes = [
  ...[
    'money',
    'more',
    'coins',
    'withdraw',
    'deposit',
    'give',
    'gifts',
    'receive',
    'requests',
    'ask',
    'answer',
    'activity',
  ],
  ...['phrase', 'budgets', 'settings', 'password', 'unlock'],
];
const at = (page: Page, route: string) => page.goto(`${page.url().split('#')[0]}#/${route}`);

describe.each(looks)('$name', (look) => {
  it('what there is, and what can be done with it', async () => {
    const popup = await alice.screen('coins');
    for (const route of routes) {
      await at(popup, route);
      await dress(popup, look, 560);
      await popup.locator('.card').first().waitFor();
      await inspect(popup, `coins-${route}-${look.name}`);
    }
    await at(popup, 'coins');
    await popup.locator('summary').click();
    await inspect(popup, `coins-by-value-${look.name}`);
    await popup.close();
  });

  it('a gift with its picture, and one of too many coins for a picture', async () => {
    const popup = await alice.screen(`gift/${small.id}`);
    await dress(popup, look, 900);
    await popup.locator('.qr').waitFor();
    await inspect(popup, `coins-gift-${look.name}`);
    await at(popup, `gift/${large.id}`);
    await dress(popup, look, 560);
    await popup.locator('textarea').waitFor();
    await inspect(popup, `coins-gift-large-${look.name}`);
    await popup.close();
  });

  it('a request of ours, and one that is read before it is answered', async () => {
    const popup = await alice.screen(`request/${asked.id}`);
    await dress(popup, look, 560);
    await popup.locator('.qr').waitFor();
    await inspect(popup, `coins-request-${look.name}`);
    await at(popup, 'answer');
    await dress(popup, look, 560);
    await popup.locator('textarea').fill(asked.text);
    await popup.locator('form .btn.primary').click();
    await popup.locator('.amount.big').waitFor();
    await inspect(popup, `coins-asked-${look.name}`);
    await popup.close();
  });

  it('a wallet that is empty, and one that comes back from its words', async () => {
    const popup = await empty.screen('');
    await dress(popup, look, 560);
    await popup.locator('.card').first().waitFor();
    await inspect(popup, `coins-empty-${look.name}`);
    await at(popup, 'restore');
    await dress(popup, look, 560);
    await popup.locator('form').waitFor();
    await inspect(popup, `coins-restore-${look.name}`);
    await popup.close();
    const done = await fresh.screen('phrase');
    await fresh.desk.tell('checkCoins');
    await dress(done, look, 700);
    await done.locator('.kv').waitFor();
    await inspect(done, `coins-searched-${look.name}`);
    await done.close();
  });

  it('the words, and the question for some of them', async () => {
    const popup = await alice.screen('phrase');
    await dress(popup, look, 560);
    await popup.locator('.card .btn.primary').click();
    await popup.locator('.words').waitFor();
    await inspect(popup, `coins-words-${look.name}`);
    await popup.locator('.card .btn.primary').click();
    await popup.locator('form input').first().fill('zebra');
    await popup.locator('form .btn.primary').click();
    await popup.getByRole('alert').waitFor();
    await inspect(popup, `coins-words-check-${look.name}`);
    await popup.close();
  });
});
