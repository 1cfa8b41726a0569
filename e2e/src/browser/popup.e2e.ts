// The popup closes whenever somebody looks away: what was typed is there again. And it can be used without a mouse.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nextQuestion, typeAddress } from '../harness/desk.ts';
import { openStreet, type Street } from '../harness/street.ts';

let street: Street;
beforeAll(async () => {
  street = await openStreet();
  await typeAddress(street.reader, `${street.site}/article/1`);
  await street.reader.getByRole('heading', { name: 'Article 1' }).waitFor();
});
afterAll(() => street.close());

const popupAt = (route = '') => street.browser.open(`popup.html${route}`);

/** Types into a field, closes the popup in the same moment, and opens it again as the toolbar does: without an address. */
async function retyped(route: string, label: string, text: string): Promise<Page> {
  const popup = await popupAt(route);
  await popup.getByLabel(label).fill(text);
  await popup.close();
  return popupAt();
}

describe('a popup that closes in the middle of typing opens again', () => {
  const site = () => `#/site/${encodeURIComponent(street.site)}`;

  it.each([
    ['a voucher code', () => '#/top-up', 'Voucher code', 'ABCD-1234-EFGH'],
    ['a limit per page', site, 'Limit per page', '0.07'],
    ['the budget of a day', () => '#/budgets', 'Per day, all sites', '3.5'],
    ['a search among the payments', () => '#/activity', 'Search', 'article'],
    ['a search among the sites', () => '#/sites', 'Search', '127'],
  ])('with %s in its field, on the same screen', async (_what, route, label, text) => {
    const popup = await retyped(route(), label, text);
    await expect.poll(() => popup.getByLabel(label).inputValue()).toBe(text);
    expect(decodeURIComponent(new URL(popup.url()).hash)).toBe(decodeURIComponent(route()));
    await popup.close();
  });

  it('with what was typed and not saved; what was saved is no draft', async () => {
    const popup = await retyped('#/budgets', 'Per day, all sites', '4.25');
    expect(await street.desk.tell('refresh')).not.toMatchObject({ budget: { perDayMicro: { $n: '4250000' } } });
    await popup.getByRole('button', { name: 'Save' }).click();
    await popup.getByText('Saved').last().waitFor();
    expect(await street.desk.tell('refresh')).toMatchObject({ budget: { perDayMicro: { $n: '4250000' } } });
    const kept = await popup.evaluate(async () => {
      type Chrome = { storage: { session: { get(key: null): Promise<Record<string, unknown>> } } };
      const all = await (globalThis as unknown as { chrome: Chrome }).chrome.storage.session.get(null);
      return Object.keys(all).filter((key) => key.startsWith('draft budgets'));
    });
    expect(kept).toEqual([]);
    await popup.close();
  });

  it('with the limits of an open question, and the question', async () => {
    await street.desk.setMode(street.site, 'ask');
    const question = nextQuestion(street.browser);
    await typeAddress(street.reader, `${street.site}/article/question`);
    const window = await question;
    await window.getByText('Auto', { exact: true }).click();
    await window.getByRole('button', { name: 'Change' }).click();
    await window.getByLabel('Limit per page').fill('0.09');
    const again = await street.browser.open(new URL(window.url()).pathname.slice(1) + new URL(window.url()).search);
    await again.getByRole('button', { name: /^Pay / }).waitFor();
    expect(await again.getByLabel('Limit per page').inputValue()).toBe('0.09');
    await again.getByRole('button', { name: /^Pay / }).click();
    await street.reader.getByRole('heading', { name: 'Article question' }).waitFor();
    expect(await street.desk.tell('sites')).toMatchObject([{ mode: 'auto', perPageMicro: { $n: '90000' } }]);
  });
});

describe('without a mouse', () => {
  const focused = (popup: Page) => popup.evaluate(() => document.activeElement?.tagName.toLowerCase());

  it('a slash goes to the search field, and is text when it is typed there', async () => {
    const popup = await popupAt('#/sites');
    await popup.locator('h1').waitFor({ state: 'attached' });
    const search = popup.getByLabel('Search');
    await search.fill('');
    await search.blur();
    await popup.keyboard.press('/');
    expect(await search.evaluate((field) => field === document.activeElement)).toBe(true);
    expect(await search.inputValue()).toBe('');
    await popup.keyboard.press('/');
    expect(await search.inputValue()).toBe('/');
    await search.fill('');
    await popup.close();
  });

  it('Escape goes back, and the new screen’s heading has the focus', async () => {
    const popup = await popupAt('#/more');
    await popup.getByRole('link', { name: /Budgets/ }).click();
    await popup.getByRole('heading', { level: 1, name: 'Budgets' }).waitFor();
    await expect.poll(() => focused(popup)).toBe('h1');
    await popup.keyboard.press('Escape');
    await expect.poll(() => new URL(popup.url()).hash).toBe('#/more');
    await expect.poll(() => focused(popup)).toBe('h1');
    await popup.close();
  });

  it('Escape in a search field clears it and stays', async () => {
    const popup = await popupAt('#/activity');
    await popup.getByLabel('Search').fill('x');
    await popup.keyboard.press('Escape');
    expect(new URL(popup.url()).hash).toBe('#/activity');
    await popup.close();
  });

  it('arrows pick among Auto, Ask and Never', async () => {
    const popup = await popupAt(`#/site/${encodeURIComponent(street.site)}`);
    await popup.getByRole('radio', { name: 'Auto' }).focus();
    await popup.keyboard.press('ArrowRight');
    await expect.poll(() => popup.getByRole('radio', { name: 'Ask' }).isChecked()).toBe(true);
    await expect.poll(async () => street.desk.tell('sites')).toMatchObject([{ mode: 'ask' }]);
    await popup.close();
  });
});
