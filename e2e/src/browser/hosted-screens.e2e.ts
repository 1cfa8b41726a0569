// Every state of the broker's page for people without a wallet, on a phone: light, dark, narrow and right-to-left. No axe violation,
// nothing wider than the phone. The pictures are in e2e/out/screens.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { inspect, type Look, looks } from '../harness/looks.ts';
import { type Phone, pickUpPhone } from '../harness/phone.ts';
import { type Running, startBrokerProcess, startSiteProcess } from '../harness/processes.ts';
import { articles } from '../site/content.ts';

const folder = mkdtempSync(join(tmpdir(), 'farthing-hosted-screens-'));
let broker: Running;
let site: Running;
beforeAll(async () => {
  broker = await startBrokerProcess(join(folder, 'broker'));
  site = await startSiteProcess(broker.url, join(folder, 'site'));
});
afterAll(async () => {
  await site.stop();
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

const phoneFor = ({ theme, language, width }: Look): Promise<Phone> =>
  pickUpPhone({ language: language === 'en' ? 'en-US' : language, colorScheme: theme, width });

/** By what the elements are for: their words are in four languages. */
const tap = (page: Page, id: string) => page.locator(`#${id}`).tap();
const shown = (page: Page, id: string) => page.locator(`#${id}:not([hidden])`).waitFor();

describe.each(looks)('$name', (look) => {
  it('the site’s page with the link, and the wallet from first to last', async () => {
    const phone = await phoneFor(look);
    const { page } = phone;
    const see = (name: string) => inspect(page, `hosted-${name}-${look.name}`);
    await page.goto(`${site.url}/article/${articles[0]?.slug}`);
    await see('402');
    await page.locator('a.button').tap();
    await shown(page, 'signed-out');
    await see('signed-out');
    await tap(page, 'sign-up');
    await shown(page, 'printed');
    await see('printed-code');
    await tap(page, 'have-it');
    await shown(page, 'signed-in');
    await tap(page, 'pay');
    await shown(page, 'refused');
    await see('refused');
    await tap(page, 'faucet');
    await page.locator('#refused').waitFor({ state: 'hidden' });
    await see('ready');
    await page.locator('#movements summary').tap();
    await page.locator('#keys summary').tap();
    await tap(page, 'add');
    await shown(page, 'refused');
    await page.locator('#signed-in details').first().locator('summary').tap();
    await see('more');
    await phone.close();
  });

  it('the terminal with a password', async () => {
    const phone = await phoneFor(look);
    const { page } = phone;
    await page.goto(`${new URL(broker.url).origin}/pay`);
    await shown(page, 'signed-out');
    await page.locator('#by-password summary').tap();
    await page.locator('#contact').fill(`${look.name}@example.org`);
    await page.locator('#password').fill('tides and lanterns');
    await page.locator('#password-form button').tap();
    await shown(page, 'code-form');
    await inspect(page, `hosted-password-${look.name}`);
    await phone.close();
  });
});
