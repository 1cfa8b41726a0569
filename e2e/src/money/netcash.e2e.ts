// Two brokers: customers with coins of the one, a site that settles with the other. Nobody but the brokers notices.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLedger } from '@farthing/broker';
import { Bench, Holder, Person, pinEachOther } from '@farthing/broker/testing';
import { type JsonObject, printCredential, readChallenges, readReceipt } from '@farthing/protocol';
import { type Farthing, farthing } from '@farthing/vendor';
import express from 'express';
import { afterAll, beforeAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'farthing-netcash-'));
const issuer = new Bench();
const other = new Bench();
let site: Farthing;
let server: Server;
let url: string;
let alice: Holder;

beforeAll(async () => {
  await issuer.start({ ecash: { denominations: [500n, 1000n, 2000n, 5000n] } });
  await other.start({ ecash: { denominations: [500n, 1000n] } });
  await issuer.until('/v1/ecash/keysets');
  await pinEachOther(issuer, other, 20_000n);
  site = await farthing({
    ...{ broker: other.url, data: folder, vnd: 'news.example', methods: ['ecash'] },
    ecash: { denominations: [] },
  });
  const app = express();
  app.use('/farthing', site.routes());
  app.get('/page', site.wall({ price: '0.002 USD' }), (_req, res) => void res.send('page'));
  app.get('/broken', site.wall({ price: '0.002 USD' }), (_req, res) => void res.status(500).send('sorry'));
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  alice = await new Holder(issuer).funded(1_000_000n);
});
afterAll(async () => {
  server.closeAllConnections();
  await site.close();
  const findings = [issuer, other].flatMap(
    (bench) => auditLedger(join(bench.data, 'ledger.db'), bench.public.root).findings,
  );
  await issuer[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
  expect(findings, 'the books of both').toEqual([]);
});

async function buy(path: string, value: bigint) {
  const asked = await fetch(url + path);
  const [challenge] = readChallenges([asked.headers.get('www-authenticate') ?? '']);
  if (!challenge) throw new Error(`no challenge: ${asked.status}`);
  await alice.withdraw([value]);
  const taken = alice.take(2000n);
  const { coins, change, exp } = alice.sign(taken, { vnd: 'news.example' }, challenge.id, 2000n);
  const payload: JsonObject = { brk: issuer.public.brk, exp: Number(exp), coins, ...(change ? { change } : {}) };
  const answer = await fetch(url + path, { headers: { authorization: printCredential({ challenge, payload }) } });
  return { challenge, taken, answer };
}

async function earned(): Promise<unknown> {
  const seed = Buffer.from(readFileSync(join(folder, 'keys/vendor.secret'), 'utf8').trim(), 'base64url');
  return (await new Person(other, new Uint8Array(seed)).statement({ vnd: 'news.example' }))['balance'];
}

it('A page is paid with coins of a broker that the site has no account at, and its own broker pays the site', async () => {
  const { challenge, taken, answer } = await buy('/page', 5000n);
  expect([answer.status, await answer.text()]).toEqual([200, 'page']);
  const { brokers } = JSON.parse(Buffer.from(challenge.request, 'base64url').toString())['methodDetails'];
  expect(brokers.map(({ id }: { id: string }) => id)).toEqual([other.public.brk, issuer.public.brk]);
  const receipt = readReceipt(answer.headers.get('payment-receipt') ?? '');
  expect(receipt?.details['deposit']).toMatchObject({ brk: issuer.public.brk, via: other.public.brk, amount: '2000' });
  alice.finish(taken.change.planned, receipt?.details['change']);
  expect(await earned()).toBe('0');
  await site.redeemNow();
  expect(await earned()).toBe('2000');
});

it('A page that fails costs nothing: the coins are good again at the broker that made them', async () => {
  const { taken, answer } = await buy('/broken', 2000n);
  expect(answer.status).toBe(500);
  const [coin] = taken.coins;
  await expect.poll(async () => coin && (await alice.prove(coin))['state']).toBe('unspent');
});

it('While the broker of the coins is away the page is not sold; when it is back the same credential pays', async () => {
  const { port } = new URL(issuer.url);
  const asked = await fetch(`${url}/page`);
  const [challenge] = readChallenges([asked.headers.get('www-authenticate') ?? '']);
  if (!challenge) throw new Error(`no challenge: ${asked.status}`);
  await alice.withdraw([2000n]);
  const { coins, exp } = alice.sign(alice.take(2000n, { change: false }), { vnd: 'news.example' }, challenge.id, 2000n);
  const authorization = printCredential({ challenge, payload: { brk: issuer.public.brk, exp: Number(exp), coins } });
  await issuer.stop();
  const refused = await fetch(`${url}/page`, { headers: { authorization } });
  expect([refused.status, refused.headers.has('retry-after')]).toEqual([503, true]);
  await issuer.start({ port: Number(port) });
  const answer = await fetch(`${url}/page`, { headers: { authorization } });
  expect([answer.status, await answer.text()]).toEqual([200, 'page']);
});
