import { describe, expect, it } from 'vitest';
import { portableCrypto as crypto } from '../core/crypto.ts';
import { limits } from '../core/limits.ts';
import type { ProblemCode } from '../core/problems.ts';
import { mintOf, NOW_MS, recordOf } from './fixture.ts';
import {
  addTotals,
  capture,
  deposit,
  free,
  type KeysetTotals,
  type Minted,
  type MintKeys,
  swap,
  swapVoided,
  withdraw,
} from './mint.ts';
import { Hand } from './wallet-fixture.ts';

const VND = 'news.example';
const mint = mintOf([
  { value: 1n },
  { value: 2n },
  { value: 5n },
  { value: 2n, vnd: VND },
  { value: 2n, vnd: 'shop.example' },
]);
const keys: MintKeys = { keysets: new Map(mint.keysets.map((keyset) => [keyset.ks, keyset])) };
const [one, two, five] = [1n, 2n, 5n].map((value) => mint.of(value));
const env = { nowMs: NOW_MS, crypto, random: (length: number) => new Uint8Array(length) };
const alice = new Hand(mint, new Uint8Array(32).fill(1));
const cur = 'usd-micro' as const;
const code = (expected: ProblemCode) => expect.objectContaining({ code: expected });
const at = (seconds: number) => ({ ...env, nowMs: seconds * 1000 + limits.clockSkewMs + 1 });
const record = mint.of(2n).record;
const terms = (amount: bigint) => ({ challengeId: 'c1', vnd: VND, amount, cur, exp: NOW_MS / 1000 + 300 });
const totals = ({ totals: step }: Pick<Minted, 'totals'>) =>
  [...step].map(([ks, { issued, redeemed, held }]) => [ks, issued, redeemed, held]);
if (!one || !two || !five) throw new Error('three keysets were made');

describe('Withdrawing', () => {
  const outputs = [alice.take(5n).output, alice.take(2n).output];

  it('costs what the keysets of the outputs say, and counts them as issued', () => {
    const made = withdraw(outputs, cur, keys, env);
    expect(made.value).toBe(7n);
    expect(totals(made)).toEqual([
      [five.ks, 5n, 0n, 0n],
      [two.ks, 2n, 0n, 0n],
    ]);
  });

  it('refuses the same output twice, unknown and ended keysets, another currency, none and too many', () => {
    const [first] = outputs;
    if (!first) throw new Error('there is one');
    expect(() => withdraw([first, first], cur, keys, env)).toThrow(code('coin-repeated'));
    expect(() => withdraw([{ ...first, ks: one.ks.replace(/^./, 'x') }], cur, keys, env)).toThrow(
      code('keyset-unknown'),
    );
    expect(() => withdraw([first], 'eur-micro', keys, env)).toThrow(code('keyset-unknown'));
    expect(() => withdraw([first], cur, keys, at(record.spendUntil))).toThrow(code('keyset-expired'));
    expect(() => withdraw([], cur, keys, env)).toThrow(code('payload-invalid'));
    const many = Array.from({ length: 65 }, (_, i) => ({ ...first, b: `${i}` }));
    expect(() => withdraw(many, cur, keys, env)).toThrow(code('payload-invalid'));
  });
});

