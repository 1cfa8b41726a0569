// Coins that are locked to one site, from an account to the site's statement: withdrawn, swapped without a name, taken off line,
// and claimed. What is not in order is refused with nothing consumed.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLedger } from '@farthing/broker';
import { Bench, Holder, Person, Site } from '@farthing/broker/testing';
import { type Challenge, type JsonObject, printCredential, readChallenges, readReceipt } from '@farthing/protocol';
import { type Farthing, type FarthingOptions, farthing } from '@farthing/vendor';
import express from 'express';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

const VND = 'news.example';
const OTHER = 'shop.example';
const [PRICE, UNIT] = [2000n, 500n];
const DAY_MS = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), 'farthing-coins-'));
const bench = new Bench();
const log: string[] = [];
let pay: Farthing;
let url: string;
let alice: Holder;
let served = 0;
let close: () => Promise<void>;

async function openSite(more: Partial<FarthingOptions> = {}): Promise<void> {
  pay = await farthing({
    broker: bench.url,
    data: join(folder, 'site'),
    vnd: VND,
    methods: ['ecash'],
    ecash: { denominations: ['0.0005 USD', '0.002 USD'], online: false },
    env: bench.env,
    log: (line) => log.push(line),
    ...more,
  });
  const app = express();
  app.get('/page', pay.wall({ price: '0.002 USD' }), (_req, res) => void res.send(`page ${++served}`));
  app.post('/once', pay.wall({ price: '0.002 USD' }), (_req, res) => void res.send(`once ${++served}`));
  app.get('/broken', pay.wall({ price: '0.002 USD' }), (_req, res) => void res.status(500).send('sorry'));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await pay.close();
  };
}

beforeAll(async () => {
  await bench.start({ ecash: { denominations: [UNIT, PRICE] } });
  await openSite();
  const other = await new Site(bench, OTHER).open();
  const lock = () => other.order('ecash-lock/1', { vnd: OTHER, cur: 'usd-micro', denoms: [PRICE.toString()] });
  while ((await bench.post('/v1/ecash/lock', lock())).status === 503) await bench.until(`/v1/vendors/${OTHER}/keysets`);
  alice = new Holder(bench);
  await alice.faucet(1_000_000n);
  await alice.learn();
  await alice.learn(`/v1/vendors/${VND}/keysets`);
  await alice.learn(`/v1/vendors/${OTHER}/keysets`);
});
afterAll(async () => {
  await close();
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  served = 0;
});

/** Coins of these values, locked to the site: withdrawn by an account, swapped by nobody in particular. */
async function locked(values: readonly bigint[], vnd = VND) {
  await alice.withdraw(values);
  const sum = values.reduce((total, value) => total + value, 0n);
  await alice.swap(alice.take(sum, { change: false }).coins, values, vnd);
  return alice.take(sum, { vnd, change: false });
}

async function challengeOf(path = '/page', method = 'GET'): Promise<Challenge> {
  const asked = await fetch(url + path, { method });
  const [challenge] = readChallenges([asked.headers.get('www-authenticate') ?? '']);
  await asked.arrayBuffer();
  if (!challenge) throw new Error(`no challenge: ${asked.status}`);
  return challenge;
}

function signed(challenge: Challenge, taken: Awaited<ReturnType<typeof locked>>, vnd = VND): JsonObject {
  const { coins, exp } = alice.sign(taken, { vnd }, challenge.id, PRICE);
  return { brk: bench.public.brk, exp: Number(exp), coins };
}

const send = (challenge: Challenge, payload: JsonObject, path = '/page', method = 'GET') =>
  fetch(url + path, { method, headers: { authorization: printCredential({ challenge, payload }) } });

async function refusal(answer: Promise<Response>): Promise<[status: number, code: unknown, consumed: string | null]> {
  const response = await answer;
  const body = (await response.json()) as JsonObject;
  return [response.status, body['code'], response.headers.get('payment-consumed')];
}

/** What the broker says that the site has. */
async function balance(): Promise<bigint> {
  const seed = Buffer.from(readFileSync(join(folder, 'site/keys/vendor.secret'), 'utf8').trim(), 'base64url');
  const { balance: text } = await new Person(bench, new Uint8Array(seed)).statement({ vnd: VND });
  return BigInt(String(text));
}

