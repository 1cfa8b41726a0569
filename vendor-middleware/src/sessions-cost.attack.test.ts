// What a bad word costs the site, over real HTTP with cryptography that counts: a bounded number of hashes, two signatures
// at most, and nothing is consumed.
import { nodeEnv } from '@farthing/node-kit';
import { type Crypto, type JsonObject, limits } from '@farthing/protocol';
import type { PaywordPiece } from '@farthing/protocol/wallet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memory, type VendorStore } from './index.ts';
import { Payer } from './testing/payer.ts';
import { problemOf, type TestSite, testSite } from './testing/site.ts';
import { type TinyBroker, tinyBroker } from './testing/tiny-broker.ts';

const PRICE = { price: '0.00001 USD', unit: 'call' };
const N = 3000;
const STEP = 500;
const count = { sha256: 0, verify: 0, sign: 0 };
const native = nodeEnv().crypto;
const crypto: Crypto = {
  ...native,
  sha256: (data) => {
    count.sha256++;
    return native.sha256(data);
  },
  hashText: (text) => {
    count.sha256++;
    return native.hashText(text);
  },
  verify: (key, message, signature) => {
    count.verify++;
    return native.verify(key, message, signature);
  },
  sign: (seed, message) => {
    count.sign++;
    return native.sign(seed, message);
  },
};
let broker: TinyBroker;
let site: TestSite;
let store: VendorStore;
let shiftMs = 0;
let runs: number;
beforeEach(async () => {
  [runs, shiftMs] = [0, 0];
  broker = await tinyBroker();
  store = memory();
  const env = () => ({ ...nodeEnv(), nowMs: Date.now() + shiftMs, crypto });
  const payword = { maxStep: STEP };
  site = await testSite({ methods: ['scrip', 'payword'], log: () => {}, on: broker, store, env, payword });
  site.app.get('/call', site.pay.wall(PRICE), (_req, res) => void res.send(`run ${++runs}`));
});
afterEach(async () => {
  await site.close();
  await broker.close();
});

const payerOf = (piece: PaywordPiece) => new Payer(piece);
const credit = (vnd = site.pay.vnd) => payerOf(broker.payword.credit({ vnd, n: N, unit: 10n }));
const url = (query = '') => `${site.url}/call${query}`;
const at = (payer: Payer, i: number) => new Payer({ ...payer.piece, at: i - 1, spent: `${(i - 1) * 10}` }).next(url());

/** Sends a bad payload, and checks that it cost so much and changed nothing. @returns the code of the problem */
async function refusal(payer: Payer, payload: JsonObject, most: { sha256: number; verify?: number }, query = '') {
  const key = `payword:${payer.piece.session}`;
  const before = await store.readSession(key);
  const ran = runs;
  await payer.challenge(url());
  Object.assign(count, { sha256: 0, verify: 0, sign: 0 });
  const { answer } = await payer.send(url(query), payload);
  const cost = { ...count };
  const { code, consumed } = await problemOf(answer);
  expect([answer.status, runs, answer.headers.has('payment-receipt')]).toEqual([402, ran, false]);
  expect(cost.sha256).toBeLessThanOrEqual(most.sha256);
  expect(cost.verify).toBeLessThanOrEqual(most.verify ?? 0);
  expect(cost.sign).toBe(0);
  expect(await store.readSession(key)).toEqual(before);
  return [code, consumed];
}

describe('a word in an open session', () => {
  let payer: Payer;
  beforeEach(async () => {
    payer = credit();
    await payer.pay(url(), {}, 2);
  });
  afterEach(async () => {
    const { answer } = await payer.pay(url());
    expect([answer.status, runs]).toEqual([200, 2]);
  });

  test.each([0, -1, N + 1, 2 ** 32, 2 ** 53, 2 ** 53 + 2, 1e308, 0.5, '4', [4], null])(
    'at index %j is refused unhashed',
    async (i) => {
      const [code] = await refusal(payer, { ...(await at(payer, 4)), i }, { sha256: 2 });
      expect(['payload-invalid', 'index-beyond', 'step-too-long']).toContain(code);
    },
  );

  test('that was shown before, for another request, is refused unhashed', async () => {
    expect(await refusal(payer, await at(payer, 3), { sha256: 2 }, '?another')).toEqual(['index-used', false]);
  });

  test('a giant jump is refused unhashed', async () => {
    expect(await refusal(payer, await at(payer, 4 + STEP), { sha256: 2 })).toEqual(['step-too-long', false]);
  });

  test('that is wrong costs as many hashes as it claims to jump, and no more', async () => {
    const word = { ...(await at(payer, 3 + STEP)), w: 'A'.repeat(43) };
    expect(await refusal(payer, word, { sha256: STEP + 2 })).toEqual(['word-wrong', false]);
    expect(count.sha256).toBeGreaterThanOrEqual(STEP);
  });

  test('of another commitment of the same customer is not one of this', async () => {
    const other = await at(credit(), 4);
    const word = { ...(await at(payer, 4)), w: other['w'] ?? '' };
    expect(await refusal(payer, word, { sha256: 10 })).toEqual(['word-wrong', false]);
  });

  test('a step back, to an index that was jumped over long ago, is refused unhashed', async () => {
    const behind = await at(payer, 2);
    const jumped = await payer.next(url(), {}, 100);
    expect((await payer.send(url('?jump'), jumped)).answer.status).toBe(200);
    runs--;
    expect(await refusal(payer, behind, { sha256: 2 })).toEqual(['index-used', false]);
    expect(limits.wordWindow).toBeLessThan(100);
  });
});

