import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DENOMINATIONS, pickCoins, split } from './denominations.ts';

const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);
const coin = fc.nat({ max: 11 }).map((i) => DENOMINATIONS[i] ?? 1n);
const price = fc.integer({ min: 1, max: 9999 }).map(BigInt);

describe('Splitting an amount', () => {
  it('makes written prices with few coins', () => {
    expect(split(1500n)).toEqual([1000n, 500n]);
    expect(split(4n)).toEqual([2n, 2n]);
    expect(split(0n)).toEqual([]);
  });

  it('adds up for every amount that coins can make', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 500_000_000n }), (amount) => {
        expect(sum(split(amount))).toBe(amount);
      }),
    );
  });

  it('says when it cannot', () => {
    expect(() => split(3n, [2n])).toThrow(RangeError);
  });
});

describe('Picking coins', () => {
  const header = { most: 4, change: true };

  it('pays exactly when it can, with as few coins as it can', () => {
    expect(pickCoins([1n, 1n, 2n, 5n], 2n, header)).toEqual({ give: [2], change: [] });
    expect(pickCoins([5n, 1n, 1n, 2n], 7n, header)).toEqual({ give: [0, 3], change: [] });
  });

  it('finds exact sums that taking the largest first would miss', () => {
    const coins = [5n, 2n, 2n, 2n];
    expect(pickCoins(coins, 6n, header)).toEqual({ give: [1, 2, 3], change: [] });
  });

  it('breaks the smallest coin that covers the price, and names the change', () => {
    expect(pickCoins([100n, 10n], 3n, header)).toEqual({ give: [1], change: [5n, 2n] });
  });

  it('gives up when coins and change do not fit, when there is no change, and when there is too little', () => {
    expect(pickCoins([1n, 1n, 1n, 1n, 1n], 5n, header)).toBeUndefined();
    expect(pickCoins([100n], 3n, { most: 2, change: true })).toBeUndefined();
    expect(pickCoins([10n], 3n, { most: 4, change: false })).toBeUndefined();
    expect(pickCoins([1n], 3n, header)).toBeUndefined();
    expect(pickCoins([], 3n, header)).toBeUndefined();
  });

  it('always balances: what is given is the price and the change, no coin twice, within the bound', () => {
    fc.assert(
      fc.property(fc.array(coin, { maxLength: 40 }), price, fc.constantFrom(4, 64), (coins, asked, most) => {
        const picked = pickCoins(coins, asked, { most, change: true });
        if (!picked) return;
        expect(sum(picked.give.map((place) => coins[place] ?? 0n))).toBe(asked + sum(picked.change));
        expect(new Set(picked.give).size).toBe(picked.give.length);
        expect(picked.give.length + picked.change.length).toBeLessThanOrEqual(most);
      }),
    );
  });

  it('misses no exact payment of up to three coins', () => {
    fc.assert(
      fc.property(fc.array(coin, { minLength: 3, maxLength: 12 }), (coins) => {
        const asked = sum(coins.slice(0, 3));
        expect(pickCoins(coins, asked, { most: 4, change: true })?.change).toEqual([]);
      }),
    );
  });
});
