// A broker, the corner shop behind its proxy, and a browser whose wallet has demo money: the scene of the fault specs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { type Visit, visit } from './browser.ts';
import { type CornerShop, openCornerShop } from './corner-shop.ts';
import { type Desk, sitDown } from './desk.ts';
import { type Running, startBrokerProcess } from './processes.ts';
import { type FaultyProxy, startProxy } from './proxy.ts';

export type Street = {
  readonly broker: Running;
  readonly shop: CornerShop;
  readonly proxy: FaultyProxy;
  /** Origin of the shop as the browser sees it: the proxy's. */
  readonly site: string;
  readonly browser: Visit;
  readonly desk: Desk;
  /** The tab that the person reads in. */
  readonly reader: Page;
  close(): Promise<void>;
};

export async function openStreet(): Promise<Street> {
  const folder = mkdtempSync(join(tmpdir(), 'farthing-street-'));
  const broker = await startBrokerProcess(join(folder, 'broker'));
  const shop = await openCornerShop(broker.url, join(folder, 'shop'));
  const proxy = await startProxy(shop.url);
  const browser = await visit({
    brokerUrl: broker.url,
    demoUrl: `${proxy.url}/article/1`,
    profile: join(folder, 'profile'),
  });
  const desk = await sitDown(browser);
  await desk.tell('start');
  await desk.setMode(proxy.url, 'auto');
  const reader = await browser.context.newPage();
  return {
    broker,
    shop,
    proxy,
    site: proxy.url,
    browser,
    desk,
    reader,
    async close() {
      await browser.close();
      await proxy.close();
      await shop.close();
      await broker.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
