// A shop that sells one book as sealed goods, and a wallet that can pay for it.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getGoods } from '@farthing/wallet/node';
import { Town } from '../profiles/town.ts';

/** What the book costs. */
export const PRICE = 5000n;
const FUNDS = 500_000n;
const BOOK_BYTES = 300_000;

export type Fetch = typeof globalThis.fetch;

/** `folder`: where whoever tests it puts files. Closing it audits the broker's books first. */
export async function openBookshop() {
  const folder = mkdtempSync(join(tmpdir(), 'farthing-goods-'));
  const book = randomBytes(BOOK_BYTES);
  const town = await Town.open();
  const shop = await town.shop({
    vnd: 'books.example',
    options: { methods: ['scrip', 'cheque'] },
    sell: (app, pay) => {
      app.get(
        '/book/:name',
        pay.sealed({ price: '0.005 USD', media: 'application/pdf' }, () => book),
      );
    },
  });
  const wallet = await town.wallet({ micro: FUNDS, trusts: [shop] });
  const fileFor = (name: string) => join(folder, name);
  return {
    ...{ folder, book, town, shop, wallet, fileFor },
    spent: async () => FUNDS - (await wallet.balance()).totalMicro,
    /** Buys the book under this name, trying once. */
    get: (name: string, fetch: Fetch = globalThis.fetch, methods: readonly string[] = ['cheque']) =>
      getGoods({
        wallet,
        url: `${shop.url}/book/${name}`,
        file: () => fileFor(name),
        fetch,
        paying: { methods, tries: 1, sleep: async () => {} },
      }),
    async [Symbol.asyncDispose]() {
      await town.mustBalance();
      await town[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}
