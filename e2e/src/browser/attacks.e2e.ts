// What a page may try, in a real browser: drain the budget, speak for the wallet, frame its screens.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { balanceOf, firstPaidPage, pageOf } from '../demo/first-visit.ts';
import { EXTENSION_ID } from '../harness/browser.ts';
import { makeScene, type Scene } from '../harness/scene.ts';

let scene: Scene;
let reader: Page;
beforeAll(async () => {
  scene = await makeScene();
  await firstPaidPage(scene.browser, { article: scene.article });
  reader = await pageOf(scene.browser, /last-lighthouse-keeper/);
});
afterAll(() => scene.close());

/** As the popup sends it: only the extension's own pages can. */
async function tellWorker(name: string, body: object): Promise<unknown> {
  const popup = await scene.browser.open('popup.html');
  const answer = await popup.evaluate(
    (message) =>
      (
        globalThis as unknown as { chrome: { runtime: { sendMessage(m: object): Promise<unknown> } } }
      ).chrome.runtime.sendMessage(message),
    { name, body },
  );
  await popup.close();
  return answer;
}

describe('F1: a page that asks 200 times at once', () => {
  it('is paid up to the budget of the day, to the unit, and not once more', async () => {
    const spent = 5_000_000n - (await balanceOf(scene.browser));
    const room = 2_000n; // tides of ten days
    const rule = { mode: 'auto', perPageMicro: '10000', perDayMicro: String(spent + room) };
    expect(await tellWorker('setRule', { origin: scene.site.url, rule })).toMatchObject({ ok: null });
    await reader.bringToFront();
    const statuses = await reader.evaluate(async () => {
      const all = Array.from({ length: 200 }, (_, n) =>
        fetch(`/api/tides?port=pier&days=1&n=${n}`).then(({ status }) => status),
      );
      return Promise.all(all);
    });
    const paid = statuses.filter((status) => status === 200).length;
    expect(paid).toBe(10);
    expect(statuses.filter((status) => status === 402)).toHaveLength(190);
    expect(5_000_000n - spent - (await balanceOf(scene.browser))).toBe(room);
  });
});

describe('F4: a page that speaks for the wallet', () => {
  it('reaches nothing: no extension API, no message that the worker takes, no synthetic click', async () => {
    const before = await balanceOf(scene.browser);
    await tellWorker('setRule', {
      origin: scene.site.url,
      rule: { mode: 'ask', perPageMicro: '10000', perDayMicro: '500000' },
    });
    await reader.bringToFront();
    await reader.goto(`${scene.site.url}/`);
    const reached = await reader.evaluate(async (id) => {
      const { chrome } = globalThis as unknown as {
        chrome?: { runtime?: { sendMessage?(id: string, message: object): Promise<unknown> } };
      };
      const approve = {
        name: 'approve',
        body: {
          id: '1',
          challengeId: 'x',
          maxMicro: '1000000',
          rule: { mode: 'auto', perPageMicro: '1', perDayMicro: '1' },
        },
      };
      for (const message of [approve, { name: 'setRule', body: {} }, { name: 'topUp', body: {} }]) {
        postMessage(message, '*');
        document.dispatchEvent(new CustomEvent('farthing', { detail: message }));
      }
      const link = document.querySelector<HTMLAnchorElement>('a[href^="/article/"]');
      link?.addEventListener('click', (event) => event.preventDefault());
      link?.click();
      return chrome?.runtime?.sendMessage
        ? await chrome.runtime.sendMessage(id, approve).catch(() => 'refused')
        : 'no api';
    }, EXTENSION_ID);
    expect(['no api', 'refused', undefined]).toContain(reached);
    expect(await balanceOf(scene.browser)).toBe(before);
  });
});

describe('F6, F17: a page that wants the wallet’s screens', () => {
  it('cannot frame, open or probe them', async () => {
    await reader.bringToFront();
    const seen = await reader.evaluate(async (id) => {
      const address = `chrome-extension://${id}/approve.html?id=1`;
      const frame = document.createElement('iframe');
      frame.src = address;
      document.body.append(frame);
      await new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }));
      const probe = await fetch(`chrome-extension://${id}/manifest.json`).then(
        () => 'readable',
        () => 'blocked',
      );
      return { probe, framed: frame.contentDocument === null };
    }, EXTENSION_ID);
    expect(seen.probe).toBe('blocked');
    const framed = reader.frames().filter((frame) => frame.url().startsWith(`chrome-extension://${EXTENSION_ID}`));
    expect(framed).toEqual([]);
  });
});
