// A11, B10, E: whatever is changed in a good credential is refused with the right problem, and nothing is consumed.
// Oracle: the rows of the store before and after.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Challenge, printCredential, toBase64url, utf8 } from '@farthing/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rawRequest } from './testing/raw.ts';
import { challengesOf, credentialFor, problemOf, type TestSite, testSite } from './testing/site.ts';

let site: TestSite;
let runs = 0;
beforeEach(async () => {
  runs = 0;
  site = await testSite();
  const handler = (_req: unknown, res: { send(text: string): void }) => {
    runs++;
    res.send('content');
  };
  site.app.get('/a/:id', site.pay.wall({ price: '0.0015 USD' }), handler);
  site.app.post('/a/:id', site.pay.wall({ price: '0.0015 USD' }), handler);
  site.app.get('/b/:id', site.pay.wall({ price: '0.0015 USD' }), handler);
  site.app.get('/dear/:id', site.pay.wall({ price: '0.0025 USD' }), handler);
});
afterEach(() => site.close());

const ask = async (path: string, on: TestSite = site): Promise<Challenge> => {
  const [challenge] = challengesOf(await fetch(`${on.url}${path}`));
  if (!challenge) throw new Error('no challenge');
  return challenge;
};

const pay = (path: string, authorization: string, init: RequestInit = {}) =>
  fetch(`${site.url}${path}`, { ...init, headers: { authorization } });

