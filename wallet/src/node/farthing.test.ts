// The command as people run it: real processes, a real broker and a real site on this machine.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLedger, type RunningBroker, startBroker } from '@farthing/broker';
import { type Farthing, farthing } from '@farthing/vendor';
import express from 'express';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { payingFetch } from '../index.ts';
import { terminal } from '../testing/terminal.ts';
import { openWallet } from './open.ts';

let dir: string;
let data: string;
let broker: RunningBroker;
let pay: Farthing;
let server: Server;
let site: string;
let runs = 0;
let wallets = 0;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'farthing-cli-'));
  broker = await startBroker({ data: join(dir, 'broker'), test: true });
  pay = await farthing({ broker: broker.url, data: join(dir, 'site'), name: 'news', methods: ['scrip', 'payword'] });
  const app = express();
  app.get('/article/:id', pay.wall({ price: '0.0015 USD' }), (req, res) => {
    runs++;
    res.send(`article ${req.params.id}`);
  });
  app.post('/quote', pay.wall({ price: '0.002 USD' }), express.json(), (req, res) => {
    res.json({ got: req.body });
  });
  app.get('/gone', pay.wall({ price: '0.001 USD' }), (_req, res) => {
    res.status(404).send('nothing here');
  });
  app.get('/call', pay.wall({ price: '0.00001 USD', unit: 'call' }), (_req, res) => {
    res.send('called');
  });
  app.get('/free', (_req, res) => {
    res.send('free');
  });
  app.use('/farthing', pay.routes());
  server = createServer(app);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  site = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await pay.close();
  await broker.close();
  rmSync(dir, { recursive: true });
});

beforeEach(() => {
  data = join(dir, `wallet-${++wallets}`);
});

const { cli, json } = terminal(() => ({ data, brokerUrl: broker.url }));

test('from nothing to a paid page, its history, and the money back', async () => {
  expect(await cli('pay', `${site}/article/1`)).toMatchObject({
    status: 1,
    out: '',
    err: expect.stringMatching(/no-account/),
  });
  expect(await cli('init')).toMatchObject({ status: 0, out: expect.stringMatching(/test money/) });
  expect(await cli('top-up', '1.00')).toMatchObject({
    status: 0,
    out: expect.stringMatching(/Topped up \$1\.00; balance \$1\.00/),
  });
  const asked = await cli('pay', `${site}/article/1`);
  expect(asked).toMatchObject({ status: 1, out: '' });
  expect(asked.err).toContain(`approval-needed`);
  expect(asked.err).toContain(`--max '0.0015 USD'`);
  const paid = await cli('pay', `${site}/article/1`, '--max', '0.0015 USD');
  expect(paid).toMatchObject({ status: 0, out: 'article 1' });
  expect(paid.err).toMatch(
    /Paid \$0\.0015 to http:\/\/127\.0\.0\.1:\d+ \(flag, scrip\), receipt \S+, balance \$0\.9985\./,
  );
  expect(await cli('balance')).toMatchObject({ status: 0, out: expect.stringMatching(/Total \$0\.9985/) });
  const { value: history } = await json('history', '--limit', '1');
  expect(history).toMatchObject([{ kind: 'payment', state: 'paid', amountMicro: '1500', why: 'flag' }]);
  expect((await cli('history', '--csv')).out.split('\r\n')).toHaveLength(5);
  expect(await cli('refund', site)).toMatchObject({ status: 0, out: expect.stringMatching(/refunded/) });
  const { value: balance } = await json('balance');
  expect(balance.brokers[0]).toMatchObject({ accountMicro: '998500', coinsMicro: '0', heldMicro: '0' });
  expect(await cli('recover')).toMatchObject({ status: 0 });
});

test('what is sold by the unit is paid in a session, which balance shows and close ends', async () => {
  await cli('init');
  await cli('top-up', '1.00');
  expect(await cli('pay', `${site}/call`, '--max', '0.001 USD')).toMatchObject({ status: 0, out: 'called' });
  expect((await cli('balance')).out).toContain(`session     $0.00999  ${site} (farthing close ${site})`);
  expect(await cli('close', site)).toMatchObject({ status: 0, out: expect.stringMatching(/refunded/) });
  expect((await cli('balance')).out).toMatch(/account {5}\$0\.99999\n/);
});

test('rules: auto pays without asking, never and pause refuse, limits of a page and a day hold', async () => {
  await cli('init');
  await cli('top-up', '1 USD');
  expect(await cli('budget', site, '--mode', 'auto', '--per-page', '0.0015')).toMatchObject({
    status: 0,
    out: expect.stringMatching(/auto, up to \$0\.0015 a page/),
  });
  expect(await cli('pay', `${site}/article/2`)).toMatchObject({ status: 0, out: 'article 2' });
  const before = runs;
  expect(await cli('pay', `${site}/article/2`)).toMatchObject({ status: 0, out: 'article 2' });
  expect(runs).toBe(before + 1);
  await cli('budget', site, '--per-day', '0.002');
  expect(await cli('pay', `${site}/article/3`, '--yes')).toMatchObject({
    status: 1,
    err: expect.stringMatching(/over-day-limit/),
  });
  await cli('budget', site, '--mode', 'never');
  expect(await cli('pay', `${site}/article/3`, '--yes')).toMatchObject({
    status: 1,
    err: expect.stringMatching(/site-never/),
  });
  await cli('budget', '--pause');
  expect(await cli('pay', `${site}/article/4`, '--yes')).toMatchObject({ status: 1 });
  expect((await json('budget', '--resume')).value.budget.pausedUntilMs).toBeUndefined();
  expect((await json('balance')).value.totalMicro).toBe('998500');
});

