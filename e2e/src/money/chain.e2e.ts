// One prepaid chain at three sites, against a real broker: paid with hashes alone, settled to the unit, the rest refunded.
// And the same sites while the broker is away.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLedger } from '@farthing/broker';
import { Bench, Person, payword, Site } from '@farthing/broker/testing';
import { nodeEnv } from '@farthing/node-kit';
import type { Crypto, JsonObject } from '@farthing/protocol';
import { type OwnChain, pieceOf, type Ticket } from '@farthing/protocol/wallet';
import { type Farthing, farthing } from '@farthing/vendor';
import express from 'express';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runCommand } from '../harness/processes.ts';
import { WordPayer } from '../harness/word-payer.ts';

const UNIT = 10n;
const FUNDS = 100_000n;
const native = nodeEnv().crypto;
/** What was signed or checked with public keys, by type of object, and hashes. */
let signatures: string[] = [];
let hashes = 0;
const typeOf = (message: Uint8Array) =>
  /^farthing\/([a-z0-9/-]+)/.exec(Buffer.from(message).toString('latin1'))?.[1] ?? '?';
const crypto: Crypto = {
  ...native,
  sha256: (data) => {
    hashes++;
    return native.sha256(data);
  },
  publicKey: (seed) => {
    signatures.push('key');
    return native.publicKey(seed);
  },
  sign: (seed, message) => {
    signatures.push(typeOf(message));
    return native.sign(seed, message);
  },
  verify: (key, message, signature) => {
    signatures.push(typeOf(message));
    return native.verify(key, message, signature);
  },
};
const env = () => ({ ...nodeEnv(), crypto });
/** Books with the broker, which a site keeps in the background, one order for many payments. */
const BOOKS = ['payword-redeem/1', 'redemption/1', 'payword-redeem/1-answer'];
const whilePaying = () => signatures.filter((type) => !BOOKS.includes(type));

type Shop = { readonly pay: Farthing; readonly url: string; readonly live: string; close(): Promise<void> };
let folder: string;
let bench: Bench;
let shops: Shop[];
let anna: Person;

async function openShop(n: number): Promise<Shop> {
  const options = { vnd: `shop-${n}`, methods: ['payword'] as const, payword: { fundings: ['prepaid'] as const } };
  const pay = await farthing({ broker: bench.url, data: join(folder, `shop-${n}`), env, log: () => {}, ...options });
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
  for (let n = 0; n < 3; n++) shops.push(await openShop(n));
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

it('one chain pays at three sites without a public key; credits and refund make its price', async () => {
  const chain = await payword.buyChain(anna, 90, UNIT);
  const price = FUNDS - (await balance());
  expect(price).toBe(900n);
  const payers: WordPayer[] = [];
  for (const [k, shop] of shops.entries()) {
    const ticket = await allot(chain, shop, [k * 30 + 1, k * 30 + 30]);
    payers.push(new WordPayer(shop.url, pieceOf(ticket, chain, env()), env));
  }
  for (const payer of payers) await payer.ask();

  // 7, 8 and 9 words, at all three sites at once.
  [signatures, hashes] = [[], 0];
  const spend = async (payer: WordPayer, words: number) => {
    for (let i = 0; i < words; i++) {
      const { answer, receipt } = await payer.pay();
      expect([answer.status, await answer.text(), receipt?.details['index']]).toEqual([200, 'tick', payer.piece.at]);
    }
  };
  await Promise.all(payers.map((payer, k) => spend(payer, 7 + k)));
  expect(whilePaying()).toEqual([]);
  expect(hashes).toBeGreaterThan(0);

  // The sites are paid what was spent with them, and the rest of the price comes back.
  const credited = [];
  for (const { pay } of shops) {
    await pay.redeemNow();
    expect(pay.problems).toEqual([]);
  }
  const closings = [];
  for (const payer of payers) {
    const { answer, receipt } = await payer.close();
    expect(answer.status).toBe(204);
    const { spent, closings: signed } = receipt?.details ?? {};
    credited.push(BigInt(String(spent)));
    closings.push(...(signed as JsonObject[]));
  }
  expect(credited).toEqual([70n, 80n, 90n]);
  const closed = await bench.send('/v1/payword/close', payword.closeOrder(anna, closings, chain));
  const refunded = BigInt(String(closed['refunded']));
  expect(credited.reduce((sum, one) => sum + one, refunded)).toBe(price);
  expect(await balance()).toBe(FUNDS - 240n);
});

it('a ticket is worth nothing at another site, and a site that claims the range of another is not paid', async () => {
  const chain = await payword.buyChain(anna, 60, UNIT);
  const [first, second] = shops as [Shop, Shop];
  const ticket = await allot(chain, first, [1, 30]);
  await allot(chain, second, [31, 60]);
  const honest = new WordPayer(first.url, pieceOf(ticket, chain, env()), env);
  expect((await honest.pay()).answer.status).toBe(200);
  const moved = new WordPayer(second.url, pieceOf(ticket, chain, env()), env);
  const { answer } = await moved.pay();
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([402, 'cert-foreign']);

  // A site that was shown words of the range of another, by whatever way, claims them in its own name.
  const thief = await new Site(bench, 'thief.example').open();
  const session = payword.ticketSession(bench, chain, ticket);
  const { sessions, balance: owed } = await payword.redeemWords(thief, payword.claimOf(session, 20));
  expect([sessions[0]?.credited, sessions[0]?.alarm, owed]).toEqual(['0', expect.any(String), '0']);
  await first.pay.redeemNow();
  expect(first.pay.problems).toEqual([]);
});

it('while the broker is away sessions and streams go on to their limit, and settle when it is back', async () => {
  const chain = await payword.buyChain(anna, 60, UNIT);
  const [first, second] = shops as [Shop, Shop];
  const caller = new WordPayer(first.url, pieceOf(await allot(chain, first, [1, 30]), chain, env()), env);
  const viewer = new WordPayer(second.live, pieceOf(await allot(chain, second, [31, 60]), chain, env()), env);
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
