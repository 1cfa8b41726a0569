import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBase64url, limits, printChallenge, readRequest } from '@farthing/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Payer } from '../testing/payer.ts';
import { challengesOf, credentialFor, problemOf, type TestSite, testSite } from '../testing/site.ts';

let site: TestSite;
let files: string;
beforeEach(async () => {
  files = await mkdtemp(join(tmpdir(), 'farthing-goods-'));
  site = await testSite();
  site.app.use('/farthing', site.pay.routes());
});
afterEach(async () => {
  await site.close();
  await rm(files, { recursive: true, force: true });
});

const SECRET = 'the treasure lies under the third oak';
const secret = Buffer.from(SECRET.repeat(5000));

const challengeAt = async (path: string) => {
  const answer = await fetch(site.url + path);
  const [challenge] = challengesOf(answer);
  if (!challenge) throw new Error(`expected a challenge, got ${answer.status}`);
  return challenge;
};

test('the plaintext is in no answer, and the key in none that was not paid', async () => {
  site.app.get(
    '/map',
    site.pay.sealed({ price: '0.005 USD' }, () => secret),
  );
  const challenge = await challengeAt('/map');
  const [piece] = site.broker.sell(5000n);
  if (!piece) throw new Error('no scrip');
  const { header } = credentialFor(challenge, piece, { target: 'GET /map' });
  const paid = await fetch(`${site.url}/map`, { headers: { authorization: header } });
  const { key, offer } = JSON.parse(await paid.text());
  const seen: string[] = [];
  for (const path of ['/map', offer.url, '/farthing']) {
    const answer = await fetch(site.url + path, { headers: { accept: 'text/html' } });
    seen.push(JSON.stringify([...answer.headers]), Buffer.from(await answer.arrayBuffer()).toString('latin1'));
  }
  for (const name of await readdir(join(site.data, 'goods'))) {
    const path = join(site.data, 'goods', name);
    expect((await stat(path)).mode & 0o077).toBe(0);
    seen.push(await readFile(path, 'latin1'));
  }
  expect(seen.join('\n')).not.toContain('treasure');
  expect(seen.join('\n')).not.toContain(key);
});

test('a challenge for one book does not open another of the same price', async () => {
  const price = '0.005 USD';
  site.app.get(
    '/book/:n',
    site.pay.sealed({ price }, (req) => Buffer.from(`${SECRET} ${req.params['n']}`)),
  );
  const challenge = await challengeAt('/book/1');
  const [piece] = site.broker.sell(5000n);
  if (!piece) throw new Error('no scrip');
  const { header } = credentialFor(challenge, piece, { target: 'GET /book/2' });
  const answer = await fetch(`${site.url}/book/2`, { headers: { authorization: header } });
  expect(answer.status).toBe(402);
  expect(answer.headers.get('payment-consumed')).toBe('?0');
  expect(await problemOf(answer)).toMatchObject({ code: 'challenge-mismatch' });
});

test('a challenge of a page that is not sealed buys no key, and one of goods buys no page', async () => {
  site.app.get(
    '/map',
    site.pay.sealed({ price: '0.005 USD', scope: 'one' }, () => secret),
  );
  site.app.get('/page', site.pay.wall({ price: '0.005 USD', scope: 'one' }), (_req, res) => void res.end(SECRET));
  for (const [from, to] of [
    ['/page', '/map'],
    ['/map', '/page'],
  ] as const) {
    const [piece] = site.broker.sell(5000n);
    if (!piece) throw new Error('no scrip');
    const { header } = credentialFor(await challengeAt(from), piece, { target: `GET ${to}` });
    const answer = await fetch(site.url + to, { headers: { authorization: header } });
    expect(await problemOf(answer)).toMatchObject({ code: 'challenge-mismatch' });
    expect(answer.headers.has('payment-receipt')).toBe(false);
  }
});

