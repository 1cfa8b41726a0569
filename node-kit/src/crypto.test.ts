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
