import { describe, expect, it } from 'vitest';
import { compare, gatedFirst, median, quantile } from './stats.ts';

describe('median', () => {
  it('is the middle of an odd number of values, in whatever order they come', () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it('is the mean of the middle two of an even number', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it('compares numbers as numbers, and leaves the caller’s list as it was', () => {
    const values = [100, 20, 3];
    expect(median(values)).toBe(20);
    expect(values).toEqual([100, 20, 3]);
  });

  it('of nothing is no number', () => {
    expect(median([])).toBeNaN();
  });
});

describe('quantile', () => {
  it('interpolates between the neighbours', () => {
    expect(quantile([10, 20, 30, 40, 50], 0.99)).toBeCloseTo(49.6);
  });

  it('gives the ends at 0 and 1', () => {
    expect([quantile([3, 1, 2], 0), quantile([3, 1, 2], 1)]).toEqual([1, 3]);
  });

  it('of one value is that value', () => {
    expect(quantile([7], 0.99)).toBe(7);
  });
});

describe('compare', () => {
  it('compares within each pair: a disturbance that slows one whole pair changes no ratio', () => {
    const calm = { gated: 500, free: 1000 };
    const disturbed = { gated: 50, free: 100 };
    expect(compare([calm, disturbed, calm]).ratio).toBe(0.5);
    expect(compare([disturbed, disturbed, calm]).ratio).toBe(0.5);
  });

  it('outlives one wild pair', () => {
    const pairs = [
      { gated: 60, free: 40 },
      { gated: 61, free: 40 },
      { gated: 900, free: 40 },
    ];
    expect(compare(pairs)).toEqual({ value: 61, baseline: 40, ratio: 61 / 40, added: 21 });
  });

  it('says that nothing was added when both sides are the same', () => {
    expect(compare([{ gated: 3, free: 3 }])).toEqual({ value: 3, baseline: 3, ratio: 1, added: 0 });
  });
});

describe('the order within pairs', () => {
  it('alternates', () => {
    expect([0, 1, 2, 3].map(gatedFirst)).toEqual([false, true, false, true]);
  });
});
