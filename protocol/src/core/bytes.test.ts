import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalBytes, fromBase64url, toBase32, toBase64url, utf8 } from './bytes.ts';

describe('base64url', () => {
  it('agrees with the platform, both ways', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = toBase64url(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64url'));
        expect(fromBase64url(text)).toEqual(bytes);
      }),
    );
  });
  it('B7: one value has one text: every other spelling is refused', () => {
    for (const text of ['QQ==', 'QR', 'Q', 'Q Q', '+_', '/w', 'QQ\n', 'QUI=', 'é'])
      expect(fromBase64url(text)).toBeUndefined();
  });
});

describe('base32', () => {
  it('is RFC 4648 in lower case without padding', () => {
    expect(toBase32(utf8('foobar'))).toBe('mzxw6ytboi');
    expect(toBase32(utf8('fo'))).toBe('mzxq');
  });
});

describe('comparison', () => {
  it('E3: bytes of other lengths differ and raise nothing', () => {
    for (const length of [0, 31, 33]) expect(equalBytes(new Uint8Array(length), new Uint8Array(32))).toBe(false);
    expect(equalBytes(new Uint8Array(32), new Uint8Array(32))).toBe(true);
  });
});
