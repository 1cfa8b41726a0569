// Sealed goods bought by the wallet that people have: fetched, compared, paid, opened. Whatever stops on the way, who paid can
// open, and who cannot open got the money back or never paid.
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  openAsBlob,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  contentKey,
  fromBase64url,
  printChallenge,
  readChallenges,
  type SealedGoods,
  Sealer,
} from '@farthing/protocol';
import { getGoods, openWallet } from '@farthing/wallet/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../harness/processes.ts';
import { type Shop, Town, TRUSTED } from '../profiles/town.ts';

const FARTHING = join(import.meta.dirname, '../../../wallet/src/node/farthing.ts');
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
const get = (name: string, fetch: Fetch = globalThis.fetch, methods: readonly string[] = ['cheque']) =>
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

describe('a wallet that is killed', () => {
  type Step = 'the goods begin to come' | 'all of them are here' | 'the payment arrives' | 'the site has answered';
  const steps: Step[] = [
    'the goods begin to come',
    'all of them are here',
    'the payment arrives',
    'the site has answered',
  ];
  let now: (step: Step) => void = () => {};
  let slow: Shop;
  let data: string;

  const run = (file: string, at: number) =>
    spawn(
      process.execPath,
      [
        ...['--conditions=farthing-source', '--disable-warning=ExperimentalWarning', FARTHING],
        ...['get', `${slow.url}/slow/${at}`, '-o', file, '--yes', '--data', data, '--json'],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );

  beforeAll(async () => {
    slow = await town.shop({
      vnd: 'slow.example',
      options: { methods: ['cheque'] },
      sell: (app, pay) => {
        app.use((req, res, next) => {
          const isGoods = req.url.includes('/goods/');
          if (isGoods) {
            res.once('pipe', () => now('the goods begin to come'));
            res.once('finish', () => now('all of them are here'));
          }
          if (req.headers.authorization) {
            now('the payment arrives');
            res.once('finish', () => now('the site has answered'));
          }
          next();
        });
        app.get(
          '/slow/:at',
          pay.sealed({ price: '0.005 USD' }, () => book),
        );
      },
    });
    data = join(folder, 'killed-wallet');
    const { wallet: own, close } = await openWallet(data);
    await own.init({ brokerUrl: town.bench.url });
    await own.topUp({ amountMicro: 100_000n });
    close();
  });

  it.each(steps)('when %s goes on in the next run, and pays once', async (step) => {
    const file = fileFor(`killed ${step}`);
    const first = run(file, steps.indexOf(step));
    const ended = once(first, 'exit');
    now = (at) => {
      if (at === step) first.kill('SIGKILL');
    };
    const [, signal] = await ended;
    now = () => {};
    expect([signal, existsSync(file)]).toEqual(['SIGKILL', false]);
    const second = run(file, steps.indexOf(step));
    const [code] = await once(second, 'exit');
    expect([code, readFileSync(file).equals(book)]).toEqual([0, true]);
    const { wallet: own, close } = await openWallet(data);
    const payments = (await own.history({})).filter(({ kind, state }) => kind === 'payment' && state === 'paid');
    for (const { driftMicro } of await own.conservation()) expect(driftMicro).toBe(0n);
    close();
    const paid = BigInt(steps.indexOf(step) + 1) * PRICE;
    expect(payments.reduce((sum, { amountMicro }) => sum + amountMicro, 0n)).toBe(paid);
    expect(await slow.owed()).toBe(paid);
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

describe('a site that sells something else than it signed for', () => {
  const shelf = join(folder, 'cheat');
  const other = randomBytes(90_000);
  let cheat: Shop;

  beforeAll(async () => {
    cheat = await town.shop({
      vnd: 'cheat.example',
      options: { methods: ['cheque'], goods: { folder: shelf } },
      sell: (app, pay) => {
        app.get(
          '/book',
          pay.sealed({ price: '0.005 USD' }, () => book),
        );
      },
    });
    await wallet.setRule(cheat.url, TRUSTED);
    await fetch(`${cheat.url}/book`);
    // Its own key, its own signature, the promise as it was: other bytes behind it.
    const named = readdirSync(shelf).find((name) => name.endsWith('.json')) ?? '';
    const known: SealedGoods = JSON.parse(readFileSync(join(shelf, named), 'utf8'));
    const secret = readFileSync(join(cheat.data, 'keys/goods.secret'), 'utf8').trim();
    const key = contentKey(fromBase64url(secret) ?? new Uint8Array(), { item: 'book', pt: known.pt });
    const sealer = new Sealer(key);
    const sealed = Buffer.concat([...sealer.push(other), sealer.end()]);
    const ct = createHash('sha256').update(sealed).digest('base64url');
    writeFileSync(join(shelf, `${ct}.sealed`), sealed);
    writeFileSync(join(shelf, named), JSON.stringify({ ...known, ct, size: other.length }));
  });

  it('is found out by whoever opens it; the broker sees the same, and gives the money back without a person', async () => {
    const before = await spent();
    const file = fileFor('cheated');
    const url = `${cheat.url}/book`;
    const { disputed, settled } = await getGoods({ wallet, url, file: () => file, paying: { methods: ['cheque'] } });
    expect(disputed).toMatchObject({ verdict: 'differs', refundedMicro: PRICE, record: { state: 'refunded' } });
    expect([existsSync(file), await spent()]).toEqual([false, before]);
    await wallet.balance({ refresh: true });
    expect([await spent(), await cheat.owed()]).toEqual([before, 0n]);
    // Asked again it is the same verdict, and no more money.
    const again = await wallet.dispute(settled.record.id, await openAsBlob(`${file}.sealed`));
    expect(again).toEqual(disputed);
    expect(await spent()).toBe(before);
    const papers = join(folder, 'evidence.json');
    writeFileSync(papers, JSON.stringify(await wallet.papers(settled.record.id)));
    expect(verify(papers, '--goods', `${file}.sealed`)).toContain('The SITE broke the protocol');
    expect(verify(papers)).toContain('Nobody broke the protocol, as far as these papers tell.');
  });

  it('cannot be accused of what it did not do: other goods, or papers that were edited, prove nothing', async () => {
    const { settled } = await get('honest');
    const paper = await wallet.papers(settled.record.id);
    const file = join(folder, 'honest.json');
    writeFileSync(file, JSON.stringify(paper));
    const forged = join(folder, 'forged.sealed');
    writeFileSync(forged, randomBytes(1000));
    expect(verify(file, '--goods', forged)).toContain('Nobody broke the protocol');
    const edited = { ...paper, papers: { ...paper.papers, cheque: { ...paper.papers.cheque, amount: '1' } } };
    writeFileSync(file, JSON.stringify(edited));
    expect(verify(file)).toContain('proof-invalid');
  });
});

describe('an offer that is not what the site has signed', () => {
  type Terms = { amount: string; methodDetails: { sealed: Record<string, unknown> } };
  /** The 402 with other terms; nobody but the site can tell by its challenge alone. */
  const asking = async (edit: (terms: Terms) => unknown) => {
    const url = `${shop.url}/book/edited`;
    const asked = await fetch(url);
    await asked.arrayBuffer();
    const [challenge] = readChallenges([asked.headers.get('www-authenticate') ?? '']).filter(
      ({ method }) => method === 'cheque',
    );
    if (!challenge) throw new Error('an offer to pay by cheque');
    const terms: Terms = JSON.parse(Buffer.from(challenge.request, 'base64url').toString());
    const request = Buffer.from(JSON.stringify(edit(terms))).toString('base64url');
    const goods = String(terms.methodDetails.sealed['ct']);
    const challenges = [printChallenge({ ...challenge, request })];
    return wallet.decide({ url, method: 'GET', site: shop.url, challenges, goods });
  };
  const sealedAs = (change: Record<string, unknown>) => (terms: Terms) => {
    const { sealed } = terms.methodDetails;
    return { ...terms, methodDetails: { ...terms.methodDetails, sealed: { ...sealed, ...change } } };
  };

  it('is not paid: more than the promise, for other goods, with another key, or for one that nobody signed', async () => {
    const before = await spent();
    expect(await asking((terms) => terms)).toMatchObject({ kind: 'pay' });
    for (const edit of [
      (terms: Terms) => ({ ...terms, amount: '5001' }),
      (terms: Terms) => sealedAs({ amount: '5001' })({ ...terms, amount: '5001' }),
      sealedAs({ pt: 'A'.repeat(43) }),
      sealedAs({ kc: 'A'.repeat(43) }),
      sealedAs({ vnd: 'cheat.example' }),
      sealedAs({ exp: 4_000_000_000 }),
    ]) {
      expect(await asking(edit), edit.toString()).toMatchObject({ kind: 'refuse', reason: 'offer-unusable' });
    }
    expect(await spent()).toBe(before);
  });
});

/** As a third party with nothing but the file. */
function verify(...args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=farthing-source', '--disable-warning=ExperimentalWarning', FARTHING, 'verify', ...args],
    { encoding: 'utf8' },
  );
  return stdout + stderr;
}