describe('an opening', () => {
  test('of another site’s commitment is refused before a signature is checked', async () => {
    const payer = credit('other.example');
    expect(await refusal(payer, await payer.next(url()), { sha256: 10 })).toEqual(['cert-foreign', false]);
  });

  test('of another day is refused: expired, or under a certificate that is not its own', async () => {
    const [payer, other] = [credit(), credit()];
    const [opening, foreign] = [await payer.next(url()), await other.next(url())];
    const mixed = { ...opening, cert: foreign['cert'] ?? null };
    expect(await refusal(payer, mixed, { sha256: 10 })).toEqual(['cert-foreign', false]);
    const sub = Object(opening['cert']).sub;
    const resubbed = { ...opening, cert: { ...Object(foreign['cert']), sub } };
    expect(await refusal(payer, resubbed, { sha256: 10, verify: 1 })).toEqual(['cert-forged', false]);
    shiftMs = limits.certLifeMs + limits.clockSkewMs + 1000;
    expect(await refusal(payer, opening, { sha256: 10 })).toEqual(['challenge-expired', false]);
    payer.forget();
    expect(await refusal(payer, opening, { sha256: 10 })).toEqual(['cert-expired', false]);
  });

  test('of a segment under another root is refused by its path alone', async () => {
    const sale = { vnd: site.pay.vnd, n: 100, unit: 10n, m: 60, cap: 60_000n };
    const [mine, other] = [broker.payword.segments(sale), broker.payword.segments(sale)];
    const payer = payerOf(mine[7] ?? broker.payword.credit(sale));
    const opening = await payer.next(url());
    const foreign = await payerOf(other[7] ?? broker.payword.credit(sale)).next(url());
    for (const bad of [
      { leaf: foreign['leaf'] ?? null, path: foreign['path'] ?? null },
      { path: foreign['path'] ?? null },
      { a: 8 },
      { path: [] },
    ]) {
      expect(await refusal(payer, { ...opening, ...bad }, { sha256: 20 })).toEqual(['cert-forged', false]);
    }
    expect((await payer.send(url(), opening)).answer.status).toBe(200);
  });

  test('far up the chain, with a wrong word, or with a forged signature costs a step of hashes and two signatures', async () => {
    const payer = credit();
    const opening = await payer.next(url());
    const jump = await at(payer, STEP + 1);
    expect(await refusal(payer, jump, { sha256: 10, verify: 2 })).toEqual(['step-too-long', false]);
    expect(count.verify).toBe(2);
    const wrong = { ...(await at(payer, STEP)), w: 'A'.repeat(43) };
    expect(await refusal(payer, wrong, { sha256: STEP + 10, verify: 2 })).toEqual(['word-wrong', false]);
    const forged = { ...opening, commitment: { ...Object(opening['commitment']), sig: 'A'.repeat(86) } };
    expect(await refusal(payer, forged, { sha256: 10, verify: 2 })).toEqual(['cert-forged', false]);
    expect((await payer.send(url(), opening)).answer.status).toBe(200);
  });

  test('of a ticket with a false second lock costs the length of its chain at most, and no signature', async () => {
    const payer = payerOf(broker.payword.prepaid({ vnd: site.pay.vnd, n: 400, unit: 10n }));
    const opening = await payer.next(url());
    for (const bad of [{ y: 'A'.repeat(43) }, { x: 'A'.repeat(43) }]) {
      expect(await refusal(payer, { ...opening, ...bad }, { sha256: 400 + 10 })).toEqual(['word-wrong', false]);
    }
    const ticket = { ...Object(opening['ticket']), to: 401 };
    const [code] = await refusal(payer, { ...opening, ticket }, { sha256: 400 + 10 });
    expect(['cert-forged', 'payload-invalid']).toContain(code);
    expect((await payer.send(url(), opening)).answer.status).toBe(200);
  });
});
