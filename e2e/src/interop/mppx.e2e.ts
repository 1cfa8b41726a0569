// Code that nobody here wrote speaks the same scheme: a stock mppx client pays our site, and our wallet a stock mppx server.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench, Person, pieceOf, Site } from '@farthing/broker/testing';
import { nodeEnv } from '@farthing/node-kit';
import { type JsonObject, LOOPBACK, readReceipt } from '@farthing/protocol';
import { type ScripKeys, scripVendor } from '@farthing/protocol/vendor';
import { scripWallet } from '@farthing/protocol/wallet';
import { farthing } from '@farthing/vendor';
import { MemoryStore, payingFetch, Wallet } from '@farthing/wallet';
import express from 'express';
import { Credential, Method, z } from 'mppx';
import { Mppx as MppxClient } from 'mppx/client';
import { Request as MppxRequest, Mppx as MppxServer } from 'mppx/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'farthing-interop-'));
const bench = new Bench();
const closers: (() => unknown)[] = [];
beforeAll(async () => {
  await bench.start();
});
afterAll(async () => {
  for (const close of closers.reverse()) await close();
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** The method as mppx wants it described. */
const scripMethod = Method.from({
  name: 'scrip',
  intent: 'charge',
  schema: {
    credential: { payload: z.record(z.string(), z.any()) },
    request: z.object({ amount: z.string(), currency: z.string(), recipient: z.string(), methodDetails: z.any() }),
  },
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a stock mppx client with a method of ten lines', () => {
  it('pays our site and gets the page, the receipt and its change', async () => {
    const app = express();
    const pay = await farthing({ broker: bench.url, data: join(folder, 'site') });
    closers.push(() => pay.close());
    let runs = 0;
    app.get('/article/:id', pay.wall({ price: '0.0015 USD' }), (req, res) => {
      runs++;
      res.json({ article: req.params.id });
    });
    app.use('/farthing', pay.routes());
    const url = `${await listen(createServer(app))}/article/1`;

    const customer = new Person(bench);
    await customer.faucet(1_000_000n);
    const method = Method.toClient(scripMethod, {
      async createCredential({ challenge }) {
        const { amount, recipient } = challenge.request;
        const piece = { ...pieceOf(await customer.buy(recipient, 10_000n)), brk: bench.public.brk };
        const request = { amount: BigInt(amount), currency: 'usd-micro' as const, recipient, methodDetails: {} };
        const wire = { id: challenge.id, realm: challenge.realm, method: 'scrip', intent: 'charge', request: '' };
        const payload = scripWallet.pay(
          piece,
          { challenge: wire, request, target: 'GET /article/1', digest: '' },
          nodeEnv(),
        );
        return Credential.serialize({ challenge, payload });
      },
    });
    const client = MppxClient.create({ methods: [method], polyfill: false, maxPaymentRetries: 1 });
    const answer = await client.fetch(url);
    expect([answer.status, await answer.json()]).toEqual([200, { article: '1' }]);
    const receipt = readReceipt(answer.headers.get('payment-receipt') ?? '');
    expect(receipt?.details['change']).toMatchObject({ val: '8500' });
    expect(runs).toBe(1);
    await pay.redeemNow();
    expect((await customer.statement())['balance']).toBe('990000');
  });
});

describe('a stock mppx server', () => {
  it('is paid by our wallet, which keeps the change it gives', async () => {
    const site = new Site(bench, '127.0.0.1:0');
    await bench.send('/v1/vendors', site.registerOrder({ origins: [LOOPBACK] }));
    const licence = site.licence();
    await bench.send('/v1/scrip/licences', site.licenceOrder(licence));
    const keys: ScripKeys = {
      vnd: site.vnd,
      api: '/farthing',
      seed: site.seed,
      master: new Map([
        ['k1', site.secrets],
        ['v1', { scrip: nodeEnv().random(32), customer: nodeEnv().random(32) }],
      ]),
      licences: new Map([['k1', licence]]),
      changeKid: 'v1',
      brokers: [{ id: bench.public.brk, url: bench.url }],
    };
    let serial = 0n;
    const spent = new Set<string>();
    const price = { amount: 1500n, currency: 'usd-micro' as const };
    const server = MppxServer.create({
      realm: site.vnd,
      secretKey: 'a secret of thirty-two bytes or more',
      methods: [
        Method.toServer(scripMethod, {
          async verify({ credential, envelope }) {
            const asked = envelope?.capturedRequest;
            if (!asked) throw new Error('no request');
            const { id, realm } = credential.challenge;
            const verified = scripVendor.verify(
              {
                challenge: { id, realm, method: 'scrip', intent: 'charge', request: '' },
                payload: credential.payload as JsonObject,
                price,
                target: `${asked.method} ${asked.url.pathname}${asked.url.search}`,
                digest: '',
              },
              keys,
              { ...nodeEnv(), serial: ++serial },
            );
            // A stock server has no replay store: this one line is what our middleware does durably.
            for (const { key } of verified.spends) if (spent.size === spent.add(key).size) throw new Error('spent');
            const { reference, details } = verified;
            return { method: 'scrip', status: 'success', timestamp: new Date().toISOString(), reference, ...details };
          },
        }),
      ],
    });
    const handler = MppxRequest.toNodeListener(async (request) => {
      const methodDetails = scripVendor.details(keys, price, nodeEnv());
      const result = await server.charge({ amount: '1500', currency: 'usd-micro', recipient: site.vnd, methodDetails })(
        request,
      );
      return result.status === 402 ? result.challenge : result.withReceipt(Response.json({ paid: true }));
    });
    const url = `${await listen(createServer(handler))}/data?a=1`;

    const store = new MemoryStore();
    const wallet = await Wallet.open({ store, fetch, env: nodeEnv });
    await wallet.init({ brokerUrl: bench.url });
    await wallet.topUp({ amountMicro: 1_000_000n });
    const pay = payingFetch(fetch, wallet, { maxMicro: 10_000n });
    for (let times = 1; times <= 3; times++) {
      const answer = await pay(`${url}&n=${times}`);
      expect([answer.status, await answer.json()]).toEqual([200, { paid: true }]);
      expect((await wallet.balance()).totalMicro).toBe(1_000_000n - 1500n * BigInt(times));
    }
    expect(spent.size).toBe(3);
  });
});
