import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeEnv } from '@farthing/node-kit';
import { LOOPBACK } from '@farthing/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FarthingOptions, farthing, memory, SetupError } from './index.ts';
import { buy, challengesOf, credentialFor, problemOf, testSite } from './testing/site.ts';
import { type TinyBroker, tinyBroker } from './testing/tiny-broker.ts';

let broker: TinyBroker;
let data: string;
const cleanups: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  broker = await tinyBroker();
  data = await mkdtemp(join(tmpdir(), 'farthing-data-'));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await broker.close();
  await rm(data, { recursive: true, force: true });
});

const quiet = { log: () => {} };
const start = async (options: Partial<FarthingOptions> = {}) => {
  const pay = await farthing({ broker: broker.url, data, ...quiet, ...options });
  cleanups.push(() => pay.close());
  return pay;
};
const codeOf = async (options: Partial<FarthingOptions>): Promise<string> => {
  try {
    await start(options);
    return 'fine';
  } catch (error) {
    if (error instanceof SetupError) return error.code;
    throw error;
  }
};

test('the first start registers the site and grants a licence; the next ones find both', async () => {
  const first = await start();
  expect(first.vnd).toMatch(/^site-[a-z2-7]{8}$/);
  expect(broker.vendors.get(first.vnd)).toMatchObject({ origins: [LOOPBACK] });
  expect([...broker.licences.keys()]).toEqual(['k1']);
  const second = await start();
  expect(second.vnd).toBe(first.vnd);
  expect([...broker.licences.keys()]).toEqual(['k1']);
});

test('keys and database are closed to other users, and open ones are refused', async () => {
  await start();
  for (const name of await readdir(join(data, 'keys')))
    expect((await stat(join(data, 'keys', name))).mode & 0o077).toBe(0);
  await chmod(join(data, 'keys', 'vendor.secret'), 0o644);
  await expect(start()).rejects.toThrow(/chmod 600/);
});

test('the name is the host of the public origin, or what the owner says', async () => {
  expect((await start({ origin: 'https://News.Example' })).vnd).toBe('news.example');
  expect((await start({ origin: 'http://localhost:3000' })).vnd).toMatch(/^site-/);
  expect((await start({ vnd: 'my-site' })).vnd).toBe('my-site');
});

test.each<[Partial<FarthingOptions>, string]>([
  [{ origin: 'http://news.example' }, 'origin-insecure'],
  [{ origin: 'news.example' }, 'option-invalid'],
  [{ broker: 'http://broker.example' }, 'broker-insecure'],
  [{ broker: 'nonsense' }, 'option-invalid'],
  [{ broker: [] }, 'option-invalid'],
  [{ broker: 'http://127.0.0.1:1' }, 'broker-unreachable'],
  [{ data: '/dev/null/site' }, 'data-unwritable'],
  [{ secret: '' }, 'secret-missing'],
  [{ secret: 'x'.repeat(64) }, 'secret-weak'],
  [{ api: 'farthing' }, 'option-invalid'],
  [{ licence: { ceiling: 'lots' } }, 'option-invalid'],
  [{ reservationMs: 0 }, 'option-invalid'],
])('a site with %j does not start: %s', async (options, code) => {
  expect(await codeOf(options)).toBe(code);
});

test('a broker with real money needs a public origin', async () => {
  const real = await tinyBroker({ test: false });
  cleanups.push(real.close);
  expect(await codeOf({ broker: real.url })).toBe('origin-missing');
  expect(await codeOf({ broker: real.url, origin: 'https://news.example' })).toBe('fine');
});

test('a broker that is not the one of the last start is refused', async () => {
  await start();
  const port = Number(new URL(broker.url).port);
  await broker.close();
  const other = await tinyBroker();
  cleanups.push(other.close);
  // Another broker under the old address: what a hijacked name would look like.
  const { createServer } = await import('node:http');
  const relay = createServer(async (req, res) => res.end(await (await fetch(other.url + req.url)).text()));
  await new Promise<void>((resolve) => relay.listen(port, '127.0.0.1', resolve));
  cleanups.push(async () => relay.close());
  expect(await codeOf({})).toBe('broker-refused');
});

test('with a licence the site starts and sells although the broker is away, and claims wait for it', async () => {
  const site = await testSite({ on: broker, data, ...quiet });
  const [one, two] = broker.sell(10_000n, { count: 2 });
  await site.close();
  broker.mood.now = 'away';
  const again = await testSite({ on: broker, data });
  cleanups.push(() => again.close());
  expect(again.pay.problems.map(({ code }) => code)).toContain('broker-unreachable');
  again.app.get('/x', again.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send('x'));
  expect((await buy(`${again.url}/x`, one)).answer.status).toBe(200);
  await expect(again.pay.redeemNow()).rejects.toThrow(/broker-unreachable/);
  broker.mood.now = 'well';
  expect((await buy(`${again.url}/x`, two)).answer.status).toBe(200);
  await again.pay.redeemNow();
  expect(broker.total()).toBe(3000n);
});

test('after a restart everything goes on: the repeat, the change and the claims', async () => {
  const open = async () => {
    const site = await testSite({ on: broker, data, ...quiet });
    let runs = 0;
    site.app.get('/x', site.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send(`run ${++runs}`));
    return site;
  };
  const first = await open();
  const { answer, paid, change } = await buy(`${first.url}/x`, broker.sell(10_000n)[0]);
  await first.close();
  const second = await open();
  cleanups.push(() => second.close());
  const again = await fetch(`${second.url}/x`, { headers: { authorization: paid.header } });
  expect(again.headers.get('payment-receipt')).toBe(answer.headers.get('payment-receipt'));
  expect((await buy(`${second.url}/x`, change[0])).change[0]?.scrip.val).toBe('7000');
  await second.pay.redeemNow();
  expect(broker.total()).toBe(3000n);
  const { length } = broker.batches;
  await second.pay.redeemNow();
  expect(broker.batches).toHaveLength(length);
});

