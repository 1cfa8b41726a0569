import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { portableCrypto as crypto } from '../core/crypto.ts';
import { seeded } from '../testing/random.ts';
import { isSpend } from './coin.ts';
import { DENOMINATIONS } from './denominations.ts';
import { mintOf, NOW_MS } from './fixture.ts';
import {
  draft,
  emptyPurse,
  finish,
  handy,
  type Mint,
  type Purse,
  put,
  restoreBatch,
  restored,
  signedFor,
  take,
  worthOf,
} from './purse.ts';

const VND = 'news.example';
const broker = mintOf([{ value: 1n }, { value: 2n }, { value: 5n }, { value: 10n }, { value: 2n, vnd: VND }]);
const keysets = new Map(broker.keysets.map((keyset) => [keyset.ks, keyset]));
const mint: Mint = { keysets, seed: new Uint8Array(32).fill(21) };
const rng = seeded(20_261_123);
const env = { nowMs: NOW_MS, crypto, random: rng.bytes };
const late = { ...env, nowMs: NOW_MS + 40 * 86_400_000 };

/** A purse with coins of these values, withdrawn. */
function purseOf(values: readonly bigint[], from: Purse = emptyPurse('b1', 'usd-micro'), vnd?: string): Purse {
  const drafted = draft(from, { values, ...(vnd === undefined ? {} : { vnd }) }, mint, env);
  return put(drafted.purse, finish(drafted.planned, drafted.outputs.map(broker.sign), mint, env));
}

describe('A purse', () => {
  it('holds what it withdrew, and no two coins come from one counter', () => {
    const purse = purseOf([1n, 1n, 2n, 5n]);
    expect(worthOf(purse, mint, NOW_MS)).toBe(9n);
    expect(new Set(purse.coins.map(({ coin }) => coin.pk)).size).toBe(4);
    const more = purseOf([1n, 5n], purse);
    expect(new Set(more.coins.map(({ coin }) => coin.pk)).size).toBe(6);
  });

  it('counts coins of an ended keyset as nothing, and makes none', () => {
    const purse = purseOf([5n]);
    expect(worthOf(purse, mint, late.nowMs)).toBe(0n);
    expect(() => draft(purse, { values: [5n] }, mint, late)).toThrow(
      expect.objectContaining({ code: 'keyset-unknown' }),
    );
    expect(() => draft(purse, { values: [20n] }, mint, env)).toThrow(
      expect.objectContaining({ code: 'keyset-unknown' }),
    );
  });

  it('takes no answer with a coin missing, of another key, or for another output', () => {
    const { planned, outputs } = draft(emptyPurse('b1', 'usd-micro'), { values: [1n, 2n] }, mint, env);
    const good = outputs.map(broker.sign);
    const untrusted = expect.objectContaining({ code: 'broker-untrusted' });
    expect(() => finish(planned, good.slice(1), mint, env)).toThrow(untrusted);
    expect(() => finish(planned, [...good].reverse(), mint, env)).toThrow(untrusted);
    const cheap = outputs.map(({ b }) => broker.sign({ ks: broker.of(5n).ks, b }));
    expect(() => finish(planned, cheap, mint, env)).toThrow(untrusted);
  });

  it('pays a price with coins that leave it at once, and outputs for the change', () => {
    const purse = purseOf([1n, 2n, 10n]);
    const taken = take(purse, { price: 5n, most: 4, change: true }, mint, env);
    if (!taken) throw new Error('ten covers five');
    expect(taken.coins.map(({ coin: { ks } }) => keysets.get(ks)?.value)).toEqual([10n]);
    expect(taken.change.planned).toHaveLength(1);
    expect(worthOf(taken.purse, mint, NOW_MS)).toBe(3n);
    const terms = { challengeId: 'c1', vnd: VND, amount: 5n, cur: 'usd-micro', exp: 1, change: taken.change.outputs };
    const coins = signedFor(taken.coins, terms, mint, env);
    expect(coins.every((coin) => isSpend({ ...terms, coins }, coin, crypto))).toBe(true);
    const back = put(taken.purse, finish(taken.change.planned, taken.change.outputs.map(broker.sign), mint, env));
    expect(worthOf(back, mint, NOW_MS)).toBe(8n);
  });

  it('gives coins that are locked to a site to that site alone, and no others there', () => {
    const purse = purseOf([2n], purseOf([2n]), VND);
    const here = take(purse, { price: 2n, vnd: VND, most: 4, change: false }, mint, env);
    expect(here?.coins.map(({ coin: { ks } }) => keysets.get(ks)?.record.vnd)).toEqual([VND]);
    expect(take(purse, { price: 2n, vnd: 'shop.example', most: 4, change: false }, mint, env)).toBeUndefined();
    expect(take(purse, { price: 4n, most: 4, change: true }, mint, env)).toBeUndefined();
  });

  it('sends its outputs in an order that tells nothing of their values', () => {
    const orders = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const { outputs } = draft(emptyPurse('b1', 'usd-micro'), { values: [1n, 2n, 5n, 10n] }, mint, env);
      orders.add(outputs.map(({ ks }) => keysets.get(ks)?.value).join());
    }
    expect(orders.size).toBeGreaterThan(1);
  });
});

