import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { centsText, formatExact, formatTotal, parseTyped } from './money.tsx';
import { useTexts } from './t.ts';

const tags = ['en', 'en-GB', 'de', 'es', 'ar', 'ar-EG'];
const amounts = fc.bigInt({ min: 1n, max: 10n ** 18n });
/** Digits of any script to Latin ones. */
const latin = (text: string) => text.replace(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - 0x660));
const digitsOf = (text: string) => latin(text).replace(/\D/g, '');

describe.each(tags)('in %s', (tag) => {
  beforeEach(() => useTexts(tag, {}));

  test('an exact amount holds every digit and is read back as itself', () => {
    fc.assert(
      fc.property(amounts, (amount) => {
        const text = latin(formatExact(amount, 'usd-micro'));
        const parts = new Intl.NumberFormat(tag).formatToParts(1000.5);
        const point = latin(parts.find(({ type }) => type === 'decimal')?.value ?? '.');
        const [whole = '', fraction = ''] = text.replace(/[^0-9.,٫]/g, '').split(new RegExp(`\\${point}(?=\\d*$)`));
        expect(BigInt(digitsOf(whole)) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))).toBe(amount);
        expect(fraction.length).toBeGreaterThanOrEqual(2);
      }),
    );
  });

  test('no amount that is not zero prints as zero, in any style', () => {
    fc.assert(
      fc.property(fc.oneof(amounts, fc.bigInt({ min: 1n, max: 20_000n })), fc.boolean(), (size, minus) => {
        const amount = minus ? -size : size;
        for (const text of [formatExact(amount, 'eur-micro'), formatTotal(amount, 'eur-micro')])
          expect(digitsOf(text)).toMatch(/[1-9]/);
      }),
    );
  });

  test('what is typed in the plain form is read exactly', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n }), (amount) => {
        const text = `${amount / 1_000_000n}.${(amount % 1_000_000n).toString().padStart(6, '0')}`;
        expect(parseTyped(text)).toBe(amount);
      }),
    );
  });

  test('nothing invisible is left in an amount', () => {
    expect(formatExact(-1500n, 'usd-micro')).not.toMatch(/[\u200e\u200f\u061c]/);
  });
});

describe('in English', () => {
  beforeEach(() => useTexts('en', {}));

  test.each([
    [1500n, '$0.0015'],
    [1n, '$0.000001'],
    [500_000n, '$0.50'],
    [984_000n, '$0.984'],
    [9_007_199_254_740_993_000_001n, '$9,007,199,254,740,993.000001'],
  ])('%d is %s', (amount, text) => {
    expect(formatExact(amount, 'usd-micro')).toBe(text);
  });

  test.each([
    [0n, '$0.00'],
    [1n, '<$0.01'],
    [9_999n, '<$0.01'],
    [10_000n, '$0.01'],
    [61_200n, '$0.06'],
    [-1n, '>-$0.01'],
  ])('a total of %d is %s', (amount, text) => {
    expect(formatTotal(amount, 'usd-micro')).toBe(text);
  });

  test('a price below a cent gets a plain line, others none', () => {
    expect(centsText(1500n)).toBe('0.15');
    expect(centsText(1n)).toBe('0.0001');
    expect(centsText(10_000n)).toBeUndefined();
    expect(centsText(0n)).toBeUndefined();
  });

  test.each(['', '-1', '1e3', '1.', '.5', '1.2345678', '1,000', '0x10', '١.٢.٣'])('%j is no amount', (text) => {
    expect(parseTyped(text)).toBeUndefined();
  });
});

test('a German types a comma', () => {
  useTexts('de', {});
  expect(parseTyped('0,0015')).toBe(1500n);
  expect(parseTyped('0.0015')).toBe(1500n);
});
