// Sealed goods in a real browser: a print of the newspaper is fetched and compared before anything is paid, then it is the
// picture byte for byte; what the site serves wrong is never paid for.
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentKey, fromBase64url, type SealedGoods, Sealer } from '@farthing/protocol';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { typeAddress } from '../harness/desk.ts';
import { dress, inspect, looks } from '../harness/looks.ts';
import { type Newsstand, openNewsstand } from '../harness/newsstand.ts';

const PRICE = 5000n;
const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64url');
let stand: Newsstand;
let reader: Page;
let print: string;
beforeAll(async () => {
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

/** What the site signed for: SHA-256 of the picture. */
const promised = async () => ((await stand.desk.tell('goods', { url: print })) as { pt: string }).pt;

async function saved(sale: Page): Promise<{ name: string; digest: string; bytes: Buffer }> {
  const coming = sale.waitForEvent('download');
  await sale.getByRole('link', { name: 'Save the file' }).click();
  const download = await coming;
  const bytes = readFileSync(await download.path());
  return { name: download.suggestedFilename(), digest: digestOf(bytes), bytes };
}

type Tabs = { readonly tabs: { query(what: { url: string }): Promise<{ id: number }[]> } };

const tabOf = (url: string) =>
  stand.desk.page.evaluate(async (address) => {
    const { tabs } = (globalThis as unknown as { chrome: Tabs }).chrome;
    return (await tabs.query({ url: address }))[0]?.id;
  }, url);

const goodsServed = () => stand.served.filter(({ url }) => url.includes('/goods/')).length;

/** Only the beginning of the goods comes through. */
const cutShort = (sale: Page) =>
  sale.route('**/goods/**', async (route) => {
    const answer = await route.fetch();
    const { 'content-length': _, ...headers } = answer.headers();
    await route.fulfill({ status: 200, headers, body: (await answer.body()).subarray(0, 100_000) });
  });

/** Parts of goods that were fetched and not opened. */
const onShelf = () => stand.desk.page.evaluate(async () => (await (await caches.open('sealed-goods')).keys()).length);

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

  it('that is answered Not now is offered again when the person asks for it, and not before', async () => {
    const url = `${print}?later`;
    const sale = await salePage(url);
    const closed = sale.waitForEvent('close');
    await sale.getByRole('button', { name: 'Not now' }).click();
    await closed;
    await typeAddress(reader, url);
    await stand.desk.state(url, 'declined');
    expect(stand.browser.context.pages().filter(isGoods)).toEqual([]);
    const opened = stand.browser.context.waitForEvent('page', { predicate: isGoods });
    await stand.desk.tell('ask', { tabId: await tabOf(url) });
    const again = await opened;
    await again.getByRole('button', { name: 'Pay $0.005' }).waitFor();
    expect(goodsServed()).toBe(0);
    await again.close();
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
    const { name, digest, bytes } = await saved(sale);
    expect([name, digest]).toEqual(['skerry-point.png', await promised()]);
    expect(bytes.subarray(1, 4).toString()).toBe('PNG');
    expect(before - (await stand.desk.balance())).toBe(PRICE);
    await stand.desk.state(print, 'paid');
    await sale.close();
  });

  it('says in its receipt why it was paid on the account, in every look', async () => {
    const lines = (await stand.desk.tell('history', { limit: 10 })) as { id: string; kind: string; chosen?: string }[];
    const line = lines.find(({ kind }) => kind === 'payment');
    expect(line?.chosen).toBe('goods');
    const receipt = await stand.browser.open(`popup.html#/receipt/${line?.id}`);
    for (const look of looks.toReversed()) {
      await dress(receipt, look, 640);
      await receipt.locator('dl').first().waitFor();
      await inspect(receipt, `receipt-goods-${look.name}`);
    }
    await receipt.getByText('The broker gives money back if the file is wrong').waitFor();
    await receipt.close();
  });

  it('that was paid is fetched again for nothing, and without a question', async () => {
    const before = await stand.desk.balance();
    const sale = await salePage(print);
    await sale.getByRole('heading', { name: 'It is yours' }).waitFor();
    expect((await saved(sale)).digest).toBe(await promised());
    expect(await stand.desk.balance()).toBe(before);
    await sale.close();
  });

  it('whose connection breaks goes on from there, and is paid once', async () => {
    const before = await stand.desk.balance();
    const sale = await salePage(`${print}?cut`);
    await cutShort(sale);
    await sale.getByRole('button', { name: 'Pay $0.005' }).click();
    await sale.getByText('The file did not come whole.').waitFor();
    expect(await stand.desk.balance()).toBe(before);
    await sale.unroute('**/goods/**');
    const rest = sale.waitForResponse(/\/goods\//);
    await sale.getByRole('button', { name: 'Try again' }).click();
    expect((await rest).status()).toBe(206);
    await sale.getByRole('heading', { name: 'It is yours' }).waitFor();
    expect((await saved(sale)).digest).toBe(await promised());
    expect(before - (await stand.desk.balance())).toBe(PRICE);
    await sale.close();
  });

  it('whose page is closed on the way goes on from there in the next one, and is paid once', async () => {
    const before = await stand.desk.balance();
    const url = `${print}?closed`;
    const first = await salePage(url);
    await cutShort(first);
    await first.getByRole('button', { name: 'Pay $0.005' }).click();
    await first.getByText('The file did not come whole.').waitFor();
    await first.close();
    expect(await stand.desk.balance()).toBe(before);
    const sale = await salePage(url);
    for (const look of looks.toReversed()) {
      await dress(sale, look, 640);
      await sale.locator('dl').first().waitFor();
      await inspect(sale, `goods-here-${look.name}`);
    }
    await sale.getByText('Here already').waitFor();
    const rest = sale.waitForRequest(/\/goods\//);
    await sale.getByRole('button', { name: 'Pay $0.005' }).click();
    expect((await rest).headers()['range']).toBe('bytes=100000-');
    await sale.getByRole('heading', { name: 'It is yours' }).waitFor();
    expect((await saved(sale)).digest).toBe(await promised());
    expect([before - (await stand.desk.balance()), await onShelf()]).toEqual([PRICE, 0]);
    await sale.close();
  });

  it('of which a part was damaged here is fetched anew before anything is paid', async () => {
    const { ct } = (await stand.desk.tell('goods', { url: print })) as { ct: string };
    await stand.desk.page.evaluate(async (name) => {
      const shelf = await caches.open('sealed-goods');
      await shelf.put(`https://goods.invalid/${name}/0/1000`, new Response(new Uint8Array(1000)));
    }, ct);
    const sale = await salePage(`${print}?damaged`);
    await sale.getByRole('button', { name: 'Pay $0.005' }).click();
    await sale.getByRole('heading', { name: 'It is yours' }).waitFor();
    expect((await saved(sale)).digest).toBe(await promised());
    await sale.close();
  });

  it('is paid by a rule that covers its price, also when the worker dies while it is fetched', async () => {
    await stand.desk.setMode(stand.site, 'auto');
    const before = await stand.desk.balance();
    let deaths = 0;
    await stand.browser.context.route('**/goods/**', async (route) => {
      await stand.desk.killWorker();
      deaths++;
      await route.continue();
    });
    const sale = await salePage(`${print}?rule`);
    await sale.getByRole('heading', { name: 'It is yours' }).waitFor();
    await stand.browser.context.unroute('**/goods/**');
    expect(deaths).toBe(1);
    expect((await saved(sale)).digest).toBe(await promised());
    expect(before - (await stand.desk.balance())).toBe(PRICE);
    await stand.desk.setMode(stand.site, 'ask');
    await sale.close();
  });
});

describe('a site that sells something else than it signed for', () => {
  /** Its own key, its own signature, the promise as it was: other bytes behind it. */
  async function cheat(): Promise<void> {
    const { item } = (await stand.desk.tell('goods', { url: print })) as { item: string };
    const shelf = join(stand.data, 'goods');
    const named = readdirSync(shelf).find((name) => name.endsWith('.json')) ?? '';
    const known: SealedGoods = JSON.parse(readFileSync(join(shelf, named), 'utf8'));
    const secret =
      fromBase64url(readFileSync(join(stand.data, 'keys/goods.secret'), 'utf8').trim()) ?? new Uint8Array();
    const other = randomBytes(90_000);
    const sealer = new Sealer(contentKey(secret, { item, pt: known.pt }));
    const sealed = Buffer.concat([...sealer.push(other), sealer.end()]);
    const ct = digestOf(sealed);
    writeFileSync(join(shelf, `${ct}.sealed`), sealed);
    writeFileSync(join(shelf, named), JSON.stringify({ ...known, ct, size: other.length }));
  }

  it('is found out when the goods are opened; the broker sees the same and gives the money back', async () => {
    await cheat();
    const before = await stand.desk.balance();
    const sale = await salePage(`${print}?cheat`);
    await sale.getByRole('button', { name: 'Pay $0.005' }).click();
    await sale.getByText('The broker has opened it too and gave $0.005 back.').waitFor();
    await inspect(sale, 'goods-disputed');
    expect(await sale.getByRole('link', { name: 'Save the file' }).count()).toBe(0);
    expect(await stand.desk.balance()).toBe(before);
    expect((await stand.desk.payments())[0]).toMatchObject({ state: 'refunded', amountMicro: PRICE });
    await sale.close();
  });
});
