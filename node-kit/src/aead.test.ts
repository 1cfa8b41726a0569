import { portableAead } from '@farthing/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nativeAead } from './index.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const plain = fc.uint8Array({ maxLength: 2000 });

test('native and portable code seal to the same bytes, and open what the other sealed', () => {
  fc.assert(
    fc.property(bytes(32), bytes(12), plain, (key, nonce, data) => {
      const sealed = nativeAead.seal(key, nonce, data);
      expect(Buffer.from(portableAead.seal(key, nonce, data)).equals(sealed)).toBe(true);
      expect(Buffer.from(nativeAead.open(key, nonce, sealed) ?? 'closed').equals(data)).toBe(true);
      expect(Buffer.from(portableAead.open(key, nonce, sealed) ?? 'closed').equals(data)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('a record that was changed anywhere, or is shorter than its tag, does not open', () => {
  fc.assert(
    fc.property(bytes(32), bytes(12), plain, fc.nat(), (key, nonce, data, at) => {
      const sealed = Buffer.from(nativeAead.seal(key, nonce, data));
      const place = at % sealed.length;
      sealed.writeUInt8(sealed.readUInt8(place) ^ 1, place);
      expect(nativeAead.open(key, nonce, sealed)).toBeUndefined();
      expect(nativeAead.open(key, nonce, sealed.subarray(0, at % 16))).toBeUndefined();
    }),
    { numRuns: 50 },
  );
});
