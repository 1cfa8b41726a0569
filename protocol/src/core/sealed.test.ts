import { createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, toBase64url } from './bytes.ts';
import { portableCrypto as crypto } from './crypto.ts';
import { limits } from './limits.ts';
import { contentKey, isKeyOf, isOffer, keyCommitment, Opener, Sealer, sealedSize, signOffer } from './sealed.ts';

const key = new Uint8Array(32).fill(5);
const RECORD = limits.sealedRecordBytes;
const file = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i * 31) & 255);

/** In chunks of these sizes, the last one repeated. */
function chunked(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[Math.min(i, sizes.length - 1)] ?? bytes.length;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
function seal(plain: Uint8Array, sizes: readonly number[] = [plain.length || 1]): Uint8Array {
  const sealer = new Sealer(key);
  return concat(...chunked(plain, sizes).flatMap((chunk) => sealer.push(chunk)), sealer.end());
}
function open(sealed: Uint8Array, sizes: readonly number[] = [sealed.length || 1], by = key): Uint8Array | undefined {
  const opener = new Opener(by);
  const plain: Uint8Array[] = [];
  for (const chunk of chunked(sealed, sizes)) {
    const opened = opener.push(chunk);
    if (!opened) return undefined;
    plain.push(...opened);
  }
  const last = opener.end();
  return last && concat(...plain, last);
}

describe('Sealed goods', () => {
  it.each([0, 1, RECORD - 1, RECORD, RECORD + 1, 3 * RECORD, 3 * RECORD + 7])(
    'of %i bytes open to what they were',
    (size) => {
      const sealed = seal(file(size));
      expect(sealed.length).toBe(sealedSize(size));
      expect(open(sealed)).toEqual(file(size));
    },
  );

  it('have one ciphertext, however the bytes arrive', () => {
    const plain = file(2 * RECORD + 100);
    const whole = seal(plain);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1000, max: 90_000 }), { minLength: 1, maxLength: 5 }), (sizes) => {
        expect(toBase64url(crypto.sha256(seal(plain, sizes)))).toBe(toBase64url(crypto.sha256(whole)));
        expect(open(whole, sizes)).toEqual(plain);
      }),
      { numRuns: 10 },
    );
  });

  it('open with native AES-256-GCM, record by record', () => {
    const sealed = seal(file(RECORD + 5));
    const last = sealed.subarray(RECORD + 16);
    const native = createDecipheriv('aes-256-gcm', key, Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]));
    native.setAuthTag(last.subarray(5));
    expect(new Uint8Array(Buffer.concat([native.update(last.subarray(0, 5)), native.final()]))).toEqual(
      file(RECORD + 5).subarray(RECORD),
    );
  });

  it('do not open when a bit is turned, records change places, the end is cut off or more is added', () => {
    const sealed = seal(file(3 * RECORD));
    const step = RECORD + 16;
    const turned = Uint8Array.from(sealed);
    turned[step + 9] = (turned[step + 9] ?? 0) ^ 1;
    const [first, second, third] = [0, 1, 2].map((i) => sealed.subarray(i * step, (i + 1) * step));
    if (!first || !second || !third) throw new Error('three records were made');
    expect(open(turned)).toBeUndefined();
    expect(open(concat(second, first, third))).toBeUndefined();
    expect(open(concat(first, second))).toBeUndefined();
    expect(open(concat(sealed, third))).toBeUndefined();
    expect(open(new Uint8Array())).toBeUndefined();
    expect(open(sealed, [sealed.length], new Uint8Array(32).fill(6))).toBeUndefined();
  });
});

describe('The key of sealed goods', () => {
  const pt = toBase64url(crypto.sha256(file(10)));
  const secret = new Uint8Array(32).fill(8);

  it('is another one for another item and for other content', () => {
    const keys = [
      contentKey(secret, { item: 'map', pt }),
      contentKey(secret, { item: 'photo', pt }),
      contentKey(secret, { item: 'map', pt: toBase64url(crypto.sha256(file(11))) }),
      contentKey(new Uint8Array(32), { item: 'map', pt }),
    ];
    expect(new Set(keys.map(toBase64url)).size).toBe(4);
  });

  it('is known by its commitment, and no other key is', () => {
    const kc = keyCommitment(key);
    expect(isKeyOf(toBase64url(key), kc)).toBe(true);
    expect(isKeyOf(toBase64url(secret), kc)).toBe(false);
    expect(isKeyOf(toBase64url(key.subarray(1)), kc)).toBe(false);
    expect(isKeyOf('not base64url!', kc)).toBe(false);
  });

  it('stands in an offer that only the site can make', () => {
    const seed = new Uint8Array(32).fill(1);
    const promise = {
      typ: 'offer/1' as const,
      vnd: 'news.example',
      item: 'map',
      url: '/sealed/map',
      media: 'image/png',
    };
    const goods = {
      size: 10,
      ct: pt,
      kc: keyCommitment(key),
      pt,
      amount: '5000',
      cur: 'usd-micro' as const,
      exp: 1_800_000_000,
    };
    const offer = signOffer({ ...promise, ...goods }, seed, crypto);
    const vendorKey = toBase64url(crypto.publicKey(seed));
    expect(isOffer(offer, vendorKey, crypto)).toBe(true);
    expect(isOffer({ ...offer, amount: '1' }, vendorKey, crypto)).toBe(false);
    expect(isOffer(offer, toBase64url(crypto.publicKey(secret)), crypto)).toBe(false);
  });
});
