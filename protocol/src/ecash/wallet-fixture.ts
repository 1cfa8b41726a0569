// Coins in a hand, for tests: withdrawn from a test mint, and signed over to somebody.
import { portableCrypto as crypto } from '../core/crypto.ts';
import { type Coin, type Output, type SpendTerms, type SpentCoin, signSpend, signSwap } from './coin.ts';
import { coinSecret, draftCoin, finishCoin } from './derive.ts';
import type { Mint } from './fixture.ts';

export type Held = { readonly coin: Coin; readonly secret: Uint8Array; readonly output: Output };

/** One wallet: every coin at the next counter of its seed. */
export class Hand {
  readonly #mint: Mint;
  readonly #seed: Uint8Array;
  #counter = 0;

  constructor(mint: Mint, seed: Uint8Array) {
    this.#mint = mint;
    this.#seed = seed;
  }

  /** A coin of this value; `vnd`: locked to that vendor. */
  take(value: bigint, vnd?: string): Held {
    const { ks, key } = this.#mint.of(value, vnd);
    const place = { seed: this.#seed, ks, counter: this.#counter++ };
    const draft = draftCoin(place, key, crypto);
    const coin = draft && finishCoin(draft, this.#mint.sign(draft.output), key);
    if (!draft || !coin) throw new Error('an honest mint makes a coin');
    return { coin, secret: coinSecret(place), output: draft.output };
  }

  pay(held: readonly Held[], terms: Omit<SpendTerms, 'coins'>): SpentCoin[] {
    const coins = held.map(({ coin }) => coin);
    return held.map(({ coin, secret }) => ({ ...coin, spend: signSpend({ ...terms, coins }, secret, crypto) }));
  }

  swap(held: readonly Held[], outputs: readonly Output[]): SpentCoin[] {
    const coins = held.map(({ coin }) => coin);
    return held.map(({ coin, secret }) => ({ ...coin, spend: signSwap(coins, outputs, { secret, crypto }) }));
  }
}
