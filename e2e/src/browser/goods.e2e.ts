// Sealed goods in a real browser: a print of the newspaper is fetched and compared before anything is paid, then it is the
// picture byte for byte; what the site serves wrong is never paid for.
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { typeAddress } from '../harness/desk.ts';
import { dress, inspect, looks } from '../harness/looks.ts';
import { type Newsstand, openNewsstand } from '../harness/newsstand.ts';
import { png } from '../site/print/png.ts';
import { PRINT, paint } from '../site/print/skerry-point.ts';

const PRICE = 5000n;
let picture: Buffer;
let stand: Newsstand;
let reader: Page;
let print: string;
beforeAll(async () => {
  const pieces: Buffer[] = [];
  for await (const piece of png(PRINT, paint(PRINT))) pieces.push(piece);
  picture = Buffer.concat(pieces);
  stand = await openNewsstand();
  print = `${stand.site}/print/skerry-point.png`;
  reader = await stand.browser.context.newPage();
});
afterAll(() => stand.close());

const isGoods = (page: Page) => page.url().includes('goods.html');

/** Our page about goods, which opens beside the tab that asks. */
async function salePage(address: string): Promise<Page> {
  const opened = stand.browser.context.waitForEvent('page', { predicate: isGoods, timeout: 20_000 });
  await typeAddress(reader, address);
  const sale = await opened;
  await sale.getByRole('heading', { level: 1 }).waitFor();
  return sale;
}

async function saved(sale: Page): Promise<{ name: string; bytes: Buffer }> {
  const coming = sale.waitForEvent('download');
  await sale.getByRole('link', { name: 'Save the file' }).click();
  const download = await coming;
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

const goodsServed = () => stand.served.filter(({ url }) => url.includes('/goods/')).length;

describe('a print', () => {
  it('is shown before anything is fetched, in every look', async () => {
    const sale = await salePage(print);
    for (const look of looks.toReversed()) {
      await dress(sale, look, 640);
      await sale.locator('dl').first().waitFor();
      await inspect(sale, `goods-asked-${look.name}`);
    }
    expect(goodsServed()).toBe(0);
    await sale.close();
  });

  it('that the site serves wrong is never paid for', async () => {
    const before = await stand.desk.balance();
    const sale = await salePage(`${print}?wrong`);
    await sale.route('**/goods/**', async (route) => {
      const answer = await route.fetch();
      const body = await answer.body();
      body[100] = (body[100] ?? 0) ^ 1;
      await route.fulfill({ response: answer, body });
    });
    await sale.getByRole('button', { name: 'Pay $0.005' }).click();
    await sale.getByText('The file is not what the site promised.').waitFor();
    await sale.getByText('Nothing was paid for it.').waitFor();
    await inspect(sale, 'goods-wrong');
    expect(await stand.desk.balance()).toBe(before);
    await sale.close();
  });

  it('is fetched, compared, paid, opened, and saved byte for byte', async () => {
    const before = await stand.desk.balance();
    const sale = await salePage(print);
    await sale.getByRole('button', { name: 'Pay $0.005' }).click();
    await sale.getByRole('heading', { name: 'It is yours' }).waitFor();
    await inspect(sale, 'goods-done');
    const { name, bytes } = await saved(sale);
    expect([name, bytes.equals(picture)]).toEqual(['skerry-point.png', true]);
    expect(before - (await stand.desk.balance())).toBe(PRICE);
    await stand.desk.state(print, 'paid');
    await sale.close();
  });

  it('that was paid is fetched again for nothing, and without a question', async () => {
    const before = await stand.desk.balance();
    const sale = await salePage(print);
    await sale.getByRole('heading', { name: 'It is yours' }).waitFor();
    expect((await saved(sale)).bytes.equals(picture)).toBe(true);
    expect(await stand.desk.balance()).toBe(before);
    await sale.close();
  });
});
