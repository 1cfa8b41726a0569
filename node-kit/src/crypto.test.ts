import { createHash, createHmac } from 'node:crypto';
import { portableCrypto } from '@farthing/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nativeCrypto } from './index.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');

describe('native and portable cryptography', () => {
  it('give the same hashes, MACs, keys and signatures', () => {
    fc.assert(
      fc.property(bytes(32), fc.uint8Array({ maxLength: 300 }), (key, data) => {
        expect(hex(nativeCrypto.sha256(data))).toBe(hex(portableCrypto.sha256(data)));
        expect(hex(nativeCrypto.hmacSha256(key, data))).toBe(hex(portableCrypto.hmacSha256(key, data)));
        expect(hex(nativeCrypto.publicKey(key))).toBe(hex(portableCrypto.publicKey(key)));
        const signature = nativeCrypto.sign(key, data);
        expect(hex(signature)).toBe(hex(portableCrypto.sign(key, data)));
        expect(nativeCrypto.verify(nativeCrypto.publicKey(key), data, signature)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
  it('MAC as the platform does, with keys and data of every length', () => {
    const lengths = [0, 1, 31, 32, 33, 63, 64, 65, 128, 200];
    for (const keyLength of lengths) {
      for (const dataLength of lengths) {
        const key = Buffer.alloc(keyLength, keyLength + 1);
        const data = Buffer.alloc(dataLength, dataLength + 7);
        const expected = createHmac('sha256', key).update(data).digest('hex');
        expect(hex(nativeCrypto.hmacSha256(key, data))).toBe(expected);
        expect(hex(portableCrypto.hmacSha256(key, data))).toBe(expected);
      }
    }
  });
  it('hash and MAC texts as their UTF-8, of every length and script', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom('é'.repeat(5000), 'x'.repeat(20_000)),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), texts, (key, text) => {
        const data = Buffer.from(text, 'utf8');
        const mac = createHmac('sha256', key).update(data).digest('base64url');
        const hashed = createHash('sha256').update(data).digest('base64url');
        for (const crypto of [nativeCrypto, portableCrypto]) {
          expect(crypto.macText(key, text)).toBe(mac);
          expect(crypto.hashText(text)).toBe(hashed);
        }
        expect(Buffer.from(nativeCrypto.hmacSha256(key, data)).toString('base64url')).toBe(mac);
      }),
      { numRuns: 100 },
    );
  });
  it('RFC 4231: give the MAC of test case 2', () => {
    const mac = nativeCrypto.hmacSha256(Buffer.from('Jefe'), Buffer.from('what do ya want for nothing?'));
    expect(hex(mac)).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });
  it('E12: refuse the same degenerate keys and malleable signatures', () => {
    const small = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0));
    const order = Buffer.from('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010', 'hex');
    const seed = new Uint8Array(32).fill(1);
    const message = new Uint8Array(5);
    const good = nativeCrypto.sign(seed, message);
    const malleable = new Uint8Array(good);
    let carry = 0;
    for (let i = 0; i < 32; i++) {
      const sum = (good[32 + i] ?? 0) + (order[i] ?? 0) + carry;
      malleable[32 + i] = sum & 255;
      carry = sum >> 8;
    }
    for (const crypto of [nativeCrypto, portableCrypto]) {
      expect(crypto.verify(crypto.publicKey(seed), message, malleable)).toBe(false);
      expect(crypto.verify(new Uint8Array(31), message, good)).toBe(false);
      expect(crypto.verify(crypto.publicKey(seed), message, new Uint8Array(0))).toBe(false);
      expect(crypto.verify(small, message, good)).toBe(false);
    }
  });
});
