// A person in a real browser: first payment in three clicks, the next without one, and every way of saying no.
import type { Page, Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { balanceOf, firstPaidPage, pageOf } from '../demo/first-visit.ts';
import { makeScene, type Scene } from '../harness/scene.ts';

let scene: Scene;
let reader: Page;
beforeAll(async () => {
  scene = await makeScene();
});
afterAll(() => scene.close());

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name });

/** Requests for one address that left the browser while `act` ran. */
async function requestsDuring(page: Page, url: string, act: () => Promise<unknown>): Promise<Request[]> {
  const seen: Request[] = [];
  const note = (request: Request) => {
    if (request.url().split('#')[0] === url) seen.push(request);
  };
  page.on('request', note);
  await act();
  page.off('request', note);
  return seen;
}

/** Opens the popup's page in a tab, does something there, and closes it again. */
async function inPopup(route: string, act: (popup: Page) => Promise<void>): Promise<void> {
  const popup = await scene.browser.open(`popup.html${route}`);
  await act(popup);
  await popup.close();
}

const setMode = (mode: 'Auto' | 'Ask' | 'Never') =>
  inPopup('', async (popup) => {
    await popup.getByRole('radio', { name: mode }).first().check({ force: true });
    await popup.waitForFunction(
      (text) => document.querySelector('input:checked')?.closest('label')?.textContent === text,
      mode,
    );
  });

describe('a fresh profile', () => {
  it('reads the first paid page after three clicks, and the wallet has exactly the price less', async () => {
    const facts = await firstPaidPage(scene.browser, { article: scene.article });
    expect(facts.paidMicro).toBe(1500n);
    reader = await pageOf(scene.browser, /last-lighthouse-keeper/);
  });

  it('reads the second article of the site without a click on the wallet, with one HTTP request', async () => {
    const url = `${scene.site.url}/article/the-price-of-a-herring`;
    const before = await balanceOf(scene.browser);
    await reader.bringToFront();
    const requests = await requestsDuring(reader, url, async () => {
      await reader.getByRole('link', { name: 'The price of a herring' }).click();
      await heading(reader, 'The price of a herring').waitFor();
    });
    expect(requests).toHaveLength(1);
    const answer = await requests[0]?.response();
    expect([answer?.status(), Boolean(answer?.headers()['payment-receipt'])]).toEqual([200, true]);
    expect(before - (await balanceOf(scene.browser, before))).toBe(1500n);
  });

  it('pays an address that was typed in, too', async () => {
    const before = await balanceOf(scene.browser);
    await reader.bringToFront();
    await reader.goto(`${scene.site.url}/article/a-map-of-the-wind`);
    await heading(reader, 'A map of the wind').waitFor();
    expect(before - (await balanceOf(scene.browser, before))).toBe(1500n);
  });

  it('reads again free: reload and back cost nothing', async () => {
    const before = await balanceOf(scene.browser);
    await reader.bringToFront();
    await reader.reload();
    await heading(reader, 'A map of the wind').waitFor();
    await reader.goBack();
    await heading(reader, 'The price of a herring').waitFor();
    expect(await balanceOf(scene.browser)).toBe(before);
  });

  it('pays a file that the site sends as a picture', async () => {
    const before = await balanceOf(scene.browser);
    await reader.bringToFront();
    await reader.goto(`${scene.site.url}/picture/skerry-point.svg`);
    await reader.locator('svg').waitFor();
    expect(before - (await balanceOf(scene.browser, before))).toBe(2500n);
  });

  it('pays what a page’s own script fetches, without the page knowing of wallets', async () => {
    const before = await balanceOf(scene.browser);
    await reader.bringToFront();
    await reader.goto(`${scene.site.url}/tides`);
    await reader.locator('#tides table').waitFor();
    expect(before - (await balanceOf(scene.browser, before))).toBe(200n);
  });
});

describe('limits', () => {
  it('a page above the limit asks, and "Not now" leaves it unpaid', async () => {
    const before = await balanceOf(scene.browser);
    await reader.bringToFront();
    await reader.goto(`${scene.site.url}/archive/the-almanac`);
    const approve = await pageOf(scene.browser, /approve\.html.*id=/);
    await approve.getByRole('button', { name: 'Pay $0.05' }).waitFor();
    await approve.getByRole('button', { name: 'Not now' }).click();
    await reader.getByRole('heading', { name: /almanac/ }).waitFor();
    expect(
      await reader.evaluate(
        () => (performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming).responseStatus,
      ),
    ).toBe(402);
    expect(await balanceOf(scene.browser)).toBe(before);
  });

  it('Never stops navigation and fetch alike', async () => {
    const before = await balanceOf(scene.browser);
    await setMode('Never');
    await reader.bringToFront();
    await reader.goto(`${scene.site.url}/article/last-lighthouse-keeper?never`);
    await reader.getByText('$0.0015').first().waitFor();
    await reader.goto(`${scene.site.url}/tides`);
    await reader.getByText(/asks a fraction of a cent/).waitFor();
    expect(await balanceOf(scene.browser)).toBe(before);
    await setMode('Auto');
  });

  it('Pause stops everything, Resume goes on', async () => {
    const before = await balanceOf(scene.browser);
    await inPopup('', async (popup) => {
      await popup.getByRole('button', { name: 'Pause payments' }).click();
      await popup.getByRole('button', { name: 'Until I resume' }).click();
      await popup.getByRole('button', { name: 'Resume' }).first().waitFor();
    });
    await reader.bringToFront();
    await reader.goto(`${scene.site.url}/article/last-lighthouse-keeper?paused`);
    await reader.getByText('$0.0015').first().waitFor();
    expect(await balanceOf(scene.browser)).toBe(before);
    await inPopup('', async (popup) => {
      await popup.getByRole('button', { name: 'Resume' }).first().click();
      await popup.getByRole('button', { name: 'Pause payments' }).waitFor();
    });
    // Resume pays the page that waits, and the next address is typed only when it is there.
    await reader.bringToFront();
    await heading(reader, 'The last lighthouse keeper').waitFor();
    expect(before - (await balanceOf(scene.browser, before))).toBe(1500n);
    await reader.bringToFront();
    await reader.goto(`${scene.site.url}/article/last-lighthouse-keeper?resumed`);
    await heading(reader, 'The last lighthouse keeper').waitFor();
  });
});

describe('without the broker', () => {
  it('a site whose coins are in the wallet still works', async () => {
    await scene.broker.stop();
    await reader.bringToFront();
    await reader.goto(`${scene.site.url}/article/a-map-of-the-wind?offline`);
    await heading(reader, 'A map of the wind').waitFor();
  });
});

describe('when the worker is killed', () => {
  it('the next page is paid as if nothing had happened, and the activity is all there', async () => {
    const killer = await scene.browser.open('popup.html');
    const session = await scene.browser.context.newCDPSession(killer);
    await session.send('ServiceWorker.enable');
    await session.send('ServiceWorker.stopAllWorkers');
    await killer.close();
    await reader.bringToFront();
    await reader.goto(`${scene.site.url}/article/the-price-of-a-herring?after-death`);
    await heading(reader, 'The price of a herring').waitFor();
    await inPopup('#/activity', async (popup) => {
      await popup.getByText('127.0.0.1').first().waitFor();
      expect(await popup.getByText(/0\.0015/).count()).toBeGreaterThanOrEqual(5);
    });
  });
});
