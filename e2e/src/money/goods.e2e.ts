// Sealed goods bought by the wallet that people have: fetched, compared, paid, opened. Whatever stops on the way, who paid can
// open, and who cannot open got the money back or never paid.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getGoods } from '@farthing/wallet/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shop, Town } from '../profiles/town.ts';

const PRICE = 5000n;
const FUNDS = 500_000n;
const folder = mkdtempSync(join(tmpdir(), 'farthing-goods-'));
const book = randomBytes(300_000);
let town: Town;
let shop: Shop;
let wallet: Awaited<ReturnType<Town['wallet']>>;

beforeAll(async () => {
  town = await Town.open();
  shop = await town.shop({
    vnd: 'books.example',
    options: { methods: ['scrip', 'cheque'] },
    sell: (app, pay) => {
      app.get(
        '/book/:name',
        pay.sealed({ price: '0.005 USD', media: 'application/pdf' }, () => book),
      );
    },
  });
  wallet = await town.wallet({ micro: FUNDS, trusts: [shop] });
});
afterAll(async () => {
  await town.mustBalance();
  await town[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const spent = async () => FUNDS - (await wallet.balance()).totalMicro;
const fileFor = (name: string) => join(folder, name);
type Fetch = typeof globalThis.fetch;
const get = (name: string, fetch: Fetch = globalThis.fetch, methods = ['cheque']) =>
  getGoods({
    wallet,
    url: `${shop.url}/book/${name}`,
    file: () => fileFor(name),
    fetch,
    paying: { methods, tries: 1, sleep: async () => {} },
  });

/** The site's answers to some requests never arrive. */
const losing =
  (isLost: (url: string, init: Headers) => boolean): Fetch =>
  async (input, init) => {
    const request = new Request(input, init);
    const answer = await fetch(request);
    if (!isLost(request.url, request.headers)) return answer;
    await answer.body?.cancel();
    throw new TypeError('the connection broke');
  };

describe('a book', () => {
  it.each([['cheque'], ['scrip']])('is fetched, compared, paid with %s and opened, byte for byte', async (method) => {
    const before = await spent();
    const { settled } = await get(`by-${method}`, fetch, [method]);
    expect([settled.record.method, readFileSync(fileFor(`by-${method}`)).equals(book)]).toEqual([method, true]);
    expect(await spent()).toBe(before + PRICE);
  });

  it('that is cut off on the way goes on from there, and is paid once', async () => {
    const before = await spent();
    const ranges: (string | null)[] = [];
    const cutting: Fetch = async (input, init) => {
      const request = new Request(input, init);
      if (!request.url.includes('/goods/')) return fetch(request);
      ranges.push(request.headers.get('range'));
      const answer = await fetch(request);
      if (ranges.length > 1 || !answer.body) return answer;
      let left = 100_000;
      const cut = answer.body.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            if (left <= 0) controller.error(new TypeError('the connection broke'));
            else controller.enqueue(chunk.subarray(0, left));
            left -= chunk.length;
          },
        }),
      );
      return new Response(cut, answer);
    };
    await expect(get('cut', cutting)).rejects.toThrow(TypeError);
    expect(await spent()).toBe(before);
    const have = statSync(`${fileFor('cut')}.sealed`).size;
    expect(have).toBeGreaterThan(0);
    await get('cut', cutting);
    expect([ranges.at(-1), readFileSync(fileFor('cut')).equals(book)]).toEqual([`bytes=${have}-`, true]);
    expect(await spent()).toBe(before + PRICE);
  });

  it('whose ciphertext was damaged here is fetched anew before anything is paid', async () => {
    writeFileSync(`${fileFor('damaged')}.sealed`, randomBytes(200_000));
    await get('damaged');
    expect(readFileSync(fileFor('damaged')).equals(book)).toBe(true);
  });

  it('that the site serves wrong is never paid for', async () => {
    const before = await spent();
    const other: Fetch = async (input, init) => {
      const answer = await fetch(input, init);
      if (!answer.url.includes('/goods/')) return answer;
      return new Response(randomBytes(Number(answer.headers.get('content-length'))), { status: 200 });
    };
    await expect(get('wrong', other)).rejects.toMatchObject({ code: 'goods-wrong' });
    expect(await spent()).toBe(before);
  });
});

describe('a payment whose answer is lost', () => {
  const lost = losing((_, headers) => headers.has('authorization'));

  it('opens with the key that the broker kept, and costs its price once', async () => {
    const before = await spent();
    await get('lost', lost);
    expect(readFileSync(fileFor('lost')).equals(book)).toBe(true);
    expect(await spent()).toBe(before + PRICE);
  });

  it('stays set aside while the broker is away as well; the next run opens without paying again', async () => {
    const before = await spent();
    let isPaid = false;
    const dying: Fetch = async (input, init) => {
      const request = new Request(input, init);
      const answer = await fetch(request);
      if (!request.headers.has('authorization')) return answer;
      isPaid = true;
      await answer.body?.cancel();
      await town.stopBroker();
      throw new TypeError('the connection broke');
    };
    await expect(get('both', dying)).rejects.toMatchObject({
      code: expect.stringMatching(/broker-unreachable|outcome-unknown/),
    });
    await town.startBroker();
    expect(isPaid).toBe(true);
    await get('both');
    expect(readFileSync(fileFor('both')).equals(book)).toBe(true);
    expect(await spent()).toBe(before + PRICE);
  });

  it('that never left costs nothing', async () => {
    const before = await spent();
    const deaf: Fetch = (input, init) =>
      new Request(input, init).headers.has('authorization')
        ? Promise.reject(new TypeError('no route'))
        : fetch(input, init);
    await expect(get('deaf', deaf)).rejects.toMatchObject({ code: 'outcome-unknown' });
    await get('deaf');
    expect(await spent()).toBe(before + PRICE);
  });
});

it('a program that fetches such a route without its goods pays nothing', async () => {
  const before = await spent();
  const asked = await fetch(`${shop.url}/book/blind`);
  await asked.arrayBuffer();
  const ask = { url: `${shop.url}/book/blind`, method: 'GET', site: shop.url };
  const challenges = [asked.headers.get('www-authenticate') ?? ''];
  expect(await wallet.decide({ ...ask, challenges })).toMatchObject({ kind: 'refuse', reason: 'goods-unseen' });
  expect(await wallet.decide({ ...ask, challenges, goods: 'A'.repeat(43) })).toMatchObject({ reason: 'goods-unseen' });
  expect(await spent()).toBe(before);
});

it('a half that was cut off locally is no reason to trust it', async () => {
  const name = 'half';
  await expect(
    get(
      name,
      losing((url) => url.includes('/goods/')),
    ),
  ).rejects.toThrow(TypeError);
  writeFileSync(`${fileFor(name)}.sealed`, randomBytes(400_000));
  truncateSync(`${fileFor(name)}.sealed`, 65_552);
  await get(name);
  expect(readFileSync(fileFor(name)).equals(book)).toBe(true);
});
