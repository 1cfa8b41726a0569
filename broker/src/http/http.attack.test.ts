import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Bench, Person } from '../testing/client.ts';

const bench = new Bench();
beforeAll(() => bench.start());
afterAll(() => bench[Symbol.asyncDispose]());

const good = () => JSON.stringify(new Person(bench).order('faucet/1', { amount: '5', cur: 'usd-micro' }));

async function code(body: string, headers: Record<string, string> = {}): Promise<string> {
  const reply = await bench.post('/v1/faucet', body, headers);
  expect(reply.headers.get('content-type')).toMatch(reply.status === 200 ? /^application\/json/ : /problem\+json/);
  return `${reply.status} ${reply.body['code'] ?? 'accepted'}`;
}

describe('a body that is not one strict JSON object is refused', () => {
  test('the same order as it should be is accepted', async () => {
    expect(await code(good())).toBe('200 accepted');
    expect(await code(good(), { 'content-type': 'application/json; charset=utf-8' })).toBe('200 accepted');
  });
  test('a member twice', async () => {
    expect(await code(good().replace('{', '{"amount":"6",'))).toBe('400 request-malformed');
  });
  test('a member that nobody knows', async () => {
    expect(await code(good().replace('{', '{"extra":1,'))).toBe('400 request-malformed');
  });
  test('nesting without end', async () => {
    expect(await code(`${'['.repeat(30_000)}${']'.repeat(30_000)}`)).toBe('400 request-malformed');
    expect(await code(good().replace('"5"', '[[[[[[[[["5"]]]]]]]]]'))).toBe('400 request-malformed');
  });
  test('arrays, texts, null, nothing, bytes that are not UTF-8', async () => {
    for (const body of ['[]', '"x"', 'null', '', '{', 'nonsense'])
      expect(await code(body)).toBe('400 request-malformed');
    const response = await fetch(`${bench.url}/v1/faucet`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Uint8Array([0x7b, 0xff, 0x7d]),
    });
    expect(response.status).toBe(400);
  });
  test('a prototype in disguise', async () => {
    expect(await code(good().replace('{', '{"__proto__":{"a":1},'))).toBe('400 request-malformed');
  });
  test('amounts that are negative, zero, huge, fractional, numbers or spelled otherwise', async () => {
    for (const amount of ['-5', '0', '05', '1e3', '5.0', ' 5', '1000000000000000001', '9'.repeat(40), '']) {
      const order = new Person(bench).order('faucet/1', { amount, cur: 'usd-micro' });
      expect(await code(JSON.stringify(order)), amount).toBe('400 request-malformed');
    }
    expect(await code(good().replace('"5"', '5'))).toBe('400 request-malformed');
  });
});

describe('what is too large or of another type is refused before it is read', () => {
  test('a body of more than 65,536 bytes', async () => {
    expect(await code('x'.repeat(65_537))).toBe('413 body-too-large');
  });
  test('a body without end, sent in chunks', async () => {
    const status = await new Promise<number | undefined>((resolve) => {
      const sent = request(`${bench.url}/v1/faucet`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      });
      sent.on('response', (response) => resolve(response.statusCode));
      sent.on('error', () => resolve(undefined));
      for (let i = 0; i < 20; i++) sent.write('x'.repeat(8_192));
    });
    expect(status).toBe(413);
  });
  test('forms, plain text, no type, compressed bodies', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', '']) {
      expect(await code(good(), { 'content-type': type })).toBe('415 type-unsupported');
    }
    expect(await code(good(), { 'content-encoding': 'gzip' })).toBe('415 type-unsupported');
  });
});

describe('paths', () => {
  test('other spellings of a path are not found, other methods not allowed', async () => {
    for (const path of ['/v1/Faucet', '/v1/faucet/', '//v1/faucet', '/v1', '/', '/v1/%E0%A4%A']) {
      const { status, headers } = await fetch(bench.url + path, { method: 'POST' });
      expect([400, 404], path).toContain(status);
      expect(headers.get('content-type')).toContain('problem+json');
    }
    const wrong = await fetch(`${bench.url}/v1/faucet`);
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
  });
  test('a site that is not registered is not vouched for', async () => {
    for (const vnd of ['nobody.example', 'UPPER', '%00', 'x'.repeat(65)]) {
      expect((await fetch(`${bench.url}/v1/vendors/${vnd}`)).status, vnd).toBe(404);
    }
  });
});

test('any page may call, none gets credentials, nothing is cached or tells what runs here', async () => {
  const preflight = await fetch(`${bench.url}/v1/faucet`, {
    method: 'OPTIONS',
    headers: { origin: 'https://page.example', 'access-control-request-method': 'POST' },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
  expect(preflight.headers.get('access-control-allow-headers')).toBe('Content-Type, Farthing-Order');
  expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
  const { headers } = await fetch(`${bench.url}/v1/keys`);
  expect(headers.get('x-powered-by')).toBeNull();
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('access-control-allow-origin')).toBe('*');
});

test('garbage instead of HTTP closes the connection and harms nobody', async () => {
  const { port, hostname } = new URL(bench.url);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write('\u0000\u0001 garbage\r\n\r\n'));
    socket.on('close', () => resolve());
    socket.resume();
  });
  expect((await fetch(`${bench.url}/health`)).status).toBe(200);
});

test('nothing of an order is ever logged', () => {
  expect(bench.log).toEqual([]);
});
