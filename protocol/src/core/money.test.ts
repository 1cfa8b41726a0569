import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMoney, parseAmount, parsePrice, toDecimal } from './money.ts';
import { PaymentProblem } from './problems.ts';

describe('prices as people write them', () => {
  it.each([
    ['0.0015 USD', 1_500n, 'usd-micro'],
    ['0.000001 EUR', 1n, 'eur-micro'],
    ['1 USD', 1_000_000n, 'usd-micro'],
    ['9007199254.740993 USD', 9_007_199_254_740_993n, 'usd-micro'],
    ['1000000000000 USD', 10n ** 18n, 'usd-micro'],
  ])('%s is read exactly', (text, amount, currency) => expect(parsePrice(text)).toEqual({ amount, currency }));

  it.each([
    '',
    '0 USD',
    '0.0000001 USD',
    '-1 USD',
    '1e3 USD',
    '1,5 USD',
    '+1 USD',
    '.5 USD',
    '5. USD',
    '0x1 USD',
    '1 usd',
    '1 XXX',
    '1',
    'NaN USD',
    '1000000000000.000001 USD',
    '1 USD '.repeat(20),
  ])('%j is refused with the code of its place', (text) => {
    expect(() => parsePrice(text)).toThrow(PaymentProblem);
    expect(() => parsePrice(text)).toThrow(/^price-invalid/);
  });
});

describe('amounts on the wire', () => {
  it.each([
    '1e3',
    '0x1',
    '+1',
    '01',
    '1.0',
    '-1',
    '-0',
    '',
    ' 1',
    '1 ',
    '١',
    '1_000',
    'Infinity',
    '1000000000000000001',
    '9'.repeat(400),
  ])('E7: %j is no amount', (text) => expect(parseAmount(text)).toBeUndefined());
  it('zero is an amount only where the place allows it', () => {
    expect(parseAmount('0')).toBeUndefined();
    expect(parseAmount('0', { zero: true })).toBe(0n);
  });
});

describe('text of money', () => {
  it('shows every base unit, and at least two decimals', () => {
    expect(formatMoney({ amount: 1_500n, currency: 'usd-micro' })).toBe('$0.0015');
    expect(formatMoney({ amount: -2_500_000n, currency: 'eur-micro' })).toBe('-€2.50');
    expect(toDecimal(9_007_199_254_740_993n)).toBe('9007199254.740993');
  });
  it('reads back as what it was, for any amount', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, 10n ** 18n), (amount) => {
        expect(parsePrice(`${toDecimal(amount)} USD`).amount).toBe(amount);
        expect(parseAmount(amount.toString())).toBe(amount);
      }),
    );
  });
});
