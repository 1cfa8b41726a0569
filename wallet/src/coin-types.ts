// Public shapes about coins and the phrase that they come from.
import type { Currency } from '@farthing/protocol';
import type { PaymentRecord } from './types.ts';

/** `account`: the account key comes from the words too; in a wallet that began without them it does not. */
export type Phrase = { readonly phrase: string; readonly account: boolean };

/** Coins of one broker, largest first. `listHash` names its key list: everybody's is the same. */
export type CoinsInfo = {
  readonly brk: string;
  readonly currency: Currency;
  readonly totalMicro: bigint;
  readonly byValue: readonly { readonly valueMicro: bigint; readonly count: number }[];
  readonly listHash?: string;
};

/** One coin; `pk` is its one-time key, which names it. */
export type CoinInfo = {
  readonly brk: string;
  readonly pk: string;
  readonly valueMicro: bigint;
  readonly currency: Currency;
};

/**
 * A gift of ours. `text` is the money: whoever reads it can take it; with `request`, only who made that request. `link` is the
 * same as an address at the broker, which no server sees the text of.
 */
export type GiftInfo = {
  readonly id: string;
  readonly brk: string;
  readonly amountMicro: bigint;
  readonly currency: Currency;
  readonly state: 'given' | 'coming_back' | 'back' | 'taken';
  readonly atMs: number;
  readonly memo?: string;
  readonly request?: string;
  readonly text?: string;
  readonly link?: string;
};

/** What came with the text of a gift. `brokerAdded`: an empty wallet took the gift's broker. */
export type TakenGift = {
  readonly record: PaymentRecord;
  readonly memo?: string;
  readonly brokerAdded: boolean;
  /** The request of ours that it answers. */
  readonly request?: RequestInfo;
};

/**
 * A request of ours: whoever has `text` (or follows `link`) can answer it with a gift that only this wallet can take. `paid`:
 * what came for it is at least what was asked. `words` are for both sides to compare.
 */
export type RequestInfo = {
  readonly id: string;
  readonly brk: string;
  readonly amountMicro: bigint;
  readonly receivedMicro: bigint;
  readonly currency: Currency;
  readonly memo?: string;
  readonly state: 'open' | 'paid' | 'expired';
  readonly atMs: number;
  readonly expiresAtMs: number;
  /** Absent while the wallet is locked. */
  readonly text?: string;
  readonly link?: string;
  readonly words?: string;
};

/** Somebody's request, to be shown before it is answered. `memo` is his own text. */
export type AskedMoney = {
  readonly id: string;
  readonly brk: string;
  /** As this wallet knows the broker; absent for one that it does not use. */
  readonly brokerName?: string;
  readonly brokerUrl: string;
  readonly amountMicro: bigint;
  readonly currency: Currency;
  readonly memo?: string;
  readonly expiresAtMs: number;
  readonly words: string;
};

export type RestoreProgress = {
  /** Keysets looked through, of all. */
  readonly keysets: number;
  readonly of: number;
  /** Coins that the broker once signed, and how many of them were looked up. */
  readonly found: number;
  readonly checked: number;
};

/** `spent`: coins that were gone; `lostMicro`: what of them this wallet still counted as its own. */
export type FoundCoins = {
  readonly coins: number;
  readonly coinsMicro: bigint;
  readonly spent: number;
  readonly lostMicro: bigint;
};

export type Restored = FoundCoins & { readonly accountMicro: bigint };
