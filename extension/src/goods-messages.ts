// Messages about sealed goods, from the page that fetches and opens them. Bytes never travel in one: they lie where both see them.
import type { Currency } from '@farthing/protocol';
import type { Disputed } from '@farthing/wallet';
import * as v from 'valibot';
import { amount, id, url } from './shapes.ts';
import type { GoodsView } from './view.ts';

/** SHA-256 of the ciphertext, base64url. */
const goods = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/));

export const goodsMessages = {
  goods: { from: 'page', shape: v.strictObject({ url }) },
  /** `goods`: what was fetched whole and compared; without `maxMicro` only a rule may pay for it. */
  buyGoods: { from: 'page', shape: v.strictObject({ url, goods, maxMicro: v.optional(amount) }) },
  declineGoods: { from: 'page', shape: v.strictObject({ url }) },
  disputeGoods: { from: 'page', shape: v.strictObject({ paymentId: id, goods }) },
} as const;

export type GoodsAnswers = {
  goods: GoodsView;
  buyGoods: { readonly paymentId: string; readonly key: string };
  declineGoods: undefined;
  disputeGoods: Omit<Disputed, 'record'> & { readonly currency?: Currency };
};
