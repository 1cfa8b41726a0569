import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { RequestHandler } from 'express';
import { afterEach, describe, expect, test } from 'vitest';
import { buy, challengesOf, credentialFor, problemOf, type TestSite, testSite } from './testing/site.ts';

async function call(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  const message = Promise.withResolvers<IncomingMessage>();
  request(url, { headers }, message.resolve).on('error', message.reject).end();
  return (await message.promise).resume();
}

let site: TestSite;
afterEach(() => site.close());

const price = '0.0015 USD';

describe.each([5, 4] as const)('on Express %i', (express) => {
  const file = () => join(site.data, 'page.txt');
  const ways: [string, number, string, RequestHandler][] = [
    ['json', 200, '{"a":1}', (_req, res) => void res.json({ a: 1 })],
    ['send', 200, 'text', (_req, res) => void res.send('text')],
    ['end', 200, 'end', (_req, res) => void res.end('end')],
    [
      'write and end',
      200,
      'onetwo',
      (_req, res) => {
        res.write('one');
        res.end('two');
      },
    ],
    ['writeHead', 201, 'made', (_req, res) => void res.writeHead(201, { 'x-a': '1' }).end('made')],
    ['a stream', 200, 'piped', (_req, res) => void Readable.from(['pi', 'ped']).pipe(res)],
    ['sendFile', 200, 'file', (_req, res) => res.sendFile(file())],
    ['a redirect', 302, 'Found. Redirecting to /elsewhere', (_req, res) => res.redirect('/elsewhere')],
    ['an empty answer', 204, '', (_req, res) => void res.status(204).end()],
    ['a later answer', 200, 'later', (_req, res) => void setImmediate(() => res.send('later'))],
  ];

  test.each(ways)('%s carries the receipt, once, and stays private', async (_name, status, text, handler) => {
    site = await testSite({ express });
    await writeFile(file(), 'file');
    site.app.get('/x', site.pay.wall({ price }), (_req, res, next) => {
      res.set('Cache-Control', 'public, max-age=60, s-maxage=9').vary('X-Own');
      handler(_req, res, next);
    });
    const { answer, receipt, change } = await buy(`${site.url}/x`, site.broker.sell(10_000n)[0]);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toBe(text);
    expect(receipt?.status).toBe('success');
    expect(change).toHaveLength(1);
    expect(answer.headers.get('cache-control')).toMatch(/^private(, |$)(?!.*(public|s-maxage))/);
    expect(answer.headers.get('vary')).toContain('X-Own');
    expect(answer.headers.get('vary')).toContain('Payment-Authorization');
    expect(challengesOf(answer)).toHaveLength(1);
  });

  test('parts of a file and unchanged files need the credential too, and cost nothing more', async () => {
    site = await testSite({ express });
    await writeFile(file(), '0123456789');
    site.app.get('/x', site.pay.wall({ price }), (_req, res) => res.sendFile(file()));
    const { answer, paid } = await buy(`${site.url}/x`, site.broker.sell(10_000n)[0], {
      headers: { range: 'bytes=0-4' },
    });
    expect([answer.status, await answer.text()]).toEqual([206, '01234']);
    const again = (headers: Record<string, string>) =>
      fetch(`${site.url}/x`, { headers: { authorization: paid.header, ...headers } });
    const second = await again({ range: 'bytes=5-' });
    expect([second.status, await second.text()]).toEqual([206, '56789']);
    const etag = second.headers.get('etag') ?? '';
    // `fetch` would add `Cache-Control: no-cache` to a conditional request.
    const third = await call(`${site.url}/x`, { authorization: paid.header, 'if-none-match': etag });
    expect([third.statusCode, third.headers['payment-receipt']]).toEqual([304, answer.headers.get('payment-receipt')]);
    expect((await call(`${site.url}/x`, { 'if-none-match': etag })).statusCode).toBe(402);
    expect((await call(`${site.url}/x`, { range: 'bytes=5-' })).statusCode).toBe(402);
    await site.pay.redeemNow();
    expect(site.broker.total()).toBe(1500n);
  });

  const failures: [string, number, RequestHandler][] = [
    ['answers 404', 404, (_req, res) => void res.status(404).send('none')],
    ['answers 500', 500, (_req, res) => void res.writeHead(500).end()],
    [
      'throws',
      500,
      () => {
        throw new Error('broken');
      },
    ],
    ['passes an error', 500, (_req, _res, next) => next(new Error('broken'))],
    ['passes on to no route', 404, (_req, _res, next) => next()],
  ];

  test.each(failures)(
    'a handler that %s releases the money: the same piece pays the next time',
    async (_name, status, handler) => {
      site = await testSite({ express });
      let broken = true;
      site.app.get('/x', site.pay.wall({ price }), (req, res, next) =>
        broken ? handler(req, res, next) : res.send('ok'),
      );
      site.app.use(
        ((_error, _req, res, _next) => void res.status(500).end()) satisfies import('express').ErrorRequestHandler,
      );
      const [piece] = site.broker.sell(10_000n);
      const { answer, receipt, paid } = await buy(`${site.url}/x`, piece);
      expect([answer.status, receipt]).toEqual([status, undefined]);
      await site.pay.redeemNow();
      expect(site.broker.total()).toBe(0n);
      broken = false;
      // The same credential is good again; and so is the piece under another challenge.
      const again = await fetch(`${site.url}/x`, { headers: { authorization: paid.header } });
      expect([again.status, again.headers.has('payment-receipt')]).toEqual([200, true]);
    },
  );
});

