// B5: the same credential many times at once. Exactly one consumption, one run of an unsafe handler, one receipt.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '@farthing/node-kit/testing';
import type { JsonObject } from '@farthing/protocol';
import { afterEach, expect, test } from 'vitest';
import { Payer } from './testing/payer.ts';
import { challengesOf, credentialFor, type TestSite, testSite } from './testing/site.ts';
import { tinyBroker } from './testing/tiny-broker.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Outcome = { status: number; receipt: string | null };

async function fire(urls: readonly string[], init: RequestInit, count: number): Promise<Outcome[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const answer = await fetch(urls[i % urls.length] ?? '', init);
      await answer.arrayBuffer();
      return { status: answer.status, receipt: answer.headers.get('payment-receipt') };
    }),
  );
}

function expectOnePayment(outcomes: readonly Outcome[]): void {
  const receipts = new Set(outcomes.filter(({ receipt }) => receipt !== null).map(({ receipt }) => receipt));
  expect(receipts.size).toBe(1);
  for (const { status, receipt } of outcomes) expect([200, 402]).toContain(receipt ? 200 : status);
}

async function site(): Promise<TestSite> {
  const made = await testSite();
  cleanups.push(() => made.close());
  return made;
}

test('1,000 identical credentials at once in one process: the handler of a POST runs once', async () => {
  const { app, pay, broker, url } = await site();
  let runs = 0;
  app.post('/order', pay.wall({ price: '0.0015 USD' }), (_req, res) => {
    runs++;
    setImmediate(() => res.send('done'));
  });
  const [challenge] = challengesOf(await fetch(`${url}/order`, { method: 'POST' }));
  if (!challenge) throw new Error('no challenge');
  const { header } = credentialFor(challenge, broker.sell(10_000n)[0], { target: 'POST /order' });
  const outcomes = await fire([`${url}/order`], { method: 'POST', headers: { authorization: header } }, 1000);
  expect(runs).toBe(1);
  expectOnePayment(outcomes);
  expect(outcomes.filter(({ status }) => status === 200)).toHaveLength(1000);
  await pay.redeemNow();
  expect(broker.total()).toBe(1500n);
});

test('one piece under many challenges at once pays for one of them', async () => {
  const { app, pay, broker, url } = await site();
  let runs = 0;
  app.get('/page', pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send(`page ${++runs}`));
  const [piece] = broker.sell(10_000n);
  const headers = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const [challenge] = challengesOf(await fetch(`${url}/page`));
      if (!challenge) throw new Error('no challenge');
      return credentialFor(challenge, piece, { target: 'GET /page' }).header;
    }),
  );
  const answers = await Promise.all(
    headers.map((authorization) => fetch(`${url}/page`, { headers: { authorization } })),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(runs).toBe(1);
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    expect(await answer.json()).toMatchObject({ code: 'scrip-spent', consumed: true });
  }
});

const own = async () => undefined;
const onRedis = async () => {
  const server = await startRedis();
  cleanups.push(() => server.stop());
  return server.url;
};

test.each([
  ['SQLite file', own],
  ['Redis', onRedis],
])('1,000 identical credentials over four processes on one %s: one consumption and one run', async (_name, place) => {
  const broker = await tinyBroker();
  cleanups.push(broker.close);
  const data = await mkdtemp(join(tmpdir(), 'farthing-race-'));
  cleanups.push(() => rm(data, { recursive: true, force: true }));
  const url = await place();
  const workers = await Promise.all(Array.from({ length: 4 }, () => startWorker(broker.url, data, { url })));
  expect(broker.licences.size).toBeGreaterThan(0);
  const urls = workers.map(({ port }) => `http://127.0.0.1:${port}`);

  const [challenge] = challengesOf(await fetch(`${urls[0]}/order`, { method: 'POST' }));
  if (!challenge) throw new Error('no challenge');
  const [piece] = broker.sell(10_000n, { kid: [...broker.licences.keys()].at(-1) ?? 'k1' });
  const { header } = credentialFor(challenge, piece, { target: 'POST /order' });
  const init = { method: 'POST', headers: { authorization: header } };
  const outcomes = await fire(
    urls.map((url) => `${url}/order`),
    init,
    1000,
  );
  expectOnePayment(outcomes);
  const runs = await Promise.all(workers.map(({ ask }) => ask('runs')));
  expect(runs.reduce((sum, { runs: own = 0 }) => sum + own, 0)).toBe(1);
  await Promise.all(workers.map(({ ask }) => ask('redeem')));
  expect(broker.total()).toBe(1500n);
});

test('a reservation of a killed process is taken over at once by the repeat of its credential', async () => {
  const broker = await tinyBroker();
  cleanups.push(broker.close);
  const data = await mkdtemp(join(tmpdir(), 'farthing-race-'));
  cleanups.push(() => rm(data, { recursive: true, force: true }));
  const stuck = await startWorker(broker.url, data, { file: 'stuck-worker.ts' });
  const [challenge] = challengesOf(await fetch(`http://127.0.0.1:${stuck.port}/page`));
  if (!challenge) throw new Error('no challenge');
  const { header } = credentialFor(challenge, broker.sell(10_000n)[0], { target: 'GET /page' });
  const first = fetch(`http://127.0.0.1:${stuck.port}/page`, { headers: { authorization: header } }).catch(
    () => undefined,
  );
  await stuck.told('running');
  stuck.child.kill('SIGKILL');
  await once(stuck.child, 'exit');
  await first;
  const next = await startWorker(broker.url, data);
  const answer = await fetch(`http://127.0.0.1:${next.port}/page`, { headers: { authorization: header } });
  expect([answer.status, await answer.text(), answer.headers.has('payment-receipt')]).toEqual([200, 'page', true]);
  await next.ask('redeem');
  expect(broker.total()).toBe(1500n);
});

