// Messages about private coins, gifts and the words that they come back from. All are for our own pages alone.
import { type Currency, limits } from '@farthing/protocol';
import type {
  AskedMoney,
  CoinsInfo,
  FoundCoins,
  GiftInfo,
  PaymentRecord,
  Phrase,
  RequestInfo,
  Restored,
  TakenGift,
} from '@farthing/wallet';
import * as v from 'valibot';
import { amount, id, none, url } from './shapes.ts';

/** A gift of 64 coins and the address around it. */
const GIFT_CHARACTERS = 70_000;
const WORDS_CHARACTERS = 400;
const memo = v.pipe(v.string(), v.minLength(1), v.maxLength(limits.memoBytes));
const text = v.pipe(v.string(), v.maxLength(GIFT_CHARACTERS));

export const coinMessages = {
  coins: { from: 'page', shape: none },
  withdraw: { from: 'page', shape: v.strictObject({ amountMicro: amount }) },
  deposit: { from: 'page', shape: v.strictObject({ amountMicro: amount }) },
  give: {
    from: 'page',
    shape: v.strictObject({
      amountMicro: amount,
      memo: v.optional(memo),
      /** The text of the request that it answers. */
      request: v.optional(text),
    }),
  },
  request: { from: 'page', shape: v.strictObject({ amountMicro: amount, memo: v.optional(memo) }) },
  requests: { from: 'page', shape: none },
  readRequest: { from: 'page', shape: v.strictObject({ text }) },
  gifts: { from: 'page', shape: v.strictObject({ refresh: v.boolean() }) },
  take: { from: 'page', shape: v.strictObject({ text }) },
  takeBack: { from: 'page', shape: v.strictObject({ id }) },
  phrase: { from: 'page', shape: none },
  restore: {
    from: 'page',
    shape: v.strictObject({ phrase: v.pipe(v.string(), v.maxLength(WORDS_CHARACTERS)), brokerUrl: url }),
  },
  checkCoins: { from: 'page', shape: none },
  /** From a private window: money of the other wallet. */
  fillPocket: { from: 'page', shape: v.strictObject({ amountMicro: amount, tabId: v.number() }) },
  pocket: { from: 'page', shape: none },
  collectPocket: { from: 'page', shape: none },
} as const;

/** `moving`: withdrawals and gifts that have begun and are not at their end; the worker goes on with them by itself. */
export type CoinsView = { readonly coins: readonly CoinsInfo[]; readonly moving: readonly PaymentRecord[] };

/** The purse of private windows; `open`: there are some. */
export type PocketView = { readonly micro: bigint; readonly currency: Currency; readonly open: boolean };

export type CoinAnswers = {
  coins: CoinsView;
  withdraw: PaymentRecord;
  deposit: PaymentRecord;
  give: GiftInfo;
  request: RequestInfo;
  requests: readonly RequestInfo[];
  readRequest: AskedMoney;
  gifts: readonly GiftInfo[];
  take: TakenGift;
  takeBack: PaymentRecord;
  phrase: Phrase;
  restore: Restored;
  checkCoins: FoundCoins;
  fillPocket: undefined;
  pocket: PocketView | undefined;
  collectPocket: undefined;
};
