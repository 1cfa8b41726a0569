// A wallet that ends in the middle of buying sealed goods: the next run goes on, and pays once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openWallet } from '@farthing/wallet/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBookshop, PRICE } from '../harness/bookshop.ts';
import type { Shop } from '../profiles/town.ts';

const FARTHING = join(import.meta.dirname, '../../../wallet/src/node/farthing.ts');
const books = await openBookshop();
const { town, folder, book, fileFor } = books;
afterAll(() => books[Symbol.asyncDispose]());

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