test('on rotation the older secret still verifies; a secret that is gone does not', async () => {
  const [old, young] = [randomBytes(32), randomBytes(32)];
  const open = async (secret: Uint8Array[]) => {
    const site = await testSite({ on: broker, data, secret, ...quiet });
    site.app.get('/x', site.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send('x'));
    return site;
  };
  const first = await open([old]);
  const [a, b] = await Promise.all([fetch(`${first.url}/x`), fetch(`${first.url}/x`)]);
  const [one, two] = broker.sell(10_000n, { count: 2 });
  const [challengeA, challengeB] = [challengesOf(a)[0], challengesOf(b)[0]];
  if (!challengeA || !challengeB) throw new Error('no challenge');
  const headers = [
    credentialFor(challengeA, one, { target: 'GET /x' }).header,
    credentialFor(challengeB, two, { target: 'GET /x' }).header,
  ];
  await first.close();
  const second = await open([young, old]);
  expect((await fetch(`${second.url}/x`, { headers: { authorization: headers[0] ?? '' } })).status).toBe(200);
  await second.close();
  const third = await open([young]);
  cleanups.push(() => third.close());
  const late = await fetch(`${third.url}/x`, { headers: { authorization: headers[1] ?? '' } });
  expect(await problemOf(late)).toMatchObject({ code: 'challenge-mismatch', consumed: false });
  // What was paid under the old secret can be had again all the same.
  expect((await fetch(`${third.url}/x`, { headers: { authorization: headers[0] ?? '' } })).status).toBe(200);
});

test('what was consumed in time is delivered again after the challenge and the scrip have expired', async () => {
  let shiftMs = 0;
  const env = () => ({ ...nodeEnv(), nowMs: Date.now() + shiftMs });
  const site = await testSite({ on: broker, store: memory(), env, ...quiet });
  cleanups.push(() => site.close());
  let price = '0.0015 USD';
  site.app.get('/x', site.pay.wall({ price: () => price }), (_req, res) => void res.send('x'));
  const { answer, paid } = await buy(`${site.url}/x`, broker.sell(10_000n)[0]);
  const fresh = challengesOf(answer)[0];
  if (!fresh) throw new Error('no challenge');
  const late = credentialFor(fresh, broker.sell(10_000n)[0], { target: 'GET /x' }).header;
  const repeat = () => fetch(`${site.url}/x`, { headers: { authorization: paid.header } });
  price = '9 USD';
  expect((await repeat()).status).toBe(200);
  shiftMs = 2 * 86_400_000 - 60_000;
  const again = await repeat();
  expect(again.headers.get('payment-receipt')).toBe(answer.headers.get('payment-receipt'));
  const expired = await fetch(`${site.url}/x`, { headers: { authorization: late } });
  expect(await problemOf(expired)).toMatchObject({ code: 'challenge-expired', consumed: false });
});

test.each(['0.000001', '9007199254.740993', '1000000000'])('a price of %s USD survives every layer', async (amount) => {
  const site = await testSite({
    on: broker,
    data,
    licence: { ceiling: '900000000000', maxVal: '900000000000' },
    ...quiet,
  });
  cleanups.push(() => site.close());
  site.app.get('/x', site.pay.wall({ price: `${amount} USD` }), (_req, res) => void res.send('x'));
  const micro = BigInt(amount.replace('.', '').padEnd(amount.includes('.') ? 0 : amount.length + 6, '0'));
  const { answer, change } = await buy(`${site.url}/x`, broker.sell(micro + 1n)[0]);
  expect([answer.status, change[0]?.scrip.val]).toEqual([200, '1']);
  await site.pay.redeemNow();
  expect(broker.total()).toBe(micro);
});

test('a fixed price in a currency that the broker does not carry is reported, and is never the content', async () => {
  const site = await testSite({ on: broker, data, ...quiet });
  cleanups.push(() => site.close());
  site.app.get('/x', site.pay.wall({ price: '1 EUR' }), (_req, res) => void res.send('x'));
  expect(site.pay.problems.map(({ code }) => code)).toContain('currency-unlicensed');
  const answer = await fetch(`${site.url}/x`);
  expect([answer.status, (await problemOf(answer))['code']]).toEqual([503, 'site-not-ready']);
});

test('the first 402 reports that routes() is not mounted, once; mounted elsewhere is reported too', async () => {
  const site = await testSite({ on: broker, data, ...quiet });
  cleanups.push(() => site.close());
  site.app.get('/x', site.pay.wall({ price: '1 USD' }), (_req, res) => void res.send('x'));
  await fetch(`${site.url}/x`);
  await fetch(`${site.url}/x`);
  expect(site.pay.problems.map(({ code }) => code)).toEqual(['routes-unmounted']);
  site.app.use('/elsewhere', site.pay.routes());
  await fetch(`${site.url}/elsewhere`);
  expect(site.pay.problems.at(-1)).toMatchObject({ code: 'routes-elsewhere' });
});

test('a broker that makes no coins is told of, and the other methods sell', async () => {
  const site = await testSite({ on: broker, methods: ['scrip', 'ecash'] });
  cleanups.push(() => site.close());
  site.app.get('/a', site.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send('a'));
  expect(site.pay.problems.map(({ code }) => code)).toEqual(['coin-keysets']);
  const asked = await fetch(`${site.url}/a`);
  expect(challengesOf(asked).map(({ method }) => method)).toEqual(['scrip']);
});
