// A phone without a wallet pays on the broker's page: a passkey, play money, the page, and the next one with one tap.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { creditOfSites, runAudit } from '../demo/books.ts';
import { type Phone, pickUpPhone } from '../harness/phone.ts';
import { type Running, startBrokerProcess, startSiteProcess } from '../harness/processes.ts';
import { type Article, articles } from '../site/content.ts';

const folder = mkdtempSync(join(tmpdir(), 'farthing-hosted-'));
const books = join(folder, 'broker');
let broker: Running;
let site: Running;
let phone: Phone | undefined;

beforeAll(async () => {
  // An article costs more than a password may pay.
  broker = await startBrokerProcess(books, 0, ['--password-limit', '0.001 USD']);
  site = await startSiteProcess(broker.url, join(folder, 'site'));
});
afterAll(async () => {
  await site.stop();
  expect(await runAudit(books)).toBe(true);
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => phone?.close());

/** Each spec has a new one. */
async function phoneInHand(): Promise<Phone> {
  phone = await pickUpPhone();
  return phone;
}

const article = (n: number): Article => {
  const found = articles[n];
  if (!found) throw new Error(`the newspaper has no article ${n}`);
  return found;
};
const addressOf = (n: number) => `${site.url}/article/${article(n).slug}`;
const button = (page: Page, name: RegExp | string) => page.getByRole('button', { name });

/** Through the link of the 402 page. */
async function goToPay(page: Page, n: number): Promise<void> {
  await page.goto(addressOf(n));
  await page.getByRole('link', { name: /^Pay on/ }).tap();
  await page.locator('#bill').waitFor();
}

/** @returns the printed code */
async function makeWallet(page: Page): Promise<string> {
  await button(page, 'New here: make a wallet').tap();
  await page.locator('#printed').waitFor();
  const code = await page.locator('#printed-code').textContent();
  await button(page, 'I have it').tap();
  return code ?? '';
}
async function getMoney(page: Page): Promise<void> {
  await button(page, /^Get .*of play money$/).tap();
  await mustHave(page, '$5.00');
}
async function mustHave(page: Page, balance: string): Promise<void> {
  await page.locator('#balance', { hasText: new RegExp(`^\\${balance}$`) }).waitFor();
}
const pay = (page: Page) => button(page, /^Pay/).tap();
async function mustRead(page: Page, n: number): Promise<void> {
  await page.waitForURL(addressOf(n));
  await page.getByRole('heading', { level: 1, name: article(n).title }).waitFor();
}
const refusal = async (page: Page): Promise<string> => {
  await page.locator('#refused:not([hidden])').waitFor();
  return (await page.locator('#refused').textContent()) ?? '';
};

describe('a phone without a wallet', () => {
  it('makes a passkey, gets play money, reads the page that it paid for, and the next one with one tap', async () => {
    const { page, authenticator } = await phoneInHand();
    await goToPay(page, 0);
    await makeWallet(page);
    await getMoney(page);
    await pay(page);
    await mustRead(page, 0);
    // Read again, and not paid again.
    await page.reload();
    await mustRead(page, 0);
    await goToPay(page, 1);
    await mustHave(page, '$4.9985');
    await pay(page);
    await mustRead(page, 1);
    await goToPay(page, 2);
    await mustHave(page, '$4.997');
    await page.getByText('Last movements').tap();
    expect(await page.locator('#past bdi').allTextContents()).toEqual(['-$0.0015', '-$0.0015', '$5.00']);
    // Made once, and asked for each of the two payments.
    expect((await authenticator.credentials()).map(({ signCount }) => signCount)).toEqual([3]);
  });

  it('that goes Back from the page, and taps twice in haste, pays once', async () => {
    const { page } = await phoneInHand();
    await goToPay(page, 0);
    await makeWallet(page);
    await getMoney(page);
    await button(page, /^Pay/).evaluate((element) => {
      (element as HTMLElement).click();
      (element as HTMLElement).click();
    });
    await mustRead(page, 0);
    await page.goBack();
    await pay(page);
    await mustRead(page, 0);
    await goToPay(page, 1);
    await mustHave(page, '$4.9985');
  });

  it('is refused in plain words: no finger, no money, and nothing is charged', async () => {
    const { page, authenticator } = await phoneInHand();
    await goToPay(page, 0);
    await makeWallet(page);
    await pay(page);
    expect(await refusal(page)).toBe(
      'There is not enough money in this wallet. Top it up first. You were not charged.',
    );
    await getMoney(page);
    await authenticator.setVerified(false);
    await pay(page);
    expect(await refusal(page)).toBe('No passkey was used. Nothing happened. You were not charged.');
    await mustHave(page, '$5.00');
    await page.getByRole('link', { name: 'Back to the site, without paying' }).tap();
    await page.waitForURL(addressOf(0));
    expect(await page.locator('.amount').textContent()).toContain('$0.0015');
  });

  it('that was lost is replaced: the printed code opens the wallet for a new passkey', async () => {
    const { page, authenticator } = await phoneInHand();
    await goToPay(page, 0);
    const code = await makeWallet(page);
    await getMoney(page);
    await button(page, 'Sign out').tap();
    await authenticator.forget();
    await page.getByText('Lost all passkeys?').tap();
    await page.getByLabel('Printed code').fill(code.toLowerCase());
    await button(page, 'Make a new passkey').tap();
    await page.locator('#printed').waitFor();
    expect(await page.locator('#printed-code').textContent()).not.toBe(code);
    await button(page, 'I have it').tap();
    await mustHave(page, '$5.00');
    await pay(page);
    await mustRead(page, 0);
  });

  it('signs in again with its passkey when the session has ended', async () => {
    const { page } = await phoneInHand();
    await goToPay(page, 0);
    await makeWallet(page);
    await getMoney(page);
    await page.context().clearCookies();
    await pay(page);
    expect(await refusal(page)).toContain('Please sign in again.');
    await button(page, 'Use my passkey').tap();
    await pay(page);
    await mustRead(page, 0);
  });
});

describe('a password and a code', () => {
  it('open a wallet with smaller limits: what is above is refused, and told how it can be paid', async () => {
    const { page } = await phoneInHand();
    await goToPay(page, 0);
    await page.getByText('No passkey? Password and code').tap();
    await page.getByLabel(/^Where codes go/).fill('ann@example.org');
    await page.getByLabel('Password', { exact: true }).fill('tides and lanterns');
    await button(page, 'Send me a code').tap();
    const letter = await page.locator('#letter', { hasText: /\d{6}/ }).textContent();
    await page.getByLabel('The six digits').fill(/\d{6}/.exec(letter ?? '')?.[0] ?? '');
    await button(page, 'Sign in').tap();
    await button(page, 'I have it').tap();
    await getMoney(page);
    await pay(page);
    expect(await refusal(page)).toContain('a passkey instead of a password');
    // A year of the archive costs less.
    await page.goto(`${site.url}/archive/year/1890`);
    await page.getByRole('link', { name: /^Pay on/ }).tap();
    await pay(page);
    await page.waitForURL(`${site.url}/archive/year/1890`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await page.locator('.amount').count()).toBe(0);
  });
});

/** The address of the broker's page with another offer behind `#`. */
async function edited(
  page: Page,
  how: (offer: { challenge: Record<string, string>; at: string }) => object,
): Promise<string> {
  await page.goto(addressOf(0));
  const href = (await page.getByRole('link', { name: /^Pay on/ }).getAttribute('href')) ?? '';
  const [address = '', fragment = ''] = href.split('#');
  const offer = how(JSON.parse(Buffer.from(fragment, 'base64url').toString()));
  return `${address}#${Buffer.from(JSON.stringify(offer)).toString('base64url')}`;
}

describe('a link that somebody else wrote', () => {
  it('leads to no other site: neither back, nor with a payment', async () => {
    const { page } = await phoneInHand();
    for (const at of [
      'https://evil.example/article',
      'javascript:alert(1)',
      '//evil.example',
      'http://localhost.evil.example/',
    ]) {
      await page.goto('about:blank');
      await page.goto(await edited(page, (offer) => ({ ...offer, at })));
      expect(await refusal(page)).toContain('belongs to another site');
      expect(await page.locator('#bill, #away, #pay').filter({ visible: true }).count()).toBe(0);
    }
  });

  it('with another price pays nothing: the site knows its own challenges', async () => {
    const { page } = await phoneInHand();
    const cheaper = await edited(page, ({ challenge, at }) => {
      const request = JSON.parse(Buffer.from(challenge['request'] ?? '', 'base64url').toString());
      const text = Buffer.from(JSON.stringify({ ...request, amount: '1' })).toString('base64url');
      return { challenge: { ...challenge, request: text }, at };
    });
    await page.goto(cheaper);
    await makeWallet(page);
    await getMoney(page);
    await pay(page);
    await page.waitForURL(`${site.url}/farthing/hand-in`);
    expect(await page.locator('footer').textContent()).toContain('challenge-mismatch');
    await goToPay(page, 0);
    await mustHave(page, '$5.00');
  });
});

describe('another site', () => {
  it('neither frames the wallet, nor signs it out or moves its money', async () => {
    const { page } = await phoneInHand();
    await goToPay(page, 0);
    await makeWallet(page);
    await getMoney(page);
    const wallet = new URL(page.url()).origin;
    await page.goto(site.url);
    const shown = await page.evaluate(async (origin) => {
      const send = (init: RequestInit) =>
        fetch(`${origin}/pay/api/sign-out`, { method: 'POST', credentials: 'include', body: '{}', ...init }).then(
          (answer) => answer.type,
          () => 'blocked',
        );
      const frame = document.createElement('iframe');
      const loaded = new Promise((done) => frame.addEventListener('load', done));
      frame.src = `${origin}/pay`;
      document.body.append(frame);
      await loaded;
      const json = { 'content-type': 'application/json' };
      return [await send({ headers: json }), await send({ mode: 'no-cors' }), frame.contentDocument === null];
    }, wallet);
    // Not even the refusal of a request that needs no leave can be read.
    expect(shown).toEqual(['blocked', 'blocked', true]);
    expect(page.frames().map((frame) => frame.url())).toContain('chrome-error://chromewebdata/');
    await page.goto(`${wallet}/pay`);
    await mustHave(page, '$5.00');
  });
});

it('the site was paid for five articles and a year of the archive, and for nothing else', async () => {
  await site.stop();
  expect(creditOfSites(books)).toBe(5n * 1500n + 500n);
});
