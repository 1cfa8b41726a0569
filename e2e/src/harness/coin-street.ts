// Two sites that take coins which are good everywhere, their broker, a proxy in between, and a customer with coins.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLedger } from '@farthing/broker';
import { Bench, Holder, Person } from '@farthing/broker/testing';
import { type Farthing, farthing, type VendorStore } from '@farthing/vendor';
import express from 'express';
import { expect } from 'vitest';
import { CoinPayer } from './coin-payer.ts';
import { type FaultyProxy, type Hit, startProxy } from './proxy.ts';

/** What every page costs. */
export const PRICE = 2000n;
export const COINS = { ecash: { denominations: [500n, 1000n, 2000n, 5000n, 10_000n] } };

export const isQuestion = ({ url }: Hit): boolean => url === '/v1/ecash/deposit';
export const isVoid = ({ url }: Hit): boolean => url === '/v1/ecash/void';

export type CoinShop = {
  vnd: string;
  pay: Farthing;
  url: string;
  served: number;
  isBroken: boolean;
  /** Somebody waits for /slow, which fails when it is told to. */
  slow: ReturnType<typeof Promise.withResolvers<() => void>>;
  close(): Promise<void>;
};

/** Closing it audits the broker's books. `openShop`: another site, or a process more of one. */
export async function openCoinStreet() {
  const folder = mkdtempSync(join(tmpdir(), 'farthing-online-'));
  const bench = new Bench();
  await bench.start(COINS);
  // Between the sites and their broker.
  const middle = await startProxy(bench.url);
  const holder = new Holder(bench);
  await holder.faucet(5_000_000n);
  await holder.learn();
  const place = { bench, middle, folder };
  const [news, shop] = [await openShop(place, 'news.example'), await openShop(place, 'shop.example')];
  return {
    ...place,
    ...{ news, shop, alice: new CoinPayer(holder, { bench, price: PRICE }) },
    openShop: (vnd: string, store?: VendorStore) => openShop(place, vnd, store),
    /** Questions that the broker heard in this test. */
    questions: (): number => middle.hits.filter(isQuestion).length,
    /** What the broker says that the sites have. */
    async earned(...shops: CoinShop[]): Promise<bigint> {
      let sum = 0n;
      for (const { vnd, pay } of shops) {
        await pay.redeemNow();
        const seed = Buffer.from(readFileSync(join(folder, vnd, 'keys/vendor.secret'), 'utf8').trim(), 'base64url');
        const { balance } = await new Person(bench, new Uint8Array(seed)).statement({ vnd });
        sum += BigInt(String(balance));
      }
      return sum;
    },
    /** Before each test. */
    async quiet(): Promise<void> {
      for (const one of [news, shop]) {
        await one.pay.redeemNow();
        Object.assign(one, { served: 0, isBroken: true });
      }
      middle.hits.length = 0;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all([news.close(), shop.close()]);
      await middle.close();
      const { findings } = auditLedger(join(bench.data, 'ledger.db'), bench.public.root);
      await bench[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
      expect(findings, 'the books after all of it').toEqual([]);
    },
  };
}

type Place = { bench: Bench; middle: FaultyProxy; folder: string };

async function openShop({ bench, middle, folder }: Place, vnd: string, store?: VendorStore): Promise<CoinShop> {
  const pay = await farthing({
    ...(store ? { store } : {}),
    ...{ broker: middle.url, data: join(folder, vnd), vnd, methods: ['ecash'] },
    ...{ ecash: { denominations: [] }, env: bench.env, log: () => {} },
  });
  const app = express();
  const made: CoinShop = {
    vnd,
    pay,
    url: '',
    served: 0,
    isBroken: true,
    slow: Promise.withResolvers(),
    close: async () => {},
  };
  const price = '0.002 USD';
  app.use('/farthing', pay.routes());
  app.get('/page', pay.wall({ price }), (_req, res) => void res.send(`page ${++made.served}`));
  app.post('/order', pay.wall({ price }), (_req, res) => void res.send(`order ${++made.served}`));
  app.get('/first', pay.wall({ price, settle: 'upfront' }), (_req, res) => void res.status(500).send('sorry'));
  app.get('/broken', pay.wall({ price }), (_req, res) => void res.status(500).send('sorry'));
  app.get('/slow', pay.wall({ price }), (_req, res) => {
    if (made.isBroken) made.slow.resolve(() => void res.status(500).send('sorry'));
    else res.send(`slow ${++made.served}`);
  });
  app.get('/flaky', pay.wall({ price }), (_req, res) => {
    if (made.isBroken) res.status(500).send('sorry');
    else res.send(`flaky ${++made.served}`);
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  made.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  made.close = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await pay.close();
  };
  return made;
}
