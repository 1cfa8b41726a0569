import { describe, expect, it } from 'vitest';
import { limits } from './limits.ts';
import { printPaymentMeter, readPaymentMeter } from './payment-meter.ts';

describe('the meter of a stream', () => {
  it.each([
    [{ spent: 1200n, remaining: 300n, running: true }, 'spent="1200", remaining="300", running=?1'],
    [{ spent: 0n, remaining: limits.sumMax, running: false }, `spent="0", remaining="${limits.sumMax}", running=?0`],
  ])('is printed and read back', (meter, text) => {
    expect(printPaymentMeter(meter)).toBe(text);
    expect(readPaymentMeter(text)).toEqual(meter);
  });

  it('may say more than is known, in any order', () => {
    expect(readPaymentMeter('running, remaining="3",note="a b",spent="1"')).toEqual({
      spent: 1n,
      remaining: 3n,
      running: true,
    });
  });

  it.each([
    null,
    '',
    'spent="1"',
    'spent=1, remaining=2, running=?1',
    'spent="-1", remaining="2", running=?1',
    'spent="01", remaining="2", running=?1',
    'spent="1e3", remaining="2", running=?1',
    'spent="1", remaining="2", running=1',
    'spent="1", remaining="2"',
    `spent="1", remaining="${limits.sumMax + 1n}", running=?1`,
    `spent="1", remaining="2", running=?1, more="${'x'.repeat(500)}"`,
  ])('is nothing when it is %s', (text) => {
    expect(readPaymentMeter(text)).toBeUndefined();
  });
});
