import { createHash, createHmac, hkdfSync } from 'node:crypto';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { isUnder, merkleTree } from '../core/merkle.ts';
import { type Crypto, equalBytes, portableCrypto, signObject, toBase64url } from '../index.ts';
import { seeded } from '../testing/index.ts';
import { coin, down, lateMac, leadsTo, up } from './chain.ts';
import { leafOf } from './segments.ts';
import vectors from './vectors.json' with { type: 'json' };
import { Words } from './wallet/words.ts';
import { type Commitment, commitmentSchema, sessionId } from './wire.ts';

const hex = (text: string) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const toHex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const { chain, ...expected } = vectors;
const id = hex(chain.chainId);
const native: Crypto = {
  ...portableCrypto,
  sha256: (data) => createHash('sha256').update(data).digest(),
  hmacSha256: (key, data) => createHmac('sha256', key).update(data).digest(),
};

describe.each([
  ['portable', portableCrypto],
  ['native', native],
])('vectors with %s cryptography', (_, crypto) => {
  const w = (to: number) => toHex(down(hex(chain.w8), { kind: 'payword', id }, { from: 8, to }, crypto));
  it('paywords', () => expect([w(5), w(0)]).toEqual([expected.w5, expected.w0]));
  it('both locks and a coin', () => {
    const x3 = down(hex(chain.x8), { kind: 'x', id }, { from: 8, to: 3 }, crypto);
    const y3 = up(hex(chain.y1), id, { from: 1, to: 3 }, crypto);
    expect(toHex(down(x3, { kind: 'x', id }, { from: 3, to: 0 }, crypto))).toBe(expected.x0);
    expect(toHex(up(y3, id, { from: 3, to: 9 }, crypto))).toBe(expected.y9);
    expect(toHex(coin(3, id, { x: x3, y: y3 }, crypto))).toBe(expected.coin3);
  });
  it('late keys', () => {
    expect(toHex(down(hex(chain.k4), { kind: 'late', id }, { from: 4, to: 0 }, crypto))).toBe(expected.k0);
  });
  it('the signature of a commitment, and the session that it opens', () => {
    const { seed, unit, sub, ...members } = expected.commitment;
    const entry = { id: toBase64url(id), n: chain.n, unit, w0: toBase64url(hex(expected.w0)) };
    const unsigned = { typ: 'commitment/1', ...members, sub: toBase64url(hex(sub)), chains: [entry] };
    const sig = signObject(unsigned, new Uint8Array(32).fill(Number.parseInt(seed, 16)), crypto);
    expect(sig).toBe(expected.sig);
    const commitment: Commitment = v.parse(commitmentSchema, { ...unsigned, sig });
    expect(sessionId(commitment, crypto)).toBe(expected.session);
  });
});

describe('late keys', () => {
  const key = hex(chain.k4);
  const request = { target: 'GET /tick', digest: '', index: 4 };
  it('MAC the request under a key derived by HKDF, as Node derives it', () => {
    const okm = new Uint8Array(hkdfSync('sha256', key, '', 'farthing/late/1', 32));
    const expected = createHmac('sha256', okm).update('GET /tick\0\x004').digest();
    expect(toHex(lateMac(key, request, portableCrypto))).toBe(toHex(expected));
  });
  it.each([
    ['target', { ...request, target: 'GET /other' }],
    ['body', { ...request, digest: 'sha-256=:AA==:' }],
    ['index', { ...request, index: 5 }],
  ])('an altered %s shows', (_, altered) => {
    expect(toHex(lateMac(key, altered, native))).not.toBe(toHex(lateMac(key, request, native)));
  });
});

describe('the double lock: a holder of (x[j], y[i]) forms the coins i…j and no other', () => {
  const xs = (to: number) => down(hex(chain.x8), { kind: 'x', id }, { from: 8, to }, native);
  const ys = (to: number) => up(hex(chain.y1), id, { from: 1, to }, native);
  /** Indices whose coin follows from the two words alone. */
  const formed = (j: number, i: number): number[] => {
    const found: number[] = [];
    for (let k = 1; k <= 8; k++) {
      const x = k <= j ? down(xs(j), { kind: 'x', id }, { from: j, to: k }, native) : undefined;
      const y = k >= i ? up(ys(i), id, { from: i, to: k }, native) : undefined;
      const whole = coin(k, id, { x: xs(k), y: ys(k) }, native);
      if (x && y && equalBytes(coin(k, id, { x, y }, native), whole)) found.push(k);
    }
    return found;
  };
  it.each([
    [3, 1, [1, 2, 3]],
    [8, 4, [4, 5, 6, 7, 8]],
    [8, 1, [1, 2, 3, 4, 5, 6, 7, 8]],
    [3, 6, []],
  ])('(x%i, y%i)', (j, i, indices) => expect(formed(j, i)).toEqual(indices));
});

describe('words from a tip', () => {
  const n = 100_000;
  const tip = seeded(4).bytes(32);
  const words = new Words(tip, { kind: 'payword', id }, n, native);
  it('any partition of 100,000 words leads from the last word to the anchor, paying exactly n', () => {
    const rng = seeded(99);
    for (let run = 0; run < 3; run++) {
      let at = 0;
      let anchor = words.anchor;
      let paid = 0;
      while (at < n) {
        const next = Math.min(n, at + 1 + rng.below(run === 0 ? 3 : 1000));
        const word = words.at(next);
        expect(leadsTo(word, { kind: 'payword', id }, { from: next, to: at, anchor }, native)).toBe(true);
        paid += next - at;
        [at, anchor] = [next, word];
      }
      expect(paid).toBe(n);
    }
  });
  it('are the words of plain hashing, at every kind of place', () => {
    for (const i of [0, 1, 255, 256, 257, 511, 99_840, 99_841, n - 1, n]) {
      expect(toHex(words.at(i))).toBe(toHex(down(tip, { kind: 'payword', id }, { from: n, to: i }, native)));
    }
    expect(() => words.at(n + 1)).toThrow(RangeError);
    expect(() => words.at(-1)).toThrow(RangeError);
    expect(() => words.at(0.5)).toThrow(RangeError);
  });
});

describe('segments under one root', () => {
  it.each([1, 2, 3, 5, 8, 13, 64])('each of %i leaves has its own path, and no other place', (m) => {
    const entry = (a: number) => ({
      id: toBase64url(new Uint8Array(16).fill(a)),
      n: 10,
      unit: '1',
      w0: toBase64url(new Uint8Array(32)),
    });
    const leaves = Array.from({ length: m }, (_, a) => leafOf(entry(a), native));
    const { root, paths } = merkleTree(leaves, native);
    for (const [a, leaf] of leaves.entries()) {
      const place = { index: a, count: m, path: paths[a] ?? [], root };
      expect(isUnder(leaf, place, native)).toBe(true);
      expect(isUnder(leaf, { ...place, index: (a + 1) % (m + 1) }, native)).toBe(false);
      expect(isUnder(leafOf({ ...entry(a), n: 11 }, native), place, native)).toBe(false);
      expect(isUnder(leaf, { ...place, path: [...place.path, root] }, native)).toBe(false);
      expect(isUnder(leaf, { ...place, index: -1 }, native)).toBe(false);
    }
  });
});
