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

/** A gift of ours. `text` is the money: whoever reads it can take it. */
export type GiftInfo = {
  readonly id: string;
  readonly brk: string;
  readonly amountMicro: bigint;
  readonly currency: Currency;
  readonly state: 'given' | 'coming_back' | 'back' | 'taken';
  readonly atMs: number;
  readonly memo?: string;
  readonly text?: string;
};

/** What came with the text of a gift. `brokerAdded`: an empty wallet took the gift's broker. */
export type TakenGift = {
  readonly record: PaymentRecord;
  readonly memo?: string;
  readonly brokerAdded: boolean;
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