test('like curl: method, body, headers, output file, status and headers', async () => {
  await cli('init');
  await cli('top-up', '1');
  const posted = await cli('pay', `${site}/quote`, '-d', '{"a":1}', '-H', 'Content-Type: application/json', '--yes');
  expect(posted).toMatchObject({ status: 0, out: '{"got":{"a":1}}' });
  const file = join(dir, 'article.txt');
  expect(await cli('pay', `${site}/article/5`, '--yes', '-o', file)).toMatchObject({ status: 0, out: '' });
  expect(readFileSync(file, 'utf8')).toBe('article 5');
  expect((await cli('pay', `${site}/article/6`, '-i', '--yes')).out).toMatch(
    /^HTTP 200 OK\n(.*\n)*payment-receipt: .*\n(.*\n)*\narticle 6$/,
  );
  expect(await cli('pay', `${site}/free`)).toMatchObject({ status: 0, out: 'free', err: '' });
  const { value } = await json('pay', `${site}/article/7`, '--yes');
  expect(value).toMatchObject({ status: 200, body: 'article 7', payment: { state: 'paid', amountMicro: '1500' } });
});

test('a page that is missing behind the wall is not charged, and its coin is good again', async () => {
  await cli('init');
  await cli('top-up', '1');
  const { value, status } = await json('pay', `${site}/gone`, '--yes');
  expect(status).toBe(1);
  expect(value).toMatchObject({ status: 404, payment: { state: 'failed_not_charged' } });
  expect((await json('balance')).value).toMatchObject({ totalMicro: '1000000', brokers: [{ heldMicro: '0' }] });
});

test('what cannot be done is said in the words of the command, with what to do about it', async () => {
  expect(await cli('take', 'nonsense')).toMatchObject({
    status: 1,
    err: 'farthing: this is no gift of coins (payload-invalid)\n  Copy the whole text, as the other wallet printed it.\n',
  });
  expect(await cli('evidence', 'nonsense')).toMatchObject({
    status: 1,
    err: expect.stringContaining('farthing history --json lists payments'),
  });
  expect(await cli('init', '--broker', 'http://127.0.0.1:1')).toMatchObject({
    status: 1,
    err: expect.stringContaining('--broker URL names another'),
  });
});

test('wrong arguments end with status 2 and say what was expected', async () => {
  expect(await cli()).toMatchObject({ status: 2 });
  expect(await cli('buy')).toMatchObject({ status: 2, err: expect.stringMatching(/there is no command buy/) });
  expect(await cli('pay')).toMatchObject({ status: 2, err: expect.stringMatching(/which address/) });
  expect(await cli('pay', site, '--maximum', '1')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/--maximum/),
  });
  expect(await cli('pay', site, '--max', '1e-3 USD')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/'1e-3 USD' is no amount.*\n.*Usage: farthing pay URL/),
  });
  expect(await cli('top-up')).toMatchObject({ status: 2 });
  expect(await cli('gift')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/how much\?.*\n.*Usage: farthing gift/),
  });
  expect(await cli('budget', '--mode', 'perhaps')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/auto, ask or never/),
  });
  expect(await cli('history', '--limit', '0')).toMatchObject({ status: 2 });
  expect(await cli('balance', 'extra')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/unexpected argument extra/),
  });
  expect(await json('balance')).toMatchObject({ status: 1, value: { error: { code: 'no-account' } } });
  expect(await cli('--help')).toMatchObject({ status: 0, out: expect.stringMatching(/top-up/) });
  for (const command of ['init', 'top-up', 'pay', 'balance', 'history', 'refund', 'budget', 'recover', 'limits']) {
    expect(await cli(command, '--help')).toMatchObject({ status: 0, out: expect.stringMatching(/--data DIR/) });
  }
  expect(await cli('limits')).toMatchObject({ status: 0, out: expect.stringMatching(/credentialBytes/) });
});

test('the engine agrees with the real broker and the real site to the last micro, and the ledger is clean', async () => {
  const { wallet, close } = await openWallet(data);
  await wallet.init({ brokerUrl: broker.url });
  await wallet.topUp({ amountMicro: 1_000_000n });
  await wallet.setRule(site, { mode: 'auto', perPageMicro: 5000n, perDayMicro: 100_000n });
  let requests = 0;
  const fetch = payingFetch((input, init) => {
    requests++;
    return globalThis.fetch(input, init);
  }, wallet);
  const pages = await Promise.all(
    Array.from({ length: 12 }, (_, i) => fetch(`${site}/article/p${i}`).then((page) => page.text())),
  );
  expect(pages).toEqual(Array.from({ length: 12 }, (_, i) => `article p${i}`));
  requests = 0;
  expect(await (await fetch(`${site}/article/ahead`)).text()).toBe('article ahead');
  expect(requests).toBe(1);
  await wallet.renewExpiring(365 * 86_400_000);
  await wallet.refund();
  const balance = await wallet.balance({ refresh: true });
  expect(balance.totalMicro).toBe(1_000_000n - 13n * 1500n);
  expect(balance.brokers[0]).toMatchObject({ accountMicro: balance.totalMicro, coinsMicro: 0n, heldMicro: 0n });
  expect(await wallet.conservation()).toMatchObject([{ driftMicro: 0n, receivedMicro: 0n, spentMicro: 19_500n }]);
  close();
  await pay.redeemNow();
  const keys = await (await globalThis.fetch(`${broker.url}/v1/keys`)).json();
  expect(auditLedger(join(dir, 'broker', 'ledger.db'), keys.root)).toMatchObject({ ok: true });
});