/** Everything that a payment could have changed. */
function rows(): string {
  const db = new DatabaseSync(join(site.data, 'vendor.db'), { readOnly: true, readBigInts: true });
  const all = ['log', 'payments', 'tallies', 'claims'].map((table) => db.prepare(`SELECT * FROM ${table}`).all());
  db.close();
  return JSON.stringify(all, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
}

const EMPTY = '[[],[],[],[]]';

test('any bit of a credential flipped: never served, never consumed, never a fault of ours', async () => {
  const [piece] = site.broker.sell(10_000n);
  const { credential } = credentialFor(await ask('/a/1'), piece, { target: 'GET /a/1' });
  const text = JSON.stringify(credential);
  const bytes = utf8(text);
  const seen = new Map<string, number>();
  const positions = Array.from({ length: bytes.length * 8 }, (_, bit) => bit);
  for (let from = 0; from < positions.length; from += 500) {
    await Promise.all(
      positions.slice(from, from + 500).map(async (bit) => {
        const flipped = bytes.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const answer = await pay('/a/1', `Payment ${toBase64url(flipped)}`);
        const { code, consumed } = await problemOf(answer);
        expect([bit, answer.status, consumed]).toEqual([bit, code === 'method-unsupported' ? 400 : 402, false]);
        seen.set(String(code), (seen.get(String(code)) ?? 0) + 1);
      }),
    );
  }
  expect([...seen.keys()].sort()).toEqual([
    'challenge-mismatch',
    'credential-malformed',
    'payload-invalid',
    'scrip-expired',
    'scrip-foreign',
    'scrip-forged',
  ]);
  expect([runs, rows()]).toEqual([0, EMPTY]);
  // The credential itself is still good.
  expect((await pay('/a/1', printCredential(credential))).status).toBe(200);
});

test('any character of the base64url blob changed: never served, never consumed', async () => {
  const [piece] = site.broker.sell(10_000n);
  const { header } = credentialFor(await ask('/a/1'), piece, { target: 'GET /a/1' });
  const letters = Array.from({ length: header.length - 8 }, (_, i) => i + 8);
  const answers = await Promise.all(
    letters.map((at) => {
      const other = header[at] === 'A' ? 'B' : 'A';
      return pay('/a/1', header.slice(0, at) + other + header.slice(at + 1));
    }),
  );
  expect(answers.filter(({ status }) => status !== 402 && status !== 400)).toEqual([]);
  expect([runs, rows()]).toEqual([0, EMPTY]);
});

test('a credential for another route, method, path, query or price is refused, and the piece stays good', async () => {
  const [piece] = site.broker.sell(10_000n);
  const good = credentialFor(await ask('/a/1'), piece, { target: 'GET /a/1' });
  const elsewhere: [string, RequestInit, string][] = [
    ['/b/1', {}, 'challenge-mismatch'],
    ['/dear/1', {}, 'challenge-mismatch'],
    ['/a/1', { method: 'POST' }, 'challenge-mismatch'],
    ['/a/1', { method: 'HEAD' }, ''],
    ['/a/2', {}, 'scrip-forged'],
    ['/a/1?x=1', {}, 'scrip-forged'],
    ['/A/1', {}, 'scrip-forged'],
  ];
  for (const [path, init, code] of elsewhere) {
    const answer = await pay(path, good.header, init);
    expect([path, answer.status]).toEqual([path, 402]);
    if (code) expect(await problemOf(answer)).toMatchObject({ code, consumed: false });
  }
  const cheap = credentialFor(await ask('/a/1'), piece, { target: 'GET /dear/1' });
  expect(await problemOf(await pay('/dear/1', cheap.header))).toMatchObject({ code: 'challenge-mismatch' });
  expect([runs, rows()]).toEqual([0, EMPTY]);
  expect((await pay('/a/1', good.header)).status).toBe(200);
});

test("any field exchanged for another challenge's, route's, site's or price's is refused", async () => {
  const other = await testSite();
  try {
    other.app.get('/a/:id', other.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send('x'));
    const [piece] = site.broker.sell(10_000n);
    const [foreignPiece] = other.broker.sell(10_000n);
    const mine = await ask('/a/1');
    const strangers = [await ask('/b/1'), await ask('/dear/1'), await ask('/a/1', other), await ask('/a/1')];
    for (const stranger of strangers) {
      for (const name of ['id', 'realm', 'request', 'opaque', 'expires'] as const) {
        if (stranger[name] === mine[name]) continue;
        const { header } = credentialFor({ ...mine, [name]: stranger[name] ?? '' }, piece, { target: 'GET /a/1' });
        expect(await problemOf(await pay('/a/1', header))).toMatchObject({
          code: 'challenge-mismatch',
          consumed: false,
        });
      }
    }
    const late = { ...mine, expires: '2099-01-01T00:00:00Z' };
    const { header } = credentialFor(late, piece, { target: 'GET /a/1' });
    expect(await problemOf(await pay('/a/1', header))).toMatchObject({ code: 'challenge-mismatch' });
    const foreign = credentialFor(await ask('/a/1'), foreignPiece, { target: 'GET /a/1' });
    expect(await problemOf(await pay('/a/1', foreign.header))).toMatchObject({ code: 'scrip-foreign' });
    const { credential } = credentialFor(mine, piece, { target: 'GET /a/1' });
    for (const challenge of [
      { ...mine, method: 'payword' },
      { ...mine, intent: 'session' },
      { ...mine, header: 'Payment-Authorization' as const },
      { ...mine, digest: 'sha-256=:AAAA:' },
    ]) {
      expect(await problemOf(await pay('/a/1', printCredential({ ...credential, challenge })))).toMatchObject({
        code: 'challenge-mismatch',
      });
    }
  } finally {
    await other.close();
  }
  expect([runs, rows()]).toEqual([0, EMPTY]);
});

test('a used challenge pays nothing else, and a spent piece pays nothing more', async () => {
  const [first, second] = site.broker.sell(10_000n, { count: 2 });
  const challenge = await ask('/a/1');
  const paid = credentialFor(challenge, first, { target: 'GET /a/1' });
  expect((await pay('/a/1', paid.header)).status).toBe(200);
  // The repeat waits for the verdict of the first in the store's queue.
  expect((await pay('/a/1', paid.header)).status).toBe(200);
  const before = rows();
  const reuse = credentialFor(challenge, second, { target: 'GET /a/1' });
  expect(await problemOf(await pay('/a/1', reuse.header))).toMatchObject({ code: 'challenge-reused', consumed: false });
  const moved = await pay('/a/2', paid.header);
  expect(await problemOf(moved)).toMatchObject({ code: 'challenge-reused', consumed: true });
  const spent = credentialFor(await ask('/a/1'), first, { target: 'GET /a/1' });
  expect(await problemOf(await pay('/a/1', spent.header))).toMatchObject({ code: 'scrip-spent', consumed: true });
  expect([runs, rows()]).toEqual([2, before]);
});

test('other spellings of one credential are one credential', async () => {
  const [piece] = site.broker.sell(10_000n);
  const { credential, header } = credentialFor(await ask('/a/1'), piece, { target: 'GET /a/1' });
  for (let i = 0; i < 2; i++) expect((await pay('/a/1', header)).status).toBe(200);
  const before = rows();
  const { challenge, payload } = credential;
  const reordered = `Payment ${toBase64url(utf8(JSON.stringify({ payload, challenge: Object.fromEntries(Object.entries(challenge).reverse()) }, null, 1)))}`;
  for (const spelling of [`payment ${header.slice(8)}`, `PAYMENT   ${header.slice(8)}==`, reordered]) {
    const answer = await pay('/a/1', spelling);
    expect([answer.status, answer.headers.has('payment-receipt')]).toEqual([200, true]);
  }
  expect(rows()).toBe(before);
});

test('two credentials, in one line or in two, in one header or in both, are 400', async () => {
  const [piece] = site.broker.sell(10_000n);
  const { header } = credentialFor(await ask('/a/1'), piece, { target: 'GET /a/1' });
  const forms = [
    [`Authorization: ${header}`, `Authorization: ${header}`],
    [`Authorization: ${header}`, 'Authorization: Payment x'],
    ['Authorization: Payment x', `Authorization: ${header}`],
    [`Authorization: ${header}`, `Payment-Authorization: ${header}`],
    [`Authorization: ${header}, ${header}`],
  ];
  for (const headers of forms) {
    const { status, body } = await rawRequest(site.port, 'GET /a/1', headers);
    expect([status, JSON.parse(body).code]).toEqual([400, 'credentials-many']);
  }
  expect([runs, rows()]).toEqual([0, EMPTY]);
});

test('malformed and oversized credentials are problems within bounded work', async () => {
  const deep = toBase64url(utf8(`${'['.repeat(1000)}${']'.repeat(1000)}`));
  const odd = (payload: unknown) =>
    toBase64url(
      utf8(
        JSON.stringify({ challenge: { id: 'x', realm: '', method: 'scrip', intent: 'charge', request: '' }, payload }),
      ),
    );
  const blobs: [string, string][] = [
    ['', 'credential-malformed'],
    ['!!!', 'credential-malformed'],
    ['e30', 'credential-malformed'],
    [toBase64url(utf8('null')), 'credential-malformed'],
    [toBase64url(utf8('{"a":1,"a":2}')), 'credential-malformed'],
    [toBase64url(new Uint8Array([0xff, 0xfe])), 'credential-malformed'],
    [deep, 'credential-malformed'],
    ['A'.repeat(4097), 'credential-too-large'],
    ['A'.repeat(12_000), 'credential-too-large'],
    [odd({ x: 1.5 }), 'payload-invalid'],
    [odd({ x: '\ud800' }), 'payload-invalid'],
    [odd([]), 'credential-malformed'],
    [odd({ __proto__: 1 }), 'challenge-mismatch'],
  ];
  for (const [blob, code] of blobs) {
    const started = performance.now();
    const { status, body } = await rawRequest(site.port, 'GET /a/1', [`Authorization: Payment ${blob}`]);
    expect([blob.slice(0, 20), status, JSON.parse(body).code]).toEqual([blob.slice(0, 20), 402, code]);
    expect(performance.now() - started).toBeLessThan(500);
  }
  expect([runs, rows()]).toEqual([0, EMPTY]);
});
