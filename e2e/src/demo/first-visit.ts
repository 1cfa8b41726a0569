// The first visit of somebody who has never seen the project, click by click, in a real browser.
import { formatMoney, parsePrice } from '@farthing/protocol';
import type { Page } from 'playwright-core';
import type { Visit } from '../harness/browser.ts';

export type FirstVisit = { paidMicro: bigint; balanceBeforeMicro: bigint; balanceAfterMicro: bigint; receipt: string };
type Options = { article: string; screenshot?: string; say?: (line: string) => void };

/** Start with demo money → open the demo article → pay. @throws {Error} when a step does not come about */
export async function firstPaidPage(
  browser: Visit,
  { article, screenshot, say = () => undefined }: Options,
): Promise<FirstVisit> {
  const welcome = await pageOf(browser, /\/welcome\.html/);
  await welcome.getByRole('button', { name: 'Start with demo money' }).click();
  const open = welcome.getByRole('button', { name: /Open the demo article/ });
  await open.waitFor();
  const balanceBeforeMicro = await balanceOf(browser);
  say(`Click 1  "Start with demo money": balance ${dollars(balanceBeforeMicro)}`);

  await open.click();
  say('Click 2  "Open the demo article"');
  const approve = await pageOf(browser, /\/(approve|popup)\.html.*id=/);
  const pay = approve.getByRole('button', { name: /^Pay / });
  await pay.waitFor();
  say(`402      ${article} asks: ${((await pay.textContent()) ?? '').replace(/\s+/g, ' ')}`);
  await pay.click();
  say('Click 3  approved');
  const reader = await pageOf(browser, new RegExp(`^${literal(article)}$`));
  await reader.getByRole('heading', { name: 'The last lighthouse keeper' }).waitFor();
  say('Paid     the article is on the screen');
  if (screenshot !== undefined) {
    await reader.screenshot({ path: screenshot, fullPage: true });
    say(`Picture  ${screenshot}`);
  }
  const balanceAfterMicro = await balanceOf(browser, balanceBeforeMicro);
  const paidMicro = balanceBeforeMicro - balanceAfterMicro;
  const receipt = await lastReceipt(browser);
  say(`Receipt  ${receipt}`);
  say(
    `Balance  ${dollars(balanceBeforeMicro)} before, ${dollars(balanceAfterMicro)} after: paid ${dollars(paidMicro)}`,
  );
  return { paidMicro, balanceBeforeMicro, balanceAfterMicro, receipt };
}

/** The tab or window that shows an address, now or as soon as it opens. */
export async function pageOf({ context }: Visit, address: RegExp): Promise<Page> {
  const deadline = AbortSignal.timeout(30_000);
  for (;;) {
    const found = context.pages().find((page) => address.test(page.url()));
    if (found) return found;
    if (deadline.aborted)
      throw new Error(
        `no page like ${address} opened; open are: ${context
          .pages()
          .map((page) => page.url())
          .join(', ')}`,
      );
    const next = context.waitForEvent('page', { timeout: 500 }).catch(() => undefined);
    const moved = Promise.race(
      context.pages().map((page) => page.waitForEvent('framenavigated', { timeout: 500 }).catch(() => undefined)),
    );
    await Promise.race([next, moved]);
  }
}

/** The number in the popup's header, to the last digit; waits for another one than `not`. */
export async function balanceOf(browser: Visit, not?: bigint): Promise<bigint> {
  const popup = await browser.open('popup.html');
  try {
    const amount = popup.locator('header [data-exact]').first();
    await amount.waitFor();
    if (not !== undefined) {
      const old = await amount.evaluate((element) => element.getAttribute('data-exact'));
      if (micro(old) === not) {
        await popup.waitForFunction(
          (text) => document.querySelector('header [data-exact]')?.getAttribute('data-exact') !== text,
          old,
        );
      }
    }
    return micro(await amount.getAttribute('data-exact'));
  } finally {
    await popup.close();
  }
}

/** Receipt number of the newest payment, as the wallet has it on record. */
async function lastReceipt(browser: Visit): Promise<string> {
  const popup = await browser.open('popup.html');
  try {
    const reference = await popup.evaluate(async () => {
      type Answer = { ok?: { kind: string; reference?: string }[] };
      const { runtime } = (
        globalThis as unknown as { chrome: { runtime: { sendMessage(message: unknown): Promise<Answer> } } }
      ).chrome;
      const { ok } = await runtime.sendMessage({ name: 'history', body: { limit: 10 } });
      return ok?.find(({ kind }) => kind === 'payment')?.reference;
    });
    if (!reference) throw new Error('the wallet has no receipt of the payment');
    return reference;
  } finally {
    await popup.close();
  }
}

const micro = (text: string | null): bigint => parsePrice(`${/[\d.]+/.exec(text ?? '')?.[0] ?? '0'} USD`).amount;
const dollars = (amount: bigint): string => formatMoney({ amount, currency: 'usd-micro' });
const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