test('two processes, one session: ticks and streams at once deliver what was paid', async () => {
  const { broker, workers, payer, urls } = await twoProcesses();
  await payer.pay(`${urls[0]}/tick`, POST);
  const payloads: JsonObject[] = [];
  for (let i = 0; i < 60; i++) payloads.push(await payer.next(`${urls[0]}/tick`, POST));
  const ticks = await Promise.all(
    payloads.flatMap((payload) => urls.map((url) => payer.send(`${url}/tick`, payload, POST))),
  );
  expect(ticks.filter(({ answer }) => answer.status === 200)).toHaveLength(120);
  const runs = await Promise.all(workers.map(({ ask }) => ask('runs')));
  expect(runs.reduce((sum, { runs: own = 0 }) => sum + own, 0)).toBe(61);

  const viewers = await Promise.all(urls.map((url) => watch(payer, `${url}/live`, 10)));
  // The companion goes to one process, and wakes the stream of the other too.
  await payer.pay(`${urls[0]}/live`, { method: 'HEAD' }, 10);
  await expect.poll(() => viewers.reduce((sum, { units }) => sum + units, 0), { timeout: 10_000 }).toBe(30);
  await Promise.all(workers.map(({ ask }) => ask('redeem')));
  expect([broker.payword.total(), broker.payword.alarms]).toEqual([61n * 10n + 30n * 10n, []]);
});

test('a process that is killed in the middle of a stream costs its customer nothing, and the site what was on its way', async () => {
  const { broker, workers, payer, urls } = await twoProcesses();
  const viewer = await watch(payer, `${urls[0]}/live`, 200);
  await expect.poll(() => viewer.units).toBeGreaterThan(5);
  workers[0]?.child.kill('SIGKILL');
  await viewer.ended;
  const rest = await watch(payer, `${urls[1]}/live`, 0);
  // 200 words, and the one that opened the second stream; what the dead process held is free when its time is over.
  const paid = async () => (await workers[1]?.ask('redeem')) && broker.payword.total();
  await expect.poll(paid, { timeout: 20_000 }).toBe(2010n);
  // The source of that stream has one unit ready at a time.
  expect([201, 202]).toContain(viewer.units + rest.units);
  expect(broker.payword.alarms).toEqual([]);
}, 40_000);

const POST = { method: 'POST' };

async function twoProcesses() {
  const broker = await tinyBroker();
  cleanups.push(broker.close);
  const data = await mkdtemp(join(tmpdir(), 'farthing-race-'));
  cleanups.push(() => rm(data, { recursive: true, force: true }));
  const workers = [await startWorker(broker.url, data), await startWorker(broker.url, data)];
  const [vnd = ''] = broker.payword.keys.keys();
  const payer = new Payer(broker.payword.prepaid({ vnd, n: 1000, unit: 10n }));
  return { broker, workers, payer, urls: workers.map(({ port }) => `http://127.0.0.1:${port}`) };
}

/** Opens a stream with a word that pays `ahead` units, and counts what comes. */
async function watch(payer: Payer, url: string, ahead: number) {
  payer.forget();
  const { answer } = await payer.pay(url, {}, ahead);
  const seen = { units: 0, need: false, ended: Promise.resolve() };
  const read = async () => {
    for await (const chunk of answer.body ?? []) {
      const text = Buffer.from(chunk).toString();
      seen.units += text.split('data: 1\n').length - 1;
      seen.need ||= text.includes('payment-need-payword');
    }
  };
  seen.ended = read().catch(() => {});
  return seen;
}

type Told = { port?: number; runs?: number; redeemed?: boolean; running?: boolean };

type Worker = { file?: string; url?: string | undefined };

async function startWorker(broker: string, data: string, { file = 'race-worker.ts', url }: Worker = {}) {
  const child: ChildProcess = fork(join(import.meta.dirname, 'testing', file), [broker, data, ...(url ? [url] : [])], {
    execArgv: ['--conditions=farthing-source', '--disable-warning=ExperimentalWarning'],
  });
  cleanups.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const died = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${file} ended with ${code}`)));
  died.catch(() => {});
  const told = async (name: keyof Told): Promise<Told> => {
    for (;;) {
      const [message]: Told[] = await Promise.race([once(child, 'message'), died]);
      if (message && name in message) return message;
    }
  };
  const { port = 0 } = await told('port');
  const ask = (name: 'runs' | 'redeem'): Promise<Told> => {
    const answer = told(name === 'redeem' ? 'redeemed' : name);
    child.send(name);
    return answer;
  };
  return { child, port, told, ask };
}