test('a promise that was edited buys nothing', async () => {
  site.app.get(
    '/map',
    site.pay.sealed({ price: '0.005 USD' }, () => secret),
  );
  const challenge = await challengeAt('/map');
  const request = readRequest(challenge);
  const sealed = request?.methodDetails['sealed'];
  if (!request || typeof sealed !== 'object' || sealed === null) throw new Error('expected an offer');
  const { amount, currency, recipient, methodDetails } = request;
  const edited = { ...methodDetails, sealed: { ...sealed, pt: 'A'.repeat(43) } };
  const text = JSON.stringify({ amount: amount.toString(), currency, recipient, methodDetails: edited });
  const [piece] = site.broker.sell(5000n);
  if (!piece) throw new Error('no scrip');
  const forged = { ...challenge, request: Buffer.from(text).toString('base64url') };
  const { header } = credentialFor(forged, piece, { target: 'GET /map' });
  const answer = await fetch(`${site.url}/map`, { headers: { authorization: header } });
  expect(await problemOf(answer)).toMatchObject({ code: 'challenge-mismatch' });
});

test('the repeat of a payment gets the same key, though the goods are gone by then', async () => {
  let content: Buffer | undefined = secret;
  site.app.get(
    '/map',
    site.pay.sealed({ price: '0.005 USD' }, () => content),
  );
  const [piece] = site.broker.sell(5000n);
  if (!piece) throw new Error('no scrip');
  const { header } = credentialFor(await challengeAt('/map'), piece, { target: 'GET /map' });
  const buy = () => fetch(`${site.url}/map`, { headers: { authorization: header } });
  const first = await buy();
  content = undefined;
  const second = await buy();
  expect(second.headers.get('payment-receipt')).toBe(first.headers.get('payment-receipt'));
  expect(await second.text()).toBe(await first.text());
  // The same piece for other goods is spent.
  site.app.get(
    '/other',
    site.pay.sealed({ price: '0.005 USD' }, () => Buffer.from('other')),
  );
  const { header: twice } = credentialFor(await challengeAt('/other'), piece, { target: 'GET /other' });
  const answer = await fetch(`${site.url}/other`, { headers: { authorization: twice } });
  expect(await problemOf(answer)).toMatchObject({ code: 'scrip-spent' });
});

test('a source that fails closes the counter: 503, the owner is told, and nobody pays', async () => {
  site.app.get(
    '/map',
    site.pay.sealed({ price: '0.005 USD' }, () => Promise.reject(new Error('the archive is shut'))),
  );
  const answer = await fetch(`${site.url}/map`);
  expect([answer.status, (await problemOf(answer))['code']]).toEqual([503, 'site-not-ready']);
  expect(site.log.join()).toContain('the archive is shut');
});

test('names of any length and script leave room for the challenge in its header line', async () => {
  const name = '漫'.repeat(300);
  const long = await testSite({ vnd: 'v'.repeat(64), api: `/${'f'.repeat(60)}`, methods: ['scrip', 'cheque'] });
  const media = `application/${'x'.repeat(80)}`;
  long.app.get(
    '/map',
    long.pay.sealed({ price: '1000 USD', item: () => name, media, header: 'Payment-Authorization' }, () => secret),
  );
  try {
    const answer = await fetch(`${long.url}/map`);
    const offers = challengesOf(answer);
    expect([answer.status, offers.map(({ method }) => method)]).toEqual([402, ['scrip', 'cheque']]);
    for (const offer of offers) expect(printChallenge(offer).length).toBeLessThanOrEqual(limits.challengeBytes);
  } finally {
    await long.close();
  }
});

test('a session pays for goods with a word, and its end buys none', async () => {
  const shop = await testSite({ methods: ['scrip', 'payword'] });
  shop.app.use('/farthing', shop.pay.routes());
  shop.app.get(
    '/map',
    shop.pay.sealed({ price: '0.00001 USD' }, () => secret),
  );
  const { broker, pay } = shop;
  try {
    const payer = new Payer(broker.payword.credit({ vnd: pay.vnd, n: 1000, unit: 10n }));
    const { receipt } = await payer.pay(`${shop.url}/map`);
    const key = String(receipt?.details['key']);
    expect(fromBase64url(key)).toHaveLength(32);
    const session = String(receipt?.details['session'] ?? receipt?.reference);
    payer.forget();
    const closed = await payer.send(`${shop.url}/map`, { action: 'close', session });
    expect([closed.answer.status, closed.receipt]).toEqual([402, undefined]);
    expect(await closed.answer.text()).not.toContain(key);
  } finally {
    await shop.close();
  }
});
