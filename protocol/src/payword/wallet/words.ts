// Words of one's own chain, from its tip. Any word can be had from the tip; checkpoints make it one hash a word on average
// when a chain is spent in order, instead of n.
import type { Crypto } from '../../core/crypto.ts';
import { type ChainRef, down } from '../chain.ts';

/** With 100,000 words: about 400 checkpoints of 32 bytes, and a run of 256 words. */
const EVERY = 256;

/** `n` is the index of the tip. Holds secrets: memory of the wallet only. */
export class Words {
  readonly #chain: ChainRef;
  readonly #n: number;
  readonly #crypto: Crypto;
  readonly #marks = new Map<number, Uint8Array>();
  #run = { top: -1, words: [] as Uint8Array[] };

  constructor(tip: Uint8Array, chain: ChainRef, n: number, crypto: Crypto) {
    this.#chain = chain;
    this.#n = n;
    this.#crypto = crypto;
    this.#marks.set(n, tip);
    let at = tip;
    for (let i = n; i > 0; ) {
      const to = i % EVERY === 0 ? i - EVERY : i - (i % EVERY);
      at = down(at, chain, { from: i, to }, crypto);
      this.#marks.set(to, at);
      i = to;
    }
  }

  get anchor(): Uint8Array {
    return this.at(0);
  }

  at(index: number): Uint8Array {
    if (!Number.isSafeInteger(index) || index < 0 || index > this.#n) throw new RangeError(`no word ${index}`);
    const top = Math.min(Math.ceil(index / EVERY) * EVERY, this.#n);
    if (this.#run.top !== top) this.#run = { top, words: this.#runBelow(top) };
    return this.#run.words[top - index] ?? fault();
  }

  #runBelow(top: number): Uint8Array[] {
    const words = [this.#marks.get(top) ?? fault()];
    for (let i = top; i > 0 && i > top - EVERY; i--) {
      words.push(down(words[words.length - 1] ?? fault(), this.#chain, { from: i, to: i - 1 }, this.#crypto));
    }
    return words;
  }
}

function fault(): never {
  throw new Error('a checkpoint is missing');
}

/** Chains that were used last, by their tip: a wallet that streams asks for neighbouring words all the time. */
const KEPT = 8;
const recent = new Map<string, Words>();

export function wordsOf(name: string, make: () => Words): Words {
  const words = recent.get(name) ?? make();
  recent.delete(name);
  recent.set(name, words);
  for (const [oldest] of recent) {
    if (recent.size <= KEPT) break;
    recent.delete(oldest);
  }
  return words;
}