describe('Handy change', () => {
  it('adds up, in denominations, and has small coins among it', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 9n - 1n }), fc.integer({ min: 1, max: 40 }), (amount, about) => {
        const values = handy(amount, about);
        expect(values.reduce((sum, value) => sum + value, 0n)).toBe(amount);
        expect(values.every((value) => DENOMINATIONS.includes(value) || value > 500_000_000n)).toBe(true);
        expect(values.length).toBeLessThanOrEqual(64);
      }),
    );
    expect(handy(10n, 4)).toEqual([5n, 2n, 2n, 1n]);
  });
});

describe('A recovery phrase alone', () => {
  it('gives back every coin and every counter, and the same coin only once', () => {
    const before = purseOf([1n, 1n, 2n, 5n]);
    const signed = new Map(
      before.coins.flatMap(({ coin: { ks }, counter }) => {
        const { outputs } = restoreBatch({ ks, counter }, 1, mint, env);
        return outputs.map((output) => [output.b, broker.sign(output)] as const);
      }),
    );
    let purse = emptyPurse('b1', 'usd-micro');
    for (const ks of keysets.keys()) {
      const batch = restoreBatch({ ks, counter: 0 }, 5, mint, env);
      expect(batch.planned.map(({ counter }) => counter)).toEqual([0, 1, 2, 3, 4]);
      const signatures = batch.outputs.map(({ b }) => signed.get(b) ?? null);
      purse = restored(purse, { planned: batch.planned, signatures }, mint, env).purse;
      purse = restored(purse, { planned: batch.planned, signatures }, mint, env).purse;
    }
    const pks = ({ coins }: Purse) => coins.map(({ coin }) => coin.pk).sort();
    expect(pks(purse)).toEqual(pks(before));
    expect(purse.next).toEqual(before.next);
  });

  it('of somebody else gives back nothing', () => {
    const thief: Mint = { ...mint, seed: new Uint8Array(32).fill(22) };
    const mine = restoreBatch({ ks: broker.of(1n).ks, counter: 0 }, 3, mint, env);
    const theirs = restoreBatch({ ks: broker.of(1n).ks, counter: 0 }, 3, thief, env);
    expect(mine.outputs.map(({ b }) => b)).not.toEqual(theirs.outputs.map(({ b }) => b));
    const signatures = mine.outputs.map(broker.sign);
    expect(() => restored(emptyPurse('b1', 'usd-micro'), { planned: theirs.planned, signatures }, thief, env)).toThrow(
      expect.objectContaining({ code: 'broker-untrusted' }),
    );
  });
});
