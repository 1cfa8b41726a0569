// The same verdict from libsodium, from Node and from the portable code on every signature that somebody may make up, checked
// against the equation itself.
import { createHash, randomBytes } from 'node:crypto';
import { portableCrypto } from '@farthing/protocol';
import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byNode, bySodium, isSound } from './ed25519.ts';

const { Point } = ed25519;
type Point = InstanceType<typeof Point>;
const L = Point.Fn.ORDER;

const engines = { portable: portableCrypto.verify, node: byNode, ...(bySodium ? { libsodium: bySodium } : {}) };
const verdicts = (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean[] =>
  Object.values(engines).map((isSignature) => isSignature(key, message, signature));
const all = (verdict: boolean) => Object.values(engines).map(() => verdict);

/** A point of order 8; its multiples are all that have a small order. */
const TORSION = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
const torsion = (n: number): Point => TORSION.multiplyUnsafe(BigInt(n));
const SMALL = Array.from({ length: 8 }, (_, n) => (n === 0 ? Point.ZERO : torsion(n)));

const littleEndian = (n: bigint) => Buffer.from(n.toString(16).padStart(64, '0'), 'hex').reverse();
const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
const scalar = () => Point.Fn.create(number(randomBytes(32)) | 1n);
const challenge = (r: Uint8Array, key: Uint8Array, message: Uint8Array) =>
  Point.Fn.create(number(createHash('sha512').update(r).update(key).update(message).digest()));

/** Signs as RFC 8032 has it, but with any points added to the key and to R. */
function signed({ key = Point.ZERO, r = Point.ZERO }: { key?: Point; r?: Point }, message: Uint8Array) {
  const [a, k] = [scalar(), scalar()];
  const [A, R] = [Point.BASE.multiply(a).add(key), Point.BASE.multiply(k).add(r)];
  const h = challenge(R.toBytes(), A.toBytes(), message);
  const s = Point.Fn.create(k + h * a);
  const holds = Point.BASE.multiply(s).equals(R.add(A.multiplyUnsafe(h)));
  return { key: A.toBytes(), signature: Buffer.concat([R.toBytes(), littleEndian(s)]), s, holds };
}

describe('All that check Ed25519', () => {
  it('are three where libsodium has a build', () => {
    const glibc = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header
      .glibcVersionRuntime;
    const hasBuild =
      process.platform === 'linux' ? glibc !== undefined : ['darwin', 'win32'].includes(process.platform);
    if (hasBuild) expect(Object.keys(engines)).toEqual(['portable', 'node', 'libsodium']);
  });

  it('take an honest signature, and none with a bit turned', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat({ max: 511 }),
        fc.nat({ max: 255 }),
        (message, bit, other) => {
          const { key, signature } = signed({}, message);
          expect(verdicts(key, message, signature)).toEqual(all(true));
          const turned = Uint8Array.from(signature);
          turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          expect(verdicts(key, message, turned)).toEqual(all(false));
          const otherKey = Uint8Array.from(key);
          otherKey[other >> 3] = (otherKey[other >> 3] ?? 0) ^ (1 << (other & 7));
          expect(verdicts(otherKey, message, signature)).toEqual(all(false));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('go by the equation without the cofactor, when the key or R has a part of small order', () => {
    const seen = { key: new Set<boolean>(), r: new Set<boolean>() };
    for (let i = 0; i < 128; i++) {
      const message = randomBytes(40);
      const part = torsion((i % 7) + 1);
      for (const place of ['key', 'r'] as const) {
        const { key, signature, holds } = signed({ [place]: part }, message);
        seen[place].add(holds);
        expect(verdicts(key, message, signature), `${place} ${i}`).toEqual(all(holds));
      }
    }
    // Such keys make signatures that hold now and then; such an R never does.
    expect([...seen.key].sort()).toEqual([false, true]);
    expect([...seen.r]).toEqual([false]);
  });

  it('refuse a key of small order, whose one signature would stand for every message', () => {
    let stood = 0;
    for (const A of SMALL) {
      for (let i = 0; i < 16; i++) {
        const message = randomBytes(40);
        const k = scalar();
        const R = Point.BASE.multiply(k);
        const h = challenge(R.toBytes(), A.toBytes(), message);
        if (R.equals(R.add(A.multiplyUnsafe(h)))) stood++;
        expect(verdicts(A.toBytes(), message, Buffer.concat([R.toBytes(), littleEndian(k)]))).toEqual(all(false));
      }
    }
    // The equation alone would have let many of them pass.
    expect(stood).toBeGreaterThan(16);
  });

  it('refuse an R of small order', () => {
    for (const R of SMALL) {
      const message = randomBytes(40);
      const a = scalar();
      const A = Point.BASE.multiply(a);
      const s = Point.Fn.create(challenge(R.toBytes(), A.toBytes(), message) * a);
      expect(verdicts(A.toBytes(), message, Buffer.concat([R.toBytes(), littleEndian(s)]))).toEqual(all(false));
    }
  });

  it('refuse points that are written in another way, of small order or not', () => {
    const P = 2n ** 255n - 19n;
    const message = randomBytes(40);
    const { key, signature } = signed({}, message);
    for (let y = 0n; y < 19n; y++) {
      for (const sign of [0n, 1n]) {
        const odd = littleEndian(P + y + (sign << 255n));
        expect(verdicts(odd, message, signature)).toEqual(all(false));
        expect(verdicts(key, message, Buffer.concat([odd, signature.subarray(32)]))).toEqual(all(false));
      }
    }
  });

  it('are not asked by Node about small orders and other writings: what its OpenSSL says of them depends on its version', () => {
    const { key, signature } = signed({}, randomBytes(40));
    expect(isSound(key, signature)).toBe(true);
    const odd = Array.from({ length: 19 }, (_, y) => littleEndian(2n ** 255n - 19n + BigInt(y)));
    for (const point of [...SMALL.map((one) => one.toBytes()), ...odd]) expect(isSound(point, signature)).toBe(false);
    for (const point of SMALL) {
      expect(isSound(key, Buffer.concat([point.toBytes(), signature.subarray(32)]))).toBe(false);
    }
  });

  it('refuse S that is not below the order of the group', () => {
    const message = randomBytes(40);
    const { key, signature, s } = signed({}, message);
    for (let n = 1n; s + n * L < 2n ** 256n; n++) {
      const other = Buffer.concat([signature.subarray(0, 32), littleEndian(s + n * L)]);
      expect(verdicts(key, message, other)).toEqual(all(false));
    }
  });

  it('refuse keys and signatures of every other length, and bytes at random', () => {
    const message = randomBytes(40);
    const { key, signature } = signed({}, message);
    for (const length of [0, 1, 31, 33, 64])
      expect(verdicts(randomBytes(length), message, signature)).toEqual(all(false));
    for (const length of [0, 1, 32, 63, 65]) expect(verdicts(key, message, randomBytes(length))).toEqual(all(false));
    for (let i = 0; i < 50; i++) {
      expect(verdicts(randomBytes(32), message, randomBytes(64))).toEqual(all(false));
    }
  });
});
