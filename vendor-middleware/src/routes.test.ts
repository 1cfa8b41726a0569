import { nodeEnv } from '@farthing/node-kit';
import { type JsonObject, printCredential, toBase64url } from '@farthing/protocol';
import { releaseBody, releaseSchema, type ScripPiece } from '@farthing/protocol/wallet';
import { afterEach, describe, expect, test } from 'vitest';
import { buy, challengesOf, credentialFor, problemOf, type TestSite, testSite } from './testing/site.ts';

let site: TestSite;
afterEach(() => site.close());

const account = toBase64url(nodeEnv().random(32));

describe.each([5, 4] as const)('on Express %i', (express) => {
  test('scrip is released once: the same request gets the same answer, another account gets nothing', async () => {
    site = await testSite({ express });
    site.app.use('/farthing', site.pay.routes());
    site.app.get('/x', site.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send('x'));
    const { change } = await buy(`${site.url}/x`, site.broker.sell(10_000n)[0]);
    const [piece] = change;
    if (!piece) throw new Error('no change');
    const first = await release(piece);
    expect(first.status).toBe(200);
    const { release: released } = await first.json();
    expect(released).toMatchObject({ typ: 'release/1', root: piece.scrip.root, left: '8500', to: account });
    expect((await (await release(piece)).json()).release).toEqual(released);
    const thief = await release(piece, toBase64url(nodeEnv().random(32)));
    expect(await problemOf(thief)).toMatchObject({ code: 'scrip-spent', consumed: true });
    await expect(buy(`${site.url}/x`, piece)).resolves.toMatchObject({ answer: { status: 402 } });
    await site.pay.redeemNow();
    expect(site.broker.total()).toBe(1500n);
    expect(Object.keys(released).sort()).toEqual(Object.keys(releaseSchema.entries).sort());
  });

  test('a body parser before the routes does no harm', async () => {
    site = await testSite({ express });
    site.app.use(site.express.json());
    site.app.use('/farthing', site.pay.routes());
    expect((await release(site.broker.sell(10_000n)[0])).status).toBe(200);
  });
});

describe.each([5, 4] as const)('a payload by reference, on Express %i', (express) => {
  test('pays like one in the header: either repeats the other, for scrip as for any other money', async () => {
    site = await testSite({ express });
    site.app.use('/farthing', site.pay.routes());
    site.app.get('/x', site.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send('x'));
    const [piece] = site.broker.sell(10_000n);
    const [challenge] = challengesOf(await fetch(`${site.url}/x`));
    if (!challenge || !piece) throw new Error('no challenge or scrip');
    const { credential, header } = credentialFor(challenge, piece, { target: 'GET /x' });
    const { payload } = credential;
    const { ref } = await (await reference(payload)).json();
    const show = (authorization: string) => fetch(`${site.url}/x`, { headers: { authorization } });
    const first = await show(printCredential({ challenge, payload: { ref } }));
    const again = await show(header);
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.headers.get('payment-receipt')).toBe(first.headers.get('payment-receipt'));
    const [other] = challengesOf(await fetch(`${site.url}/x`));
    if (!other) throw new Error('no challenge');
    // What somebody else has posted is worth what a stolen header is worth.
    const stolen = await show(printCredential({ challenge: other, payload: { ref } }));
    expect(await problemOf(stolen)).toMatchObject({ code: 'scrip-forged' });
    const { ref: nested } = await (await reference({ ref })).json();
    const deep = await show(printCredential({ challenge: other, payload: { ref: nested } }));
    expect(await problemOf(deep)).toMatchObject({ code: 'payload-invalid' });
    await site.pay.redeemNow();
    expect(site.broker.total()).toBe(1500n);
  });
});

const reference = (payload: JsonObject) =>
  send('/payload', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(payload),
  });
const send = (path: string, init: RequestInit = {}) => fetch(`${site.url}/farthing${path}`, init);
const post = (body: string, type = 'application/json', path = '/scrip/release') =>
  send(path, { method: 'POST', headers: { 'content-type': type }, body });
const release = (piece: ScripPiece | undefined, to = account) => {
  if (!piece) throw new Error('no piece');
  return post(JSON.stringify(releaseBody(piece, to, nodeEnv())));
};

test('what the routes refuse, and how they say it', async () => {
  site = await testSite();
  site.app.use('/farthing', site.pay.routes());
  const [piece] = site.broker.sell(10_000n);
  if (!piece) throw new Error('no piece');
  const body: JsonObject = releaseBody(piece, account, nodeEnv());
  const refused: [Promise<Response>, number, string][] = [
    [send('/scrip/release'), 405, 'method-not-allowed'],
    [post('{}', 'text/plain'), 415, 'type-unsupported'],
    [post('{'), 400, 'request-malformed'],
    [post('{"a":1.5}'), 400, 'request-malformed'],
    [post('{"a":1,"a":2}'), 400, 'request-malformed'],
    [post(JSON.stringify('x'.repeat(70_000))), 413, 'body-too-large'],
    [post('{}'), 402, 'payload-invalid'],
    [send('/payload'), 405, 'method-not-allowed'],
    [post('[]', undefined, '/payload'), 400, 'request-malformed'],
    [post(JSON.stringify({ x: 'x'.repeat(70_000) }), undefined, '/payload'), 413, 'body-too-large'],
    [post(JSON.stringify({ ...body, to: toBase64url(nodeEnv().random(32)) })), 402, 'scrip-forged'],
    [post(JSON.stringify({ ...body, more: 1 })), 402, 'payload-invalid'],
  ];
  for (const [call, status, code] of refused) {
    const answer = await call;
    expect([answer.status, (await problemOf(answer))['code']]).toEqual([status, code]);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }
  expect((await send('/nowhere')).status).toBe(404);
  expect((await release(piece)).status).toBe(200);
});

test('the site says who it is', async () => {
  site = await testSite();
  site.app.use('/farthing', site.pay.routes());
  expect(await (await send('/')).json()).toEqual({
    vnd: site.pay.vnd,
    name: site.pay.vnd,
    test: true,
    brokers: [{ id: site.broker.brk, url: site.broker.url }],
    methods: ['scrip'],
  });
});

test('wallets on pages of their own may call: the preflight is answered', async () => {
  site = await testSite();
  site.app.use('/farthing', site.pay.routes());
  const answer = await send('/scrip/release', { method: 'OPTIONS' });
  expect(answer.status).toBe(204);
  expect(answer.headers.get('access-control-allow-headers')).toContain('Content-Type');
});
