// A broker that makes coins, as a process of its own; and people, each with a browser.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { vi } from 'vitest';
import { type Visit, visit } from './browser.ts';
import { type Desk, sitDown } from './desk.ts';
import { allowPrivate } from './private-window.ts';
import { type Running, startBrokerProcess } from './processes.ts';

export type Customer = {
  readonly browser: Visit;
  readonly desk: Desk;
  /** One screen of the popup, in a tab. */
  screen(route: string): Promise<Page>;
  /** What the wallet holds as coins, in base units. */
  coins(): Promise<bigint>;
};

export type Mint = {
  readonly broker: Running;
  readonly folder: string;
  /** Somebody with a browser and nothing in the wallet. */
  customer(name: string, options?: { private?: boolean }): Promise<Customer>;
  close(): Promise<void>;
};

export async function openMint(): Promise<Mint> {
  const folder = mkdtempSync(join(tmpdir(), 'farthing-mint-'));
  const broker = await startBrokerProcess(join(folder, 'broker'), 0, ['--ecash']);
  // Its keys are made after it has started.
  await vi.waitFor(
    async () => {
      const { status } = await fetch(`${broker.url}/v1/ecash/keysets`);
      if (status !== 200) throw new Error(`the mint has no keys yet: ${status}`);
    },
    { timeout: 60_000, interval: 250 },
  );
  const customers: Customer[] = [];
  return {
    broker,
    folder,
    async customer(name, options = {}) {
      const browser = await visit({ brokerUrl: broker.url, demoUrl: broker.url, profile: join(folder, name) });
      if (options.private) await allowPrivate(browser);
      const made = await customerOf(browser);
      customers.push(made);
      return made;
    },
    async close() {
      for (const { browser } of customers) await browser.close();
      await broker.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function customerOf(browser: Visit): Promise<Customer> {
  const desk = await sitDown(browser);
  return {
    browser,
    desk,
    async screen(route) {
      const page = await browser.open(`popup.html#/${route}`);
      await page.locator('h1').first().waitFor({ state: 'attached' });
      return page;
    },
    async coins() {
      type Answer = { balance?: { brokers: { cashMicro: { $n: string } }[] } };
      const { balance } = (await desk.tell('refresh')) as Answer;
      return (balance?.brokers ?? []).reduce((sum, { cashMicro }) => sum + BigInt(cashMicro.$n), 0n);
    },
  };
}
