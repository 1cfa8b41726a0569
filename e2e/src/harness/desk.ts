// The wallet as a test sees and steers it: one of its own pages is kept open for messages that only they may send.

import type { CDPSession, Page } from 'playwright-core';
import { expect } from 'vitest';
import { EXTENSION_ID, type Visit } from './browser.ts';

type Chrome = {
  readonly runtime: { sendMessage(message: unknown): Promise<unknown> };
  readonly storage: { readonly session: { get(key: string): Promise<Record<string, unknown>> } };
};
declare const chrome: Chrome;

export type Mode = 'auto' | 'ask' | 'never';
export type PaymentLine = { readonly state: string; readonly amountMicro: bigint; readonly url?: string };

export type Desk = {
  /** One of the extension's own pages. */
  readonly page: Page;
  /** Sends a message as the popup does; the worker's answer, packed. @throws {Error} with the problem's code */
  tell(name: string, body?: object): Promise<unknown>;
  setMode(origin: string, mode: Mode, perDayMicro?: bigint): Promise<void>;
  /** All money of the wallet, in base units. */
  balance(): Promise<bigint>;
  /** Payments on record, newest first. */
  payments(): Promise<PaymentLine[]>;
  /** Waits until the wallet says this about the tab of an address. */
  state(url: string, wanted: string): Promise<void>;
  /** Waits until the worker has written down that this page is on its way: what it did not, the next one never hears of. */
  noticed(url: string): Promise<void>;
  /** Kills the worker as the browser may at any time: no handler runs. */
  killWorker(): Promise<void>;
};

export async function sitDown(browser: Visit): Promise<Desk> {
  const page = await browser.open('welcome.html');
  const cdp = await browser.context.newCDPSession(page);
  await cdp.send('ServiceWorker.enable');
  const tell: Desk['tell'] = async (name, body = {}) => {
    const answer = await page.evaluate((message) => chrome.runtime.sendMessage(message), { name, body });
    const { ok, problem } = answer as { ok?: unknown; problem?: { code: string } };
    if (problem) throw new Error(problem.code);
    return ok;
  };
  return {
    page,
    tell,
    setMode: async (origin, mode, perDayMicro = 500_000n) => {
      await tell('setRule', { origin, rule: { mode, perPageMicro: '10000', perDayMicro: String(perDayMicro) } });
    },
    balance: async () => {
      const { balance } = (await tell('refresh')) as { balance: { totalMicro: { $n: string } } };
      return BigInt(balance.totalMicro.$n);
    },
    payments: async () => {
      type Line = { kind: string; state: string; amountMicro: { $n: string }; url?: string };
      const lines = (await tell('history', { limit: 200 })) as Line[];
      return lines
        .filter(({ kind }) => kind === 'payment')
        .map(({ state, amountMicro, url }) => ({
          state,
          amountMicro: BigInt(amountMicro.$n),
          ...(url === undefined ? {} : { url }),
        }));
    },
    state: (url, wanted) => said(page, url, wanted),
    noticed: (url) => noticed(page, url),
    killWorker: () => kill(cdp),
  };
}

async function said(page: Page, url: string, wanted: string): Promise<void> {
  const read = () =>
    page.evaluate(async (address) => {
      const { snapshot } = await chrome.storage.session.get('snapshot');
      const { tabs = {} } = (snapshot ?? {}) as { tabs?: Record<string, { url: string; state: string; atMs: number }> };
      const here = Object.values(tabs).filter((view) => view.url === address);
      return here.sort((a, b) => b.atMs - a.atMs)[0]?.state;
    }, url);
  await expect.poll(read, { message: `the wallet's word on ${url}`, timeout: 20_000 }).toBe(wanted);
}

async function noticed(page: Page, url: string): Promise<void> {
  const read = () =>
    page.evaluate(async () => {
      const { loading } = await chrome.storage.session.get('loading');
      return Object.values((loading ?? {}) as Record<string, { url: string }>).map((request) => request.url);
    });
  await expect.poll(read, { message: `the worker's note of ${url}`, timeout: 20_000 }).toContain(url);
}

async function kill(cdp: CDPSession): Promise<void> {
  type Update = { versions: { scriptURL: string; runningStatus: string }[] };
  const dead = new Promise<void>((stopped) => {
    const look = ({ versions }: Update) => {
      const own = versions.filter(({ scriptURL }) => scriptURL.startsWith(`chrome-extension://${EXTENSION_ID}/`));
      if (!own.some(({ runningStatus }) => runningStatus === 'stopped')) return;
      cdp.off('ServiceWorker.workerVersionUpdated', look);
      stopped();
    };
    cdp.on('ServiceWorker.workerVersionUpdated', look);
  });
  await cdp.send('ServiceWorker.stopAllWorkers');
  await dead;
}

/** Types an address. The page that asks for payment may be replaced by the paid one at any moment, or be a download. */
export async function typeAddress(page: Page, url: string): Promise<void> {
  await page.bringToFront();
  await page.goto(url, { waitUntil: 'commit' }).catch((error: unknown) => {
    if (!/ERR_ABORTED|interrupted by another|Download is starting|ERR_/.test(String(error))) throw error;
  });
}

/** The next window that asks a person about money. */
export const nextQuestion = ({ context }: Visit): Promise<Page> =>
  context.waitForEvent('page', { predicate: (page) => page.url().includes('approve.html'), timeout: 20_000 });

/** A window that has been paid stays for a moment, and would show the next question: specs put each in its own. */
export async function windowsClosed({ context }: Visit): Promise<void> {
  const open = () => context.pages().filter((page) => page.url().includes('approve.html')).length;
  await expect.poll(open, { timeout: 20_000 }).toBe(0);
}