describe('Swapping', () => {
  const held = [alice.take(2n), alice.take(1n)];
  const outputs = [alice.take(1n).output, alice.take(2n, VND).output];

  it('gives other coins of the same value, free or locked, and names the keys that are spent', () => {
    const made = swap({ coins: alice.swap(held, outputs), outputs, cur }, keys, env);
    expect(made.spent).toEqual(held.map(({ coin }) => coin.pk));
    expect(made.value).toBe(3n);
  });

  it('refuses other outputs than were signed, and more or less than the coins are worth', () => {
    const coins = alice.swap(held, outputs);
    const stolen = [alice.take(1n).output, alice.take(2n).output];
    expect(() => swap({ coins, outputs: stolen, cur }, keys, env)).toThrow(code('spend-wrong'));
    const more = [...outputs, alice.take(1n).output];
    expect(() => swap({ coins: alice.swap(held, more), outputs: more, cur }, keys, env)).toThrow(code('sum-wrong'));
    const less = outputs.slice(0, 1);
    expect(() => swap({ coins: alice.swap(held, less), outputs: less, cur }, keys, env)).toThrow(code('sum-wrong'));
  });

  it('refuses one coin twice, and a coin that no key of ours has signed', () => {
    const twice = [held[0], held[0]].flatMap((coin) => (coin ? [coin] : []));
    const four = [alice.take(2n).output, alice.take(2n).output];
    expect(() => swap({ coins: alice.swap(twice, four), outputs: four, cur }, keys, env)).toThrow(
      code('coin-repeated'),
    );
    const [genuine, other] = held;
    if (!genuine || !other) throw new Error('two are held');
    const forged = { ...genuine, coin: { ...genuine.coin, sig: other.coin.sig } };
    const coins = alice.swap([forged, other], outputs);
    expect(() => swap({ coins, outputs, cur }, keys, env)).toThrow(code('coin-forged'));
  });

  it('makes old coins new while they can be reclaimed, and not after that', () => {
    const fresh = mintOf([{ value: 2n }]);
    const { record: later } = recordOf(2n, {
      nbf: record.spendUntil,
      spendUntil: record.reclaimUntil + 9,
      claimUntil: record.reclaimUntil + 9,
      reclaimUntil: record.reclaimUntil + 9,
    });
    const [next] = fresh.keysets.map((keyset) => ({ ...keyset, record: later }));
    if (!next) throw new Error('one keyset was made');
    const both = { keysets: new Map([...keys.keysets, ['next', next]]) };
    const old = [alice.take(2n)];
    const output = [{ ks: 'next', b: alice.take(1n).output.b }];
    const coins = alice.swap(old, output);
    expect(swap({ coins, outputs: output, cur }, both, at(record.claimUntil)).value).toBe(2n);
    expect(() => swap({ coins, outputs: output, cur }, both, at(record.reclaimUntil))).toThrow(code('keyset-expired'));
  });

  it('gives locked coins back only when their vendor can no longer claim them', () => {
    const locked = [alice.take(2n, VND)];
    const output = [alice.take(2n).output];
    const coins = alice.swap(locked, output);
    expect(() => swap({ coins, outputs: output, cur }, keys, env)).toThrow(code('keyset-expired'));
    expect(() => swap({ coins, outputs: output, cur }, keys, at(record.spendUntil))).toThrow(code('keyset-expired'));
    const mixed = [alice.take(2n), ...locked];
    const two2 = [alice.take(2n).output, alice.take(2n).output];
    expect(() => swap({ coins: alice.swap(mixed, two2), outputs: two2, cur }, keys, env)).toThrow(code('lock-foreign'));
  });
});

describe('Depositing', () => {
  const held = [alice.take(5n)];
  const change = [alice.take(2n).output];
  const coins = alice.pay(held, { ...terms(3n), change });

  it('pays the vendor the amount, and makes the change coins again', () => {
    const made = deposit({ coins, terms: { ...terms(3n), coins, change }, cur, hold: false }, keys, env);
    expect(made).toMatchObject({ value: 3n, spent: [held[0]?.coin.pk] });
    expect(totals(made)).toEqual([
      [five.ks, 0n, 5n, 0n],
      [two.ks, 2n, 0n, 0n],
    ]);
  });

  it.each<[string, ProblemCode, object]>([
    ['another vendor', 'spend-wrong', { vnd: 'thief.example' }],
    ['another challenge', 'spend-wrong', { challengeId: 'c2' }],
    ['a higher amount', 'sum-wrong', { amount: 5n }],
    ['a higher amount and the change left out', 'spend-wrong', { amount: 5n, change: [] }],
    ['change for somebody else', 'spend-wrong', { change: [alice.take(2n).output] }],
  ])('refuses %s', (_, expected, altered) => {
    const claimed = { ...terms(3n), coins, change, ...altered };
    expect(() => deposit({ coins, terms: claimed, cur, hold: false }, keys, env)).toThrow(code(expected));
  });

  it('refuses a payment that has expired, and coins that can no longer be spent', () => {
    const claim = { coins, terms: { ...terms(3n), coins, change }, cur, hold: false };
    expect(() => deposit(claim, keys, at(NOW_MS / 1000 + 300))).toThrow(code('challenge-expired'));
    expect(() => deposit(claim, keys, at(record.spendUntil))).toThrow(code('keyset-expired'));
  });

  it('takes locked coins from their own vendor, later too, and from no other', () => {
    const locked = alice.pay([alice.take(2n, VND)], terms(2n));
    const claim = { coins: locked, terms: { ...terms(2n), coins: locked }, cur, hold: false };
    expect(deposit(claim, keys, at(record.spendUntil)).value).toBe(2n);
    expect(() => deposit(claim, keys, at(record.claimUntil))).toThrow(code('keyset-expired'));
    const thief = { ...terms(2n), vnd: 'shop.example' };
    const shown = alice.pay([alice.take(2n, VND)], thief);
    expect(() => deposit({ coins: shown, terms: { ...thief, coins: shown }, cur, hold: false }, keys, env)).toThrow(
      code('lock-foreign'),
    );
  });
});

