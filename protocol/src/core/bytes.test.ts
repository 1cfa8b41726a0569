import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import { equalBytes, fromBase64url, textFromBase64url, toBase32, toBase64url, utf8 } from './bytes.ts';

describe.each([
  { name: 'for browsers', encode: encodeBase64url, decode: decodeBase64url },
  { name: 'with native code', encode: toBase64url, decode: fromBase64url },
])('base64url $name', ({ encode, decode }) => {
  it('agrees with the platform, both ways', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = encode(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64url'));
        expect(decode(text)).toEqual(bytes);
      }),
    );
  });
  it('B7: one value has one text: every other spelling is refused', () => {
    for (const text of ['QQ==', 'QR', 'Q', 'Q Q', '+_', '/w', 'QQ\n', 'QUI=', 'é', 'QQ\0', '=', 'Q=Q'])
      expect(decode(text)).toBeUndefined();
  });
  it('B7: browsers and Node refuse the same texts', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ABQgw-_+/= \né'), maxLength: 9 }), (text) => {
        expect(decode(text)).toEqual(decodeBase64url(text));
      }),
    );
  });
});

describe('UTF-8', () => {
  it('is the same bytes in browsers and in Node', () => {
    for (const text of ['', 'Zeitung', 'ü€😀', '\ud800'])
      expect(Uint8Array.from(utf8(text))).toEqual(new TextEncoder().encode(text));
  });
});

describe('text in base64url', () => {
  it('B7: what is not UTF-8 is no text, so two spellings never become one', () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
      expect(textFromBase64url(toBase64url(Uint8Array.from(bytes)))).toBeUndefined();
    }
    expect(textFromBase64url(toBase64url(utf8('\ufeff€')))).toBe('\ufeff€');
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
