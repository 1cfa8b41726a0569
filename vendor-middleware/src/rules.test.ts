// Free quota, prices as functions, Idempotency-Key, CORS, and the header for sites with a login of their own.

import type { Money } from '@farthing/protocol';
import type { Request } from 'express';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buy, challengesOf, credentialFor, problemOf, type TestSite, testSite } from './testing/site.ts';

let site: TestSite;
let runs: number;
beforeEach(async () => {
  site = await testSite();
  runs = 0;
});
afterEach(() => site.close());

const handler = (_req: unknown, res: { send(text: string): void }) => {
  runs++;
  res.send(`run ${runs}`);
};
const price = '0.0015 USD';

test('a free quota is counted by client and period, stays out of shared caches, and then costs', async () => {
  site.app.get(
    '/x',
    site.pay.wall({ price, free: { count: 2, per: 'day', key: (req) => req.get('x-client') ?? '' } }),
    (_req, res) => {
      runs++;
      res.set('Cache-Control', 'public').send('x');
    },
  );
  const visit = (client: string) => fetch(`${site.url}/x`, { headers: { 'x-client': client } });
  const first = await visit('a');
  expect([first.status, first.headers.get('cache-control'), first.headers.has('payment-receipt')]).toEqual([
    200,
    'private',
    false,
  ]);
  expect([(await visit('a')).status, (await visit('a')).status, (await visit('b')).status]).toEqual([200, 402, 200]);
  expect(runs).toBe(3);
});

describe('a price function', () => {
  const faults: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('secret detail');
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret detail'))],
    ['gives nothing', () => undefined],
    ['gives NaN', () => Number.NaN],
    ['gives a number', () => 0.0015],
    ['gives zero', () => '0 USD'],
    ['gives less than nothing', () => ({ amount: -1n, currency: 'usd-micro' })],
    ['gives a zero amount', () => ({ amount: 0n, currency: 'usd-micro' })],
    ['gives too much', () => ({ amount: 10n ** 18n + 1n, currency: 'usd-micro' })],
    ['gives an amount that is no bigint', () => ({ amount: 1500, currency: 'usd-micro' })],
    ['gives a currency nobody knows', () => ({ amount: 1n, currency: 'toString' })],
    ['gives nonsense', () => 'cheap'],
  ];
  test.each(faults)('that %s is 503, never the content, paid or not', async (_name, fault) => {
    let broken = false;
    const pricing = (): string => (broken ? (fault() as string) : price);
    site.app.get('/x', site.pay.wall({ price: pricing }), handler);
    const [challenge] = challengesOf(await fetch(`${site.url}/x`));
    if (!challenge) throw new Error('no challenge');
    const { header } = credentialFor(challenge, site.broker.sell(10_000n)[0], { target: 'GET /x' });
    broken = true;
    for (const headers of [{}, { authorization: header }]) {
      const answer = await fetch(`${site.url}/x`, { headers });
      const text = await answer.text();
      expect([answer.status, JSON.parse(text).code]).toEqual([503, 'site-not-ready']);
      expect(answer.headers.has('retry-after')).toBe(true);
      expect(text).not.toContain('secret detail');
    }
    expect(runs).toBe(0);
    broken = false;
    expect((await fetch(`${site.url}/x`, { headers: { authorization: header } })).status).toBe(200);
  });

  test('may answer later, as money or as text, and by request', async () => {
    const pricing = async (req: Request): Promise<string | Money> =>
      req.params['id'] === 'dear' ? { amount: 2500n, currency: 'usd-micro' } : price;
    site.app.get('/x/:id', site.pay.wall({ price: pricing }), handler);
    expect((await buy(`${site.url}/x/dear`, site.broker.sell(10_000n)[0])).change[0]?.scrip.val).toBe('7500');
    expect((await buy(`${site.url}/x/cheap`, site.broker.sell(10_000n)[0])).change[0]?.scrip.val).toBe('8500');
  });

  test('that hangs is 503 in the end', async () => {
    site.app.get('/x', site.pay.wall({ price: () => new Promise<string>(() => {}) }), handler);
    expect((await fetch(`${site.url}/x`)).status).toBe(503);
    expect(runs).toBe(0);
  });
});

describe('Idempotency-Key', () => {
  const order = (header: string, key: string) =>
    fetch(`${site.url}/order`, { method: 'POST', headers: { authorization: header, 'idempotency-key': key } });
  const credential = async () => {
    const [challenge] = challengesOf(await fetch(`${site.url}/order`, { method: 'POST' }));
    if (!challenge) throw new Error('no challenge');
    return credentialFor(challenge, site.broker.sell(10_000n)[0], { target: 'POST /order' }).header;
  };
  beforeEach(() => {
    site.app.post('/order', site.pay.wall({ price }), handler);
  });

  test('a second payment under the same key charges nothing and runs nothing; the first gets its outcome', async () => {
    const [first, second] = [await credential(), await credential()];
    expect((await order(first, 'key-1')).status).toBe(200);
    const again = await order(second, '"key-1"');
    expect([again.status, await problemOf(again)]).toMatchObject([
      409,
      { code: 'idempotency-reused', consumed: false },
    ]);
    expect((await order(first, 'key-1')).headers.has('payment-receipt')).toBe(true);
    expect((await order(second, 'key-2')).status).toBe(200);
    expect(runs).toBe(2);
  });

  test('two payments under one key at once: one is charged', async () => {
    const headers = await Promise.all(Array.from({ length: 20 }, credential));
    const answers = await Promise.all(headers.map((header) => order(header, 'key')));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(409)]);
    expect(runs).toBe(1);
  });

  test.each(['', 'x'.repeat(256)])('a key that cannot be used is refused, and nothing is charged (%#)', async (key) => {
    const header = await credential();
    const answer = await order(header, key);
    expect([answer.status, (await problemOf(answer))['code']]).toEqual([400, 'request-malformed']);
    expect((await order(header, 'good')).status).toBe(200);
  });
});