it('Coins for one site are withdrawn, swapped, paid and claimed, one or four at once, and the books balance', async () => {
  for (const values of [[PRICE], [UNIT, UNIT, UNIT, UNIT]]) {
    const challenge = await challengeOf();
    const header = printCredential({ challenge, payload: signed(challenge, await locked(values)) });
    expect(header.length).toBeLessThanOrEqual(4096);
    const answer = await fetch(`${url}/page`, { headers: { authorization: header } });
    expect([answer.status, await answer.text()]).toEqual([200, `page ${served}`]);
    const receipt = readReceipt(answer.headers.get('payment-receipt') ?? '');
    expect(receipt).toMatchObject({ method: 'ecash', challengeId: challenge.id });
  }
  await pay.redeemNow();
  expect(await balance()).toBe(2n * PRICE);
  expect(auditLedger(join(bench.data, 'ledger.db'), bench.public.root).findings).toEqual([]);
});

it('A thousand identical credentials at once run the handler once, get one receipt, and are paid once', async () => {
  const before = await balance();
  const challenge = await challengeOf('/once', 'POST');
  const payload = signed(challenge, await locked([UNIT, UNIT, UNIT, UNIT]));
  const all = await Promise.all(Array.from({ length: 1000 }, () => send(challenge, payload, '/once', 'POST')));
  await Promise.all(all.map((answer) => answer.arrayBuffer()));
  expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(all.map(({ headers }) => headers.get('payment-receipt'))).size).toBe(1);
  expect(served).toBe(1);
  await pay.redeemNow();
  expect(await balance()).toBe(before + PRICE);
});

it('One coin in many payments at once pays one of them', async () => {
  const before = await balance();
  const taken = await locked([PRICE]);
  const challenges = await Promise.all(Array.from({ length: 20 }, () => challengeOf()));
  const answers = await Promise.all(challenges.map((challenge) => send(challenge, signed(challenge, taken))));
  const codes = await Promise.all(
    answers.map(async (one) => (one.status === 200 ? 'page' : String(((await one.json()) as JsonObject)['code']))),
  );
  expect(codes.toSorted()).toEqual([...Array(19).fill('coin-spent'), 'page']);
  expect(served).toBe(1);
  await pay.redeemNow();
  expect(await balance()).toBe(before + PRICE);
});

it('A payment with a spent coin among others says which it was: the others pay', async () => {
  const [one, two] = [await locked([UNIT, UNIT, UNIT, UNIT]), await locked([UNIT, UNIT, UNIT, UNIT])];
  const challenge = await challengeOf();
  expect((await send(challenge, signed(challenge, one))).status).toBe(200);
  const [spent] = one.coins;
  const next = await challengeOf();
  const mixed = { ...two, coins: [...two.coins.slice(1), ...(spent ? [spent] : [])] };
  const refused = await send(next, signed(next, mixed));
  expect(await refused.json()).toMatchObject({ code: 'coin-spent', consumed: true, spent: [spent?.coin.pk] });
  const last = await challengeOf();
  expect((await send(last, signed(last, two))).status).toBe(200);
  await pay.redeemNow();
});

it('A page that fails gives the coins back for another', async () => {
  const before = await balance();
  const taken = await locked([PRICE]);
  const broken = await challengeOf('/broken');
  const failed = await send(broken, signed(broken, taken), '/broken');
  expect([failed.status, failed.headers.get('payment-consumed')]).toEqual([500, '?0']);
  const challenge = await challengeOf();
  expect((await send(challenge, signed(challenge, taken))).status).toBe(200);
  await pay.redeemNow();
  expect(await balance()).toBe(before + PRICE);
});

