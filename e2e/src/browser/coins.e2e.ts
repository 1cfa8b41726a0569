// Private coins between people with browsers: withdrawn, given, taken by somebody without an account, taken back, and all
// back from twelve words in a fresh profile.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Customer, type Mint, openMint } from '../harness/mint.ts';

let mint: Mint;
let alice: Customer;
beforeAll(async () => {
  mint = await openMint();
  alice = await mint.customer('alice');
  await alice.desk.tell('start');
});
afterAll(() => mint.close());

async function withdraw(amount: string): Promise<void> {
  const screen = await alice.screen('withdraw');
  await screen.getByLabel('How much to withdraw').fill(amount);
  await screen.getByRole('button', { name: 'Withdraw', exact: true }).click();
  await screen.getByText(`✓ $${amount} withdrawn.`).waitFor();
  await screen.close();
}

/** Makes a gift and stays on its screen. */
async function give(amount: string, memo: string): Promise<{ screen: Page; text: string; link: string }> {
  const screen = await alice.screen('give');
  await screen.getByLabel('How much to give').fill(amount);
  await screen.getByLabel(/A line to go with it/).fill(memo);
  await screen.getByRole('button', { name: 'Make the gift' }).click();
  const text = await screen.getByLabel('The gift as text').inputValue();
  await screen.getByRole('button', { name: 'Copy the link' }).click();
  await screen.getByRole('button', { name: 'Copied.' }).waitFor();
  const [{ link } = { link: '' }] = (await alice.desk.tell('gifts', { refresh: false })) as { link: string }[];
  return { screen, text, link };
}

async function take(who: Customer, text: string): Promise<Page> {
  const screen = await who.screen('receive');
  await screen.getByLabel('The text or link of the gift').fill(text);
  await screen.getByRole('button', { name: 'Take it in' }).click();
  return screen;
}

type Look = { screen: string; end: () => void };
type Looks = { chrome: { permissions: { contains(...given: unknown[]): unknown } }; looks: Look[] };

/** From now on a screen does not hear whether it may read the page beside it. */
const holdLooks = () => {
  const page = globalThis as unknown as Looks;
  const { permissions } = page.chrome;
  const contains = permissions.contains.bind(permissions);
  page.looks = [];
  permissions.contains = (...given) =>
    new Promise((resolve) => page.looks.push({ screen: location.hash, end: () => resolve(contains(...given)) }));
};

const isHeld = (screen: string) => (globalThis as unknown as Looks).looks.some((look) => look.screen === screen);

const endLooks = () => {
  for (const { end } of (globalThis as unknown as Looks).looks) end();
};

describe('Coins of the account', () => {
  it('are withdrawn, and the balance says where the money is', async () => {
    await withdraw('0.60');
    expect(await alice.coins()).toBe(600_000n);
    const money = await alice.screen('money');
    const row = (name: string) => money.locator('dt', { hasText: name }).locator('+ dd');
    await expect.poll(() => row('Private coins').textContent()).toBe('$0.60');
    expect(await row('At the broker').textContent()).toBe('$4.40');
    await money.close();
  });

  it('are no more than there is', async () => {
    const screen = await alice.screen('withdraw');
    await screen.getByLabel('How much to withdraw').fill('4.41');
    await screen.getByText('More than there is.').waitFor();
    await screen.getByRole('button', { name: 'Withdraw', exact: true }).click();
    expect(await alice.coins()).toBe(600_000n);
    await screen.close();
  });
});

