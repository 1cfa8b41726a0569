// A phone without a wallet pays on the broker's page: a passkey, play money, the page, and the next one with one tap.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Phone, pickUpPhone } from '../harness/phone.ts';
import { type Running, startBrokerProcess, startSiteProcess } from '../harness/processes.ts';
import { articles } from '../site/content.ts';

const folder = mkdtempSync(join(tmpdir(), 'farthing-hosted-'));
const books = join(folder, 'broker');
let broker: Running;
let site: Running;
let phone: Phone;

beforeAll(async () => {
  broker = await startBrokerProcess(books);
  site = await startSiteProcess(broker.url, join(folder, 'site'));
  phone = await pickUpPhone();
});
afterAll(async () => {
  await phone.close();
  await site.stop();
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

const [first] = articles.filter(({ slug }) => slug);
const link = (page: Page) => page.getByRole('link', { name: /^Pay on/ });

describe('a phone without a wallet', () => {
  it('makes a passkey, gets play money, and reads the page that it paid for', async () => {
    const { page } = phone;
    await page.goto(`${site.url}/article/${first?.slug}`);
    await link(page).tap();
    await page.getByRole('button', { name: 'New here: make a wallet' }).tap();
    await page.getByRole('button', { name: 'I have it' }).tap();
    await page.getByRole('button', { name: /^Get \$5/ }).tap();
    await page.getByRole('button', { name: /^Pay \$0/ }).tap();
    await page.waitForURL(`${site.url}/article/${first?.slug}`);
    expect(await page.locator('h1').textContent()).toContain(first?.title);
  });
});