describe('Holding a payment', () => {
  const held = [alice.take(5n)];
  const change = [alice.take(2n).output];
  const coins = alice.pay(held, { ...terms(3n), change });
  const payment = { coins, terms: { ...terms(3n), coins, change }, cur, hold: true };

  it('takes the coins out of circulation, and pays nobody until it is captured', () => {
    expect(totals(deposit(payment, keys, env))).toEqual([
      [five.ks, 0n, 0n, 5n],
      [two.ks, 2n, 0n, 0n],
    ]);
    expect(totals({ totals: capture(coins, keys) })).toEqual([[five.ks, 0n, 5n, -5n]]);
    expect(totals({ totals: free(coins, keys) })).toEqual([[five.ks, 0n, 0n, -5n]]);
  });

  it('that was voided after its change went out gives back the amount, not the coins', () => {
    const back = [alice.take(2n).output, alice.take(1n).output];
    const made = swapVoided({ coins: alice.swap(held, back), outputs: back, cur, amount: 3n }, keys, env);
    expect(made.value).toBe(3n);
    expect(totals(made)).toEqual([
      [five.ks, 0n, 5n, -5n],
      [two.ks, 2n, 0n, 0n],
      [one.ks, 1n, 0n, 0n],
    ]);
    const all = [alice.take(5n).output];
    const greedy = { coins: alice.swap(held, all), outputs: all, cur, amount: 3n };
    expect(() => swapVoided(greedy, keys, env)).toThrow(code('sum-wrong'));
    const stolen = { coins, outputs: back, cur, amount: 3n };
    expect(() => swapVoided(stolen, keys, env)).toThrow(code('spend-wrong'));
  });
});

describe('A revoked keyset', () => {
  const revoked = { ...keys, revoked: new Set([two.ks]) };
  const held = [alice.take(2n)];
  const fresh = [alice.take(1n).output, alice.take(1n).output];

  it('pays nobody and makes nothing, but its coins can be swapped for others', () => {
    expect(swap({ coins: alice.swap(held, fresh), outputs: fresh, cur }, revoked, env).value).toBe(2n);
    const same = [alice.take(2n).output];
    expect(() => swap({ coins: alice.swap(held, same), outputs: same, cur }, revoked, env)).toThrow(
      code('keyset-unknown'),
    );
    expect(() => withdraw(same, cur, revoked, env)).toThrow(code('keyset-unknown'));
    const coins = alice.pay(held, terms(2n));
    expect(() => deposit({ coins, terms: { ...terms(2n), coins }, cur, hold: false }, revoked, env)).toThrow(
      code('keyset-unknown'),
    );
  });
});

describe('The totals of a keyset', () => {
  it('stop the mint as soon as more comes back than went out', () => {
    const row: KeysetTotals = { issued: 10n, redeemed: 6n, held: 2n };
    const none = { issued: 0n, redeemed: 0n, held: 0n };
    expect(addTotals(row, { ...none, redeemed: 2n })).toEqual({ issued: 10n, redeemed: 8n, held: 2n });
    expect(() => addTotals(row, { ...none, redeemed: 3n })).toThrow(/more than it issued/);
    expect(() => addTotals(row, { ...none, held: 3n })).toThrow(/more than it issued/);
    expect(() => addTotals(row, { ...none, held: -3n })).toThrow(/more than it issued/);
  });
});
