// Sealed goods bought by the wallet that people have: fetched, compared, paid, opened. Whatever stops on the way, who paid can
// open, and who cannot open got the money back or never paid.
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getGoods, openWallet } from '@farthing/wallet/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fetch, openBookshop, PRICE } from '../harness/bookshop.ts';
import { runCommand } from '../harness/processes.ts';

const books = await openBookshop();
const { town, shop, wallet, folder, book, fileFor, spent, get } = books;
afterAll(() => books[Symbol.asyncDispose]());

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

  it('is paid on the account where the site takes quicker money too: wrong goods give that back', async () => {
    const file = fileFor('unasked');
    const { settled } = await getGoods({ wallet, url: `${shop.url}/book/unasked`, file: () => file });
    expect(settled.record).toMatchObject({ method: 'cheque', chosen: 'goods', state: 'paid' });
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

describe('farthing goods', () => {
  let data: string;
  const farthing = (...args: string[]) => runCommand('wallet/src/node/farthing.ts', [...args, '--data', data]);
  const list = async () => JSON.parse((await farthing('goods', '--json')).stdout);

  beforeAll(async () => {
    data = join(folder, 'goods-wallet');
    const { wallet: own, close } = await openWallet(data);
    await own.init({ brokerUrl: town.bench.url });
    await own.topUp({ amountMicro: 100_000n });
    close();
  });

  it('begins with nothing, and says what brings something', async () => {
    expect((await farthing('goods')).stdout).toContain('farthing get URL');
    expect(await list()).toEqual([]);
  });

  it('lists what was bought and where it is, and opens a lost file again for nothing', async () => {
    const file = fileFor('kept.pdf');
    expect((await farthing('get', `${shop.url}/book/kept`, '-o', file, '--yes')).code).toBe(0);
    const [bought] = await list();
    expect(bought).toMatchObject({ state: 'paid', item: 'kept', size: book.length, file, isThere: true, hasKey: true });
    expect((await farthing('goods')).stdout).toContain(file);
    rmSync(file);
    expect((await farthing('goods')).stdout).toContain(`farthing goods open ${bought.id}`);
    const before = await shop.owed();
    const again = fileFor('again.pdf');
    expect((await farthing('goods', 'open', bought.id, '-o', again)).code).toBe(0);
    expect([readFileSync(again).equals(book), await shop.owed()]).toEqual([true, before]);
    expect(await list()).toMatchObject([{ file: again, isThere: true }]);
  });

  it.each([
    ['goods that were never bought', ['goods', 'open', 'other'], 'farthing goods lists what was'],
    ['no goods at all', ['goods', 'open'], 'which goods'],
    ['another verb', ['goods', 'sell'], 'farthing goods open ID'],
  ])('says of %s what to do', async (_what, args, told) => {
    const { code, stderr } = await farthing(...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(told)]);
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