describe('A gift', () => {
  let bob: Customer;
  let text: string;
  let given: Page;

  it('is taken in by another browser that never had an account, with its line', async () => {
    ({ text, screen: given } = await give('0.05', 'for tea'));
    expect(await alice.coins()).toBe(550_000n);
    bob = await mint.customer('bob');
    const screen = await take(bob, text);
    await screen.getByText('✓ $0.05 arrived.').waitFor();
    await screen.getByText('“for tea”').waitFor();
    expect(await bob.coins()).toBe(50_000n);
    await screen.close();
  });

  it('says to its giver that it was taken, and its text is shown no more', async () => {
    await given.getByRole('button', { name: 'Check now' }).click();
    await given.getByText('Taken', { exact: true }).first().waitFor();
    expect(await given.getByLabel('The gift as text').count()).toBe(0);
    await given.close();
  });

  it('is dead in every copy: a third browser gets nothing of it, and Bob gets it once', async () => {
    const carol = await mint.customer('carol');
    const screen = await take(carol, text);
    await screen.getByText('Somebody else has these coins already.').waitFor();
    expect(await carol.coins()).toBe(0n);
    const again = await take(bob, text);
    await again.getByText('✓ $0.05 arrived.').waitFor();
    expect(await bob.coins()).toBe(50_000n);
  });

  it('that comes as a link is taken in from the page that it leads to', async () => {
    const { screen, link } = await give('0.02', 'by link');
    const page = await bob.browser.context.newPage();
    await page.goto(link);
    const popup = await bob.browser.open(`popup.html?tab=${await tabOf(bob, page)}`);
    await popup.getByText('Somebody has sent you coins with this page.').waitFor();
    await popup.getByRole('button', { name: 'Receive a gift' }).click();
    await popup.getByRole('button', { name: 'Take it in' }).click();
    await popup.getByText('“by link”').waitFor();
    expect(await bob.coins()).toBe(70_000n);
    for (const open of [screen, page, popup]) await open.close();
  });

  it('that is pasted while the page beside it is still looked at stays as it was pasted', async () => {
    const page = await bob.browser.context.newPage();
    await page.goto(`${mint.broker.url}/#farthing-gift:AAAA`);
    const popup = await bob.browser.open(`popup.html?tab=${await tabOf(bob, page)}`);
    await popup.getByText('Somebody has sent you coins with this page.').waitFor();
    await popup.evaluate(holdLooks);
    await popup.getByRole('button', { name: 'Receive a gift' }).click();
    // A field that is filled before this screen looks at all would show nothing.
    await popup.waitForFunction(isHeld, '#/receive');
    const field = popup.getByLabel('The text or link of the gift');
    await field.fill('farthing-gift:mine');
    await popup.evaluate(endLooks);
    await popup.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    expect(await field.inputValue()).toBe('farthing-gift:mine');
    for (const open of [page, popup]) await open.close();
  });

  it('that is no gift is refused in plain words', async () => {
    const screen = await take(bob, 'farthing-gift:AAAA');
    await screen.getByText('This text cannot be read.').waitFor();
    await screen.close();
  });

  it('comes back while nobody has taken it, and its text is worth nothing then', async () => {
    const { screen, text: regretted } = await give('0.10', 'regretted');
    expect(await alice.coins()).toBe(430_000n);
    await screen.getByRole('button', { name: 'Take back' }).click();
    await screen.getByText('Back with you').first().waitFor();
    expect(await alice.coins()).toBe(530_000n);
    const late = await take(bob, regretted);
    await late.getByText('Somebody else has these coins already.').waitFor();
    const list = await alice.screen('gifts');
    await list.getByRole('link', { name: /regretted.*Back with you/ }).waitFor();
    await list.getByRole('link', { name: /for tea.*Taken/ }).waitFor();
    await list.close();
  });
});

describe('A request', () => {
  it('is answered with coins that only who asked can take in', async () => {
    const dave = await mint.customer('dave');
    await dave.desk.tell('start');
    const asking = await dave.screen('ask');
    await asking.getByLabel('How much to ask for').fill('0.03');
    await asking.getByLabel(/What it is for/).fill('the ferry');
    await asking.getByRole('button', { name: 'Make the request' }).click();
    const asked = await asking.getByLabel('The request as text').inputValue();
    const words = await asking.locator('b[translate=no]').textContent();

    const answering = await alice.screen('answer');
    await answering.getByLabel('The text or link of the request').fill(asked);
    await answering.getByRole('button', { name: 'Read it' }).click();
    await answering.getByText('“the ferry”').waitFor();
    expect(await answering.locator('b[translate=no]').textContent()).toBe(words);
    await answering.getByRole('button', { name: 'Give $0.03' }).click();
    const answer = await answering.getByLabel('The gift as text').inputValue();

    const thief = await mint.customer('thief');
    const stealing = await take(thief, answer);
    await stealing.getByRole('alert').waitFor();
    const taking = await take(dave, answer);
    await taking.getByText('✓ $0.03 arrived.').waitFor();
    expect(await dave.coins()).toBe(30_000n);
    await asking.getByText('Paid', { exact: true }).first().waitFor();
  });
});

async function tabOf(who: Customer, page: Page): Promise<number | undefined> {
  type Chrome = { tabs: { query(of: object): Promise<{ id: number; url?: string }[]> } };
  return who.desk.page.evaluate(async (url) => {
    const tabs = await (globalThis as unknown as { chrome: Chrome }).chrome.tabs.query({});
    return tabs.find((tab) => tab.url === url)?.id;
  }, page.url());
}
