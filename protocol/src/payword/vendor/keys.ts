// What a vendor holds for PayWord.
import type { Currency } from '../../core/money.ts';

export type PaywordKeys = {
  readonly vnd: string;
  readonly api: string;
  /** Ed25519 seed: signs closings. */
  readonly seed: Uint8Array;
  /** `root` is the broker's key (h32); `key` is K_VB, shared with the broker, for tickets under a MAC. */
  readonly brokers: readonly { id: string; url: string; root: string; key?: Uint8Array }[];
  readonly currencies: readonly Currency[];
  readonly fundings: readonly ('credit' | 'prepaid')[];
  /** Most words that one payment may jump: hashes a request costs. */
  readonly maxStep: number;
  /** A session without a payment ends after this. */
  readonly idleMs: number;
  /** Credit: the broker is asked about one in so many base units, on average; absent: never. */
  readonly pollMicro?: bigint;
  /** Pseudonyms of whom the broker said no today: their credit is not taken any more. */
  readonly refused?: { has(sub: string): boolean };
};
