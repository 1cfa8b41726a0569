// The visit goes on after its first page: a page for each of the other kinds of money, paid by the rule that the first yes made.
// The wallet chooses; its own records say what it chose, and why.
import { formatMoney } from '@farthing/protocol';
import type { Page } from 'playwright-core';
import type { Visit } from '../harness/browser.ts';
import { pageOf } from './first-visit.ts';

export type Paid = {
  /** Path on the site. */
  readonly page: string;
  readonly method: string;
  /** As the wallet keeps it: see `chosen` of its records. */
  readonly why: string;
  readonly paidMicro: bigint;
};
type Options = { site: string; say?: (line: string) => void };

/** Kinds of money that a page takes, in its own order. */
export async function kindsAt(url: string): Promise<string[]> {
  const { headers } = await fetch(url, { redirect: 'manual' });
  const asked = headers.get('www-authenticate') ?? '';
  return [...new Set([...asked.matchAll(/ method="([a-z]+)"/g)].map(([, name]) => name ?? ''))];
}

/** Tides as they are asked for, a print in a sealed box, and an article for who prefers what tells the least. */
export async function pagesOfEachKind(browser: Visit, { site, say = () => undefined }: Options): Promise<Paid[]> {
  const reader = await browser.context.newPage();
  await reader.goto(`${site}/tides`);
  await reader.getByText(/^One day: /).waitFor();
  say('Reads    the tides: calls of a page, for a coin roll');

  await reader.goto(`${site}/print/skerry-point.png`, { waitUntil: 'commit' }).catch(() => undefined);
  const sale = await pageOf(browser, /\/goods\.html/);
  await sale.getByRole('heading', { name: 'It is yours' }).waitFor();
  say('Buys     the print: fetched sealed and compared first, the key comes with the payment');

  await preferPrivate(browser);
  say('Click 4  "Most private" in the budgets');
  await reader.bringToFront();
  await reader.goto(`${site}/article/the-price-of-a-herring`, { waitUntil: 'commit' }).catch(() => undefined);
  await reader.getByRole('heading', { name: 'The price of a herring' }).waitFor();

  const payments = await paymentsOf(browser, 4);
  for (const { page, method, why, paidMicro } of payments)
    say(`Paid     ${formatMoney({ amount: paidMicro, currency: 'usd-micro' })} for ${page} with ${method} (${why})`);
  return payments;
}

async function preferPrivate(browser: Visit): Promise<void> {
  const budgets = await browser.open('popup.html#/budgets');
  await budgets.getByText('Most private', { exact: true }).click();
  await budgets.getByRole('button', { name: 'Save' }).click();
  await budgets.getByText('Saved').last().waitFor();
  await budgets.close();
}

/** Oldest first, as soon as there are so many. */
async function paymentsOf(browser: Visit, count: number): Promise<Paid[]> {
  const popup = await browser.open('popup.html');
  try {
    for (let tries = 100; tries > 0; tries--) {
      const paid = await paidLines(popup);
      if (paid.length >= count) return paid.toReversed();
      await popup.waitForTimeout(100);
    }
    throw new Error(`the wallet has no record of ${count} payments`);
  } finally {
    await popup.close();
  }
}

type Line = {
  readonly kind: string;
  readonly state: string;
  readonly url?: string;
  readonly method?: string;
  readonly chosen?: string;
  readonly amountMicro: { readonly $n: string };
};

async function paidLines(popup: Page): Promise<Paid[]> {
  const lines = await popup.evaluate(async () => {
    type Sends = { runtime: { sendMessage(message: unknown): Promise<{ ok?: Line[] }> } };
    const { runtime } = (globalThis as unknown as { chrome: Sends }).chrome;
    return (await runtime.sendMessage({ name: 'history', body: { limit: 50 } })).ok ?? [];
  });
  return lines
    .filter(({ kind, state }) => kind === 'payment' && state === 'paid')
    .map(({ url = '', method = '', chosen = '', amountMicro }) => ({
      page: new URL(url).pathname,
      method,
      why: chosen,
      paidMicro: BigInt(amountMicro.$n),
    }));
}
