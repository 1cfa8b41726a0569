import { expect, test } from 'vitest';
import { shortAmount } from './short-amount.ts';

test.each([
  [0n, ''],
  [1n, '<.1¢'],
  [999n, '<.1¢'],
  [1_000n, '.1¢'],
  [3_999n, '.3¢'],
  [10_000n, '1¢'],
  [32_500n, '3.2¢'],
  [99_999n, '9.9¢'],
  [100_000n, '10¢'],
  [999_999n, '99¢'],
  [1_000_000n, '$1.0'],
  [9_990_000n, '$9.9'],
  [123_456_789n, '$123'],
])('%s base units read %s', (amount, text) => {
  expect(shortAmount(amount, 'usd-micro')).toBe(text);
});

test('another currency keeps its own sign', () => {
  expect(shortAmount(2_500_000n, 'eur-micro')).toBe('€2.5');
});

test('no amount is longer than a badge, and none above zero reads as zero', () => {
  for (let amount = 1n; amount < 10n ** 9n; amount = amount * 3n + 1n) {
    const text = shortAmount(amount, 'usd-micro');
    expect(text.length).toBeLessThanOrEqual(4);
    expect(text).toMatch(/[1-9]/);
  }
});