test('a site with a login of its own asks for Payment-Authorization, and Authorization stays its own', async () => {
  site.app.get(
    '/x',
    site.pay.wall({ price, header: 'Payment-Authorization' }),
    (req, res) => void res.send(req.get('authorization')),
  );
  const login = { authorization: 'Bearer mine' };
  const { answer, paid } = await buy(`${site.url}/x`, site.broker.sell(10_000n)[0], { headers: login });
  expect(paid.challenge.header).toBe('Payment-Authorization');
  expect([answer.status, await answer.text()]).toEqual([200, 'Bearer mine']);
});

test('the challenge offers every page of a route with one price, and says so only then', async () => {
  site.app.get('/article/:id', site.pay.wall({ price }), handler);
  site.app.get('/by/:id', site.pay.wall({ price: () => price }), handler);
  site.app.get('/odd/*rest', site.pay.wall({ price }), handler);
  const scope = async (path: string) => {
    const [challenge] = challengesOf(await fetch(site.url + path));
    return JSON.parse(Buffer.from(challenge?.opaque ?? '', 'base64url').toString());
  };
  expect(await scope('/article/1')).toMatchObject({ s: 'GET /article/:id', p: '/article/*' });
  expect((await scope('/by/1')).p).toBeUndefined();
  expect((await scope('/odd/1')).p).toBeUndefined();
});

test('the fresh challenge of a paid answer pays the next page of the route on the first request', async () => {
  site.app.get('/article/:id', site.pay.wall({ price }), handler);
  const { answer, change } = await buy(`${site.url}/article/1`, site.broker.sell(10_000n)[0]);
  const [fresh] = challengesOf(answer);
  if (!fresh || !change[0]) throw new Error('no challenge or change');
  const { header } = credentialFor(fresh, change[0], { target: 'GET /article/2' });
  const next = await fetch(`${site.url}/article/2`, { headers: { authorization: header } });
  expect([next.status, runs]).toEqual([200, 2]);
});

test('a paid answer offers the next page by the method that paid, and no other: each costs hundreds of bytes', async () => {
  const both = await testSite({ methods: ['scrip', 'payword'] });
  both.app.get('/call', both.pay.wall({ price, unit: 'call' }), handler);
  const methods = (answer: Response) => challengesOf(answer).map(({ method }) => method);
  expect(methods(await fetch(`${both.url}/call`))).toEqual(['scrip', 'payword']);
  const { answer } = await buy(`${both.url}/call`, both.broker.sell(10_000n)[0]);
  expect([answer.status, methods(answer)]).toEqual([200, ['scrip']]);
  await both.close();
});

test('Accept-Payment is honoured, and a wallet that wants none of the offers still sees them', async () => {
  site.app.get('/x', site.pay.wall({ price }), handler);
  for (const accept of ['scrip/charge', 'ecash', 'scrip;q=0', '!!!', 'x'.repeat(600)]) {
    const answer = await fetch(`${site.url}/x`, { headers: { 'accept-payment': accept } });
    expect([answer.status, challengesOf(answer).length]).toEqual([402, 1]);
  }
});

describe('CORS', () => {
  test('without the option no other origin may read', async () => {
    site.app.get('/x', site.pay.wall({ price }), handler);
    expect((await fetch(`${site.url}/x`)).headers.get('access-control-allow-origin')).toBeNull();
  });

  test('with it every answer is readable, and the preflight allows what wallets send', async () => {
    site.app.use(site.pay.cors());
    site.app.get('/x', site.pay.wall({ price, cors: true }), handler);
    const preflight = await fetch(`${site.url}/x`, {
      method: 'OPTIONS',
      headers: { origin: 'https://a.example', 'access-control-request-method': 'GET' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization');
    const asked = await fetch(`${site.url}/x`, { headers: { origin: 'https://a.example' } });
    expect(asked.headers.get('access-control-allow-origin')).toBe('*');
    expect(asked.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
    expect(asked.headers.has('access-control-allow-credentials')).toBe(false);
    const { answer } = await buy(`${site.url}/x`, site.broker.sell(10_000n)[0]);
    expect(answer.headers.get('access-control-expose-headers')).toContain('Payment-Receipt');
  });

  test('with a list only its origins may read', async () => {
    site.app.get('/x', site.pay.wall({ price, cors: ['https://a.example'] }), handler);
    const from = async (origin: string) =>
      (await fetch(`${site.url}/x`, { headers: { origin } })).headers.get('access-control-allow-origin');
    expect([await from('https://a.example'), await from('https://b.example')]).toEqual(['https://a.example', null]);
  });
});

test("a text function that throws costs the text only, and a site's words carry no direction marks", async () => {
  const words = () => 'Hello\u202eevil\u0000 world';
  site.app.get('/x', site.pay.wall({ price, description: words }), handler);
  site.app.get(
    '/y',
    site.pay.wall({
      price,
      title: () => {
        throw new Error('x');
      },
      teaser: () => 'T',
    }),
    handler,
  );
  const [challenge] = challengesOf(await fetch(`${site.url}/x`));
  const request = JSON.parse(Buffer.from(challenge?.request ?? '', 'base64url').toString());
  expect(request.description).toBe('Hello evil world');
  expect((await fetch(`${site.url}/y`, { headers: { accept: 'text/html' } })).status).toBe(402);
});