it("Coins of another site, of no site, forged ones, others' signatures and stolen headers pay nothing, and are not used up", async () => {
  const before = await balance();
  const [challenge, another] = [await challengeOf(), await challengeOf()];
  const good = await locked([PRICE]);
  const foreign = await locked([PRICE], OTHER);
  await alice.withdraw([PRICE]);
  const generic = alice.take(PRICE, { change: false });
  const honest = signed(challenge, good);
  const [coin] = honest['coins'] as JsonObject[];
  const [strange] = signed(challenge, await locked([PRICE]))['coins'] as JsonObject[];
  const refused: [JsonObject, Challenge, string][] = [
    [signed(challenge, foreign), challenge, 'keyset-unknown'],
    [signed(challenge, generic), challenge, 'keyset-unknown'],
    [{ ...honest, coins: [{ ...coin, sig: String(strange?.['sig']) }] }, challenge, 'coin-forged'],
    [{ ...honest, coins: [{ ...coin, spend: String(strange?.['spend']) }] }, challenge, 'spend-wrong'],
    [signed(challenge, good, OTHER), challenge, 'spend-wrong'],
    [honest, another, 'spend-wrong'],
    [{ ...honest, coins: [{ ...coin }, { ...coin }] }, challenge, 'coin-repeated'],
    [{ ...honest, brk: 'elsewhere' }, challenge, 'broker-unknown'],
    [{ ...honest, exp: Number(honest['exp']) - 1000 }, challenge, 'challenge-expired'],
    [signed(challenge, await locked([UNIT])), challenge, 'amount-short'],
  ];
  for (const [payload, at, code] of refused) {
    const [status, said, consumed] = await refusal(send(at, payload));
    expect([status < 500, said, consumed], code).toEqual([true, code, '?0']);
  }
  expect(served).toBe(0);
  expect((await send(challenge, honest)).status).toBe(200);
  await pay.redeemNow();
  expect(await balance()).toBe(before + PRICE);
});

it('While the broker is away, also over a restart of the site, coins are taken; later all of it is settled, to the unit', async () => {
  const before = await balance();
  // More than one order of 64 KB carries.
  const taken = [await locked([PRICE])];
  while (taken.length < 50) taken.push(await locked([UNIT, UNIT, UNIT, UNIT]));
  const port = Number(new URL(bench.url).port);
  await bench.broker?.close();
  for (const [i, one] of taken.entries()) {
    if (i === 1) {
      await close();
      await openSite();
    }
    const challenge = await challengeOf();
    expect((await send(challenge, signed(challenge, one))).status).toBe(200);
  }
  await expect(pay.redeemNow()).rejects.toThrow();
  await bench.start({ ecash: { denominations: [UNIT, PRICE] }, port });
  await pay.redeemNow();
  expect(await balance()).toBe(before + BigInt(taken.length) * PRICE);
  expect(auditLedger(join(bench.data, 'ledger.db'), bench.public.root).findings).toEqual([]);
});

it('The next epoch goes on without a pause, also in a process that nobody told of it; coins of the last one are refused when it has ended, and nothing is used up', async () => {
  const old = await locked([PRICE]);
  const before = await balance();
  bench.offsetMs = 80 * DAY_MS;
  // As upkeep does it, until the broker has made the keys.
  const path = `${bench.url}/v1/vendors/${VND}/keysets`;
  const listed = async () => ((await (await fetch(path)).json()) as { keysets: unknown[] }).keysets.length;
  const [first, firstUrl, firstClose] = [pay, url, close];
  await openSite();
  do await first.renewNow();
  while ((await listed()) < 4);
  await first.renewNow();
  await alice.learn();
  const known = new Set(alice.keysets.keys());
  await alice.learn(`/v1/vendors/${VND}/keysets`);
  const fresh = await locked([PRICE]);
  expect(fresh.coins.map(({ coin }) => known.has(coin.ks))).toEqual([false]);
  let challenge = await challengeOf();
  expect((await send(challenge, signed(challenge, fresh))).status).toBe(200);
  bench.offsetMs = 91 * DAY_MS;
  challenge = await challengeOf();
  const [status, code, consumed] = await refusal(send(challenge, signed(challenge, old)));
  expect([status, code, consumed]).toEqual([402, 'keyset-expired', '?0']);
  await pay.redeemNow();
  await close();
  [pay, url, close] = [first, firstUrl, firstClose];
  expect(await balance()).toBe(before + PRICE);
});
