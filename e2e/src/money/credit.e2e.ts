// A customer on credit who cheats: spends at several sites at once, and goes on in new sessions where one was stopped. What
// the sites deliver stays within the bound that polling promises, and the broker pays no more than the line.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLedger } from '@farthing/broker';
import { Bench, Person, payword } from '@farthing/broker/testing';
import { nodeEnv } from '@farthing/node-kit';
import { PaymentProblem, readChallenges, readRequest } from '@farthing/protocol';
import { payword as role } from '@farthing/protocol/broker';
import { seeded } from '@farthing/protocol/testing';
import { commit, type PaywordPiece, paywordWallet } from '@farthing/protocol/wallet';
import { type Farthing, farthing } from '@farthing/vendor';
import express from 'express';
import { afterAll, beforeAll, expect, it } from 'vitest';

const SITES = 5;
const [LINE, EVERY, PRICE] = [4_000n, 200n, 20n];
const seed = Number(process.env['FARTHING_SEED'] ?? 20_261_123);
const folder = mkdtempSync(join(tmpdir(), 'farthing-credit-'));
const bench = new Bench();
const rng = seeded(seed);
/** Chance is drawn in six bytes; keys and ids stay random. */
const env = () => ({ ...nodeEnv(), random: (n: number) => (n === 6 ? rng.bytes(6) : nodeEnv().random(n)) });

type Shop = { readonly pay: Farthing; readonly url: string; close(): Promise<void> };
const shops: Shop[] = [];

async function openShop(n: number): Promise<Shop> {
  const options = { vnd: `shop-${n}`, methods: ['payword'] as const, payword: { fundings: ['credit'] as const } };
  const pay = await farthing({ broker: bench.url, data: join(folder, `shop-${n}`), env, log: () => {}, ...options });
  const app = express();
  app.get('/tick', pay.wall({ price: '0.00002 USD', unit: 'tick' }), (_req, res) => void res.send('tick'));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    pay,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tick`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await pay.close();
    },
  };
}

beforeAll(async () => {
  await bench.start({ creditMicro: LINE, pollMicro: EVERY });
  for (let n = 0; n < SITES; n++) shops.push(await openShop(n));
});
afterAll(async () => {
  for (const shop of shops) await shop.close();
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** One site, as the customer meets it: certificates hoarded before anybody says no, and a new session after each no. */
class Raid {
  readonly #shop: Shop;
  readonly #days: payword.Day[];
  #piece: PaywordPiece | undefined;

  constructor(shop: Shop, days: payword.Day[]) {
    this.#shop = shop;
    this.#days = days;
  }

  /** False when there is no certificate left to try. */
  renew(): boolean {
    const day = this.#days.pop();
    if (!day) return false;
    const { cert } = day;
    this.#piece = commit(cert, { n: 200, unit: PRICE, cap: LINE, exp: cert.exp }, day.seed, nodeEnv());
    return true;
  }

  /** Status and problem code of one request with the next word. */
  async tick(): Promise<{ status: number; code: unknown; type: unknown }> {
    const piece = this.#piece;
    const [challenge] = readChallenges([(await fetch(this.#shop.url)).headers.get('www-authenticate') ?? '']);
    const request = challenge && readRequest(challenge);
    if (!piece || !challenge || !request) throw new Error('a site that asks for money');
    const input = { challenge, request, units: 1, target: '', digest: '' };
    const credential = JSON.stringify({ challenge, payload: paywordWallet.pay(piece, input, nodeEnv()) });
    const authorization = `Payment ${Buffer.from(credential).toString('base64url')}`;
    const answer = await fetch(this.#shop.url, { headers: { authorization } });
    this.#piece = { ...(paywordWallet.sessions?.advance(piece, input) ?? piece), open: answer.ok || piece.open };
    const { code, type } = answer.ok ? {} : ((await answer.json()) as { code?: unknown; type?: unknown });
    return { status: answer.status, code, type };
  }
}

it(`a cheat at ${SITES} sites overspends within the computed bound (seed ${seed})`, async () => {
  const thief = new Person(bench);
  const raids: Raid[] = [];
  for (const { pay } of shops) {
    const days = [];
    for (let n = 0; n < 3; n++) days.push(await payword.certify(thief, pay.vnd, LINE));
    const raid = new Raid({ ...(shops[raids.length] as Shop) }, days);
    raid.renew();
    raids.push(raid);
  }
  let spent = 0n;
  let noes = 0;
  let open = [...raids];
  while (open.length > 0) {
    const raid = rng.pick(open);
    const { status, code, type } = await raid.tick();
    if (status === 200) {
      spent += PRICE;
      continue;
    }
    expect([status, code, type]).toEqual([
      402,
      'limit-reached',
      'https://paymentauth.org/problems/payment-action-required',
    ]);
    noes++;
    if (!raid.renew()) open = open.filter((one) => one !== raid);
  }
  const { meanMicro, p99Micro } = role.exposure({ limitMicro: LINE, everyMicro: EVERY, sites: SITES });
  console.info(`seed ${seed}: spent ${spent} of a line of ${LINE}; mean ${meanMicro}, p99 ${p99Micro}`);
  expect(spent).toBeLessThanOrEqual(p99Micro);
  // Every session that was tried was refused, also those with certificates from before.
  expect(noes).toBe(SITES * 3);
  await expect(payword.certify(thief, 'shop-0', LINE)).rejects.toThrow('limit-reached');

  // The broker pays the sites down to the line; the rest waits until the thief pays in.
  const owing = await Promise.allSettled(shops.map(({ pay }) => pay.redeemNow()));
  for (const one of owing) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(PaymentProblem);
  const owed = spent < LINE ? spent : LINE;
  expect(await thief.statement()).toMatchObject({ balance: '0', owed: owed.toString(), line: LINE.toString() });
  await thief.faucet(100_000n);
  await Promise.all(shops.map(({ pay }) => pay.redeemNow()));
  expect(await thief.statement()).toMatchObject({ balance: (100_000n - spent).toString() });
  expect(auditLedger(join(bench.data, 'ledger.db'), bench.public.root).findings).toEqual([]);
});
