// One prepaid chain at several sites while the broker is away: sessions and streams go on, and settle to the unit. The rest of
// what such chains must do is the profile `fair-chain`.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLedger } from '@farthing/broker';
import { Bench, Person, payword } from '@farthing/broker/testing';
import { nodeEnv } from '@farthing/node-kit';
import { type OwnChain, pieceOf, type Ticket } from '@farthing/protocol/wallet';
import { type Farthing, farthing } from '@farthing/vendor';
import express from 'express';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runCommand } from '../harness/processes.ts';
import { WordPayer } from '../harness/word-payer.ts';

const UNIT = 10n;
const FUNDS = 100_000n;
type Shop = { readonly pay: Farthing; readonly url: string; readonly live: string; close(): Promise<void> };
let folder: string;
let bench: Bench;
let shops: Shop[];
let anna: Person;

async function openShop(n: number): Promise<Shop> {
  const options = { vnd: `shop-${n}`, methods: ['payword'] as const, payword: { fundings: ['prepaid'] as const } };
  const pay = await farthing({ broker: bench.url, data: join(folder, `shop-${n}`), log: () => {}, ...options });
  const app = express();
  app.get('/tick', pay.wall({ price: '0.00001 USD', unit: 'tick' }), (_req, res) => void res.send('tick'));
  app.get(
    '/live',
    pay.stream({ price: '0.00001 USD', unit: 'second', holdMs: 100 }, async function* () {
      for (let i = 1; ; i++) yield `data: ${i}\n\n`;
    }),
  );
  app.use('/farthing', pay.routes());
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    pay,
    url: `${origin}/tick`,
    live: `${origin}/live`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await pay.close();
    },
  };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'farthing-chain-'));
  bench = await new Bench().start();
  shops = [];
  for (let n = 0; n < 2; n++) shops.push(await openShop(n));
  anna = new Person(bench);
  await anna.faucet(FUNDS);
});
afterEach(async () => {
  for (const shop of shops) await shop.close();
  expect(auditLedger(join(bench.data, 'ledger.db'), bench.public.root).findings).toEqual([]);
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const balance = async () => BigInt(String((await anna.statement())['balance']));

/** A contiguous range of the chain for one shop, under the key that the shop shares with the broker. */
async function allot(chain: OwnChain, shop: Shop, [first, last]: readonly [number, number]): Promise<Ticket> {
  const order = payword.ticketOrder(anna, chain, { vnd: shop.pay.vnd, first, last, auth: 'hmac' });
  return (await bench.send('/v1/payword/tickets', order))['ticket'] as unknown as Ticket;
}

it('while the broker is away sessions and streams go on to their limit, and settle when it is back', async () => {
  const chain = await payword.buyChain(anna, 60, UNIT);
  const [first, second] = shops as [Shop, Shop];
  const caller = new WordPayer(first.url, pieceOf(await allot(chain, first, [1, 30]), chain, nodeEnv()), nodeEnv);
  const viewer = new WordPayer(second.live, pieceOf(await allot(chain, second, [31, 60]), chain, nodeEnv()), nodeEnv);
  expect((await caller.pay()).answer.status).toBe(200);
  const { port } = new URL(bench.url);
  await bench.stop();

  for (let i = 2; i <= 30; i++) expect((await caller.pay()).answer.status).toBe(200);
  await expect(caller.pay()).rejects.toMatchObject({ code: 'index-beyond' });
  const { answer } = await viewer.pay(10);
  const body = answer.text();
  expect((await viewer.pay(15, { method: 'HEAD' })).answer.status).toBe(204);
  expect((await viewer.pay(5, { method: 'HEAD' })).answer.status).toBe(204);
  expect((await body).match(/^data: \d+$/gm)).toHaveLength(30);
  await expect(first.pay.redeemNow()).rejects.toMatchObject({ code: 'broker-unreachable' });

  await bench.start({ port: Number(port) });
  await first.pay.redeemNow();
  await second.pay.redeemNow();
  expect(await balance()).toBe(FUNDS - 600n);
  const books = await runCommand('broker/src/main.ts', ['vendors', '--data', bench.data, '--json']);
  const { vendors } = JSON.parse(books.stdout) as { vendors: { vnd: string; owed: string }[] };
  const owed = [first, second].map(({ pay }) => vendors.find(({ vnd }) => vnd === pay.vnd)?.owed);
  expect(owed).toEqual(['300', '300']);
});