test('a hang-up before the first byte releases the money; after it the payment stands', async () => {
  site = await testSite();
  const started = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  let mode: 'silent' | 'first byte' | 'ok' = 'silent';
  site.app.get('/x', site.pay.wall({ price }), (_req, res) => {
    if (mode === 'ok') return void res.send('ok');
    if (mode === 'first byte') res.write('first');
    res.once('close', () => closed.resolve());
    started.resolve();
  });
  const url = `${site.url}/x`;
  const [piece] = site.broker.sell(10_000n);
  const [challenge] = challengesOf(await fetch(url));
  if (!challenge) throw new Error('no challenge');
  const { header } = credentialFor(challenge, piece, { target: 'GET /x' });
  const call = request(url, { headers: { authorization: header } });
  call.on('error', () => {}).end();
  await started.promise;
  call.destroy();
  await closed.promise;
  mode = 'ok';
  const again = await fetch(url, { headers: { authorization: header } });
  expect([again.status, await again.text()]).toEqual([200, 'ok']);
  expect(again.headers.has('payment-receipt')).toBe(true);
});

test('a hang-up after the first byte does not give the money back, and the same credential reads the page again', async () => {
  site = await testSite();
  const closed = Promise.withResolvers<void>();
  let first = true;
  site.app.get('/x', site.pay.wall({ price }), (_req, res) => {
    if (!first) return void res.send('whole');
    first = false;
    res.write('first');
    res.once('close', () => closed.resolve());
  });
  const url = `${site.url}/x`;
  const [challenge] = challengesOf(await fetch(url));
  if (!challenge) throw new Error('no challenge');
  const { header } = credentialFor(challenge, site.broker.sell(10_000n)[0], { target: 'GET /x' });
  const call = request(url, { headers: { authorization: header } });
  call.on('error', () => {}).end();
  const [message] = await once(call, 'response');
  const receipt = message.headers['payment-receipt'];
  call.destroy();
  await closed.promise;
  const again = await fetch(url, { headers: { authorization: header } });
  expect(await again.text()).toBe('whole');
  expect(again.headers.get('payment-receipt')).toBe(receipt);
  await site.pay.redeemNow();
  expect(site.broker.total()).toBe(1500n);
});

test('with settle upfront the payment stands although the handler fails, and a repeat gets the receipt', async () => {
  site = await testSite();
  let runs = 0;
  site.app.post('/x', site.pay.wall({ price, settle: 'upfront' }), (_req, res) => {
    runs++;
    res.status(500).send('broken');
  });
  const { answer, receipt, paid } = await buy(`${site.url}/x`, site.broker.sell(10_000n)[0], { method: 'POST' });
  expect([answer.status, receipt]).toEqual([500, undefined]);
  const again = await fetch(`${site.url}/x`, { method: 'POST', headers: { authorization: paid.header } });
  expect([again.status, again.headers.has('payment-receipt'), runs]).toEqual([200, true, 1]);
  await site.pay.redeemNow();
  expect(site.broker.total()).toBe(1500n);
});

test('a repeat of a paid POST gets the same receipt and a note, and the handler runs once', async () => {
  site = await testSite();
  let runs = 0;
  site.app.post('/x', site.pay.wall({ price }), (_req, res) => void res.send(`run ${++runs}`));
  const { answer, paid } = await buy(`${site.url}/x`, site.broker.sell(10_000n)[0], { method: 'POST' });
  expect(await answer.text()).toBe('run 1');
  const again = await fetch(`${site.url}/x`, { method: 'POST', headers: { authorization: paid.header } });
  expect(again.headers.get('payment-receipt')).toBe(answer.headers.get('payment-receipt'));
  expect(await problemOf(again)).toMatchObject({ status: 'paid' });
  expect(runs).toBe(1);
});

test('a request body is bound by its digest and reaches the body parser untouched', async () => {
  site = await testSite();
  const { json } = site.express;
  site.app.post('/x', site.pay.wall({ price }), json(), (req, res) => void res.json({ got: req.body }));
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'x'.repeat(5000) }),
  };
  const { answer, paid } = await buy(`${site.url}/x`, site.broker.sell(10_000n)[0], init);
  expect(paid.challenge.digest).toMatch(/^sha-256=:/);
  expect(await answer.json()).toEqual({ got: { text: 'x'.repeat(5000) } });
});

test('a credential for one body does not pay for another', async () => {
  site = await testSite();
  let runs = 0;
  site.app.post('/x', site.pay.wall({ price }), (_req, res) => void res.send(`run ${++runs}`));
  const url = `${site.url}/x`;
  const [challenge] = challengesOf(await fetch(url, { method: 'POST', body: 'one' }));
  if (!challenge?.digest) throw new Error('no digest');
  const { header } = credentialFor(challenge, site.broker.sell(10_000n)[0], {
    target: 'POST /x',
    digest: challenge.digest,
  });
  const other = await fetch(url, { method: 'POST', body: 'two', headers: { authorization: header } });
  expect(await problemOf(other)).toMatchObject({ code: 'digest-mismatch', consumed: false });
  const none = await fetch(url, { method: 'POST', headers: { authorization: header } });
  expect(await problemOf(none)).toMatchObject({ code: 'digest-mismatch' });
  expect(runs).toBe(0);
  const good = await fetch(url, { method: 'POST', body: 'one', headers: { authorization: header } });
  expect([good.status, runs]).toEqual([200, 1]);
});
