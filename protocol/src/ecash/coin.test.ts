import { describe, expect, it } from 'vitest';
import { portableCrypto as crypto } from '../core/crypto.ts';
import { isGenuine, isSpend, isSwap, type SpendTerms, type SpentCoin, signSpend, signSwap } from './coin.ts';
import { coinSecret, draftCoin, finishCoin } from './derive.ts';
import { mintOf } from './fixture.ts';

const mint = mintOf([{ value: 1n }, { value: 2n }, { value: 1n, vnd: 'news.example' }]);
const seed = new Uint8Array(32).fill(3);

/** The coin at this place of the seed, withdrawn. */
function coinAt(value: bigint, counter: number, vnd?: string) {
  const { ks, key } = mint.of(value, vnd);
  const draft = draftCoin({ seed, ks, counter }, key, crypto);
  const coin = draft && finishCoin(draft, mint.sign(draft.output), key);
  if (!draft || !coin) throw new Error('an honest mint makes a coin');
  return { coin, draft, key, secret: coinSecret({ seed, ks, counter }) };
}

describe('A coin', () => {
  it('is genuine under its own keyset and under no other', () => {
    const { coin, key } = coinAt(1n, 0);
    expect(isGenuine(coin, key)).toBe(true);
    expect(isGenuine(coin, mint.of(2n).key)).toBe(false);
    expect(isGenuine({ ...coin, ks: mint.of(2n).ks }, mint.of(2n).key)).toBe(false);
    expect(isGenuine({ ...coin, ks: mint.of(1n, 'news.example').ks }, mint.of(1n, 'news.example').key)).toBe(false);
  });

  it('comes back from the seed: the same secrets, the same blinded message, the same coin', () => {
    const [first, second] = [coinAt(1n, 7), coinAt(1n, 7)];
    expect(second).toEqual(first);
  });

  it('shares nothing with its neighbours: another counter, keyset or seed gives another key and another blinding', () => {
    const all = [coinAt(1n, 1), coinAt(1n, 2), coinAt(2n, 1), coinAt(1n, 1, 'news.example')];
    const foreign = draftCoin(
      { seed: new Uint8Array(32).fill(4), ks: mint.of(1n).ks, counter: 1 },
      mint.of(1n).key,
      crypto,
    );
    const texts = [...all.flatMap(({ draft }) => [draft.pk, draft.output.b]), foreign?.pk, foreign?.output.b];
    expect(new Set(texts).size).toBe(10);
  });

  it('is not made when the mint signs with the key of another value', () => {
    const { ks, key } = mint.of(2n);
    const draft = draftCoin({ seed, ks, counter: 3 }, key, crypto);
    if (!draft) throw new Error('a factor as good as always');
    const cheap = mint.sign({ ks: mint.of(1n).ks, b: draft.output.b });
    expect(finishCoin(draft, cheap, key)).toBeUndefined();
    expect(finishCoin(draft, 'AAAA', key)).toBeUndefined();
  });
});

describe('Spending a coin', () => {
  const [a, b] = [coinAt(1n, 10), coinAt(2n, 11)];
  const change = [{ ks: mint.of(1n).ks, b: a.draft.output.b }];
  const terms: SpendTerms = {
    challengeId: 'c1',
    vnd: 'news.example',
    amount: 2n,
    cur: 'usd-micro',
    coins: [a.coin, b.coin],
    change,
    exp: 1_800_000_000,
  };
  const spent: SpentCoin = { ...a.coin, spend: signSpend(terms, a.secret, crypto) };

  it('is good for exactly these terms, in whatever order the coins come', () => {
    expect(isSpend(terms, spent, crypto)).toBe(true);
    expect(isSpend({ ...terms, coins: [b.coin, a.coin] }, spent, crypto)).toBe(true);
  });

  it.each<[string, Partial<SpendTerms>]>([
    ['another vendor', { vnd: 'thief.example' }],
    ['another challenge', { challengeId: 'c2' }],
    ['another amount', { amount: 1n }],
    ['another currency', { cur: 'eur-micro' }],
    ['another expiry', { exp: 1_800_000_001 }],
    ['fewer coins', { coins: [a.coin] }],
    ['change for somebody else', { change: [{ ks: mint.of(1n).ks, b: b.draft.output.b }] }],
    ['no change', { change: [] }],
    ['goods that were not asked for', { goods: { kc: 'x' } }],
  ])('is worth nothing with %s', (_, altered) => {
    expect(isSpend({ ...terms, ...altered }, spent, crypto)).toBe(false);
  });

  it('needs the secret of the coin itself', () => {
    expect(isSpend(terms, { ...a.coin, spend: signSpend(terms, b.secret, crypto) }, crypto)).toBe(false);
  });

  it('in a swap gives these outputs and no others, and a swap is no payment', () => {
    const coins = [a.coin, b.coin];
    const signed = [a, b].map(({ coin, secret }) => ({ ...coin, spend: signSwap(coins, change, { secret, crypto }) }));
    expect(isSwap(signed, change, crypto)).toBe(true);
    expect(isSwap(signed, [], crypto)).toBe(false);
    expect(isSwap(signed.slice(1), change, crypto)).toBe(false);
    expect(signed.every((one) => isSpend(terms, one, crypto))).toBe(false);
  });
});
