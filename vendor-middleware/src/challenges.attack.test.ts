// A session's challenge is read and checked once. What was remembered must not make anything good that was not.
import { nodeEnv } from '@farthing/node-kit';
import { type Challenge, canonicalJson, challengeId, printCredential, utf8 } from '@farthing/protocol';
import { afterEach, expect, test } from 'vitest';
import { Challenges } from './challenges.ts';
import { memory } from './index.ts';
import { Payer } from './testing/payer.ts';
import { problemOf, testSite } from './testing/site.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const { crypto } = nodeEnv();
const secret = utf8('a secret of a site that sells sessions');
const session = (n: number): Challenge => {
  const expires = '2026-11-24T12:00:00Z';
  const parts = { realm: 'r', method: 'payword', intent: 'session', request: 'e30', expires, opaque: `n${n}` };
  return { id: challengeId(parts, secret, crypto), ...parts };
};

test('only a challenge that was found to be ours is remembered, and only for sessions', () => {
  const challenges = new Challenges([secret]);
  const good = session(1);
  expect(challenges.recall(canonicalJson(good))).toBeUndefined();
  const altered = { ...good, expires: '2036-11-24T12:00:00Z' };
  expect(challenges.isOurs(altered, crypto)).toBe(false);
  expect(challenges.recall(canonicalJson(altered))).toBeUndefined();
  expect(challenges.isOurs(good, crypto)).toBe(true);
  expect(challenges.recall(canonicalJson(good))).toBe(good);
  const { id: _, ...parts } = { ...good, intent: 'charge' };
  const charge = { id: challengeId(parts, secret, crypto), ...parts };
  expect(challenges.isOurs(charge, crypto)).toBe(true);
  expect(challenges.recall(canonicalJson(charge))).toBeUndefined();
});

test('another text under a remembered id is not recalled, and not ours', () => {
  const challenges = new Challenges([secret]);
  const good = session(1);
  challenges.isOurs(good, crypto);
  for (const [name, value] of Object.entries(good)) {
    if (name === 'id') continue;
    const altered: Challenge = { ...good, [name]: `${value}0` };
    expect(challenges.recall(canonicalJson(altered))).toBeUndefined();
    expect(challenges.isOurs(altered, crypto)).toBe(false);
  }
  expect(challenges.recall(`${canonicalJson(good)} `)).toBeUndefined();
  expect(challenges.recall('{}')).toBeUndefined();
});

test('it remembers so many and no more: the oldest is checked again', () => {
  const challenges = new Challenges([secret]);
  const all = Array.from({ length: 5001 }, (_, n) => session(n));
  for (const challenge of all) challenges.isOurs(challenge, crypto);
  const [first, second] = all.map((challenge) => challenges.recall(canonicalJson(challenge)));
  expect([first, second]).toEqual([undefined, all[1]]);
  expect(challenges.isOurs(session(0), crypto)).toBe(true);
});

test('a remembered challenge expires, and holds for no other route and no other words', async () => {
  let shiftMs = 0;
  const env = () => ({ ...nodeEnv(), nowMs: Date.now() + shiftMs });
  const site = await testSite({ store: memory(), methods: ['scrip', 'payword'], env });
  cleanups.push(() => site.close());
  const { app, pay, broker, url } = site;
  const wall = (price: string) => pay.wall({ price, unit: 'call' });
  app.get('/call', wall('0.00001 USD'), (_req, res) => void res.send('ok'));
  app.get('/other', wall('0.00001 USD'), (_req, res) => void res.send('ok'));
  const payer = new Payer(broker.payword.credit({ vnd: pay.vnd, n: 100, unit: 10n }));
  for (let i = 0; i < 3; i++) expect((await payer.pay(`${url}/call`)).answer.status).toBe(200);
  const challenge = await payer.challenge(`${url}/call`);
  const payload = await payer.next(`${url}/call`);
  const send = (path: string, to: Challenge) =>
    fetch(`${url}${path}`, { headers: { authorization: printCredential({ challenge: to, payload }) } });
  const codeOf = async (answer: Promise<Response>) => (await problemOf(await answer))['code'];
  expect(await codeOf(send('/other', challenge))).toBe('challenge-mismatch');
  expect(await codeOf(send('/call', { ...challenge, expires: '2036-01-01T00:00:00Z' }))).toBe('challenge-mismatch');
  shiftMs = 25 * 3_600_000;
  expect(await codeOf(send('/call', challenge))).toBe('challenge-expired');
  shiftMs = 0;
  expect((await send('/call', challenge)).status).toBe(200);
});
