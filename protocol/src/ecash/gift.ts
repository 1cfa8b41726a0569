// Coins that go from hand to hand as text or as a picture: with their one-time secrets. Until the receiver has swapped them,
// both could spend them; off line a gift proves nothing.
import * as v from 'valibot';
import { fromBase64url, textFromBase64url, toBase64url, utf8 } from '../core/bytes.ts';
import type { Env } from '../core/crypto.ts';
import { boundedText, brk, cur, h32, tryDecode } from '../core/decode.ts';
import { canonicalJson, parseJson } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import { PaymentProblem } from '../core/problems.ts';
import { coinSchema, type Output, type SpentCoin, signSwap } from './coin.ts';
import { coinSecret } from './derive.ts';
import type { PurseCoin } from './purse.ts';

const giftCoin = v.strictObject({ ...coinSchema.entries, key: h32 });
export const giftSchema = v.strictObject({
  typ: v.literal('gift/1'),
  brk,
  /** Where the broker is, for who does not know it yet. */
  url: boundedText(300),
  cur,
  coins: v.pipe(v.array(giftCoin), v.minLength(1), v.maxLength(limits.coinsByReference)),
  memo: v.exactOptional(boundedText(limits.memoBytes)),
});
export type Gift = v.InferOutput<typeof giftSchema>;

const PREFIX = 'farthing-gift:';
/** 64 coins of 560 characters and what is around them. */
const MOST_CHARACTERS = 65_536;

export type GiftTerms = Pick<Gift, 'brk' | 'url' | 'cur' | 'memo'>;

/** The giver keeps the coins as given until they are swapped, to take them back if nobody does. */
export function makeGift(coins: readonly PurseCoin[], terms: GiftTerms, { seed }: { seed: Uint8Array }): Gift {
  const { brk: from, url, cur: of, memo } = terms;
  return {
    typ: 'gift/1',
    ...{ brk: from, url, cur: of },
    coins: coins.map(({ coin: { ks, pk, sig }, counter }) => {
      return { ks, pk, sig, key: toBase64url(coinSecret({ seed, ks, counter })) };
    }),
    ...(memo === undefined ? {} : { memo }),
  };
}

/** A link's fragment or a picture's text. */
export const printGift = (gift: Gift): string => PREFIX + toBase64url(utf8(canonicalJson(gift)));

/**
 * Reads what was pasted, scanned or followed: the text itself, or an address with it behind `#`. Every secret must belong to
 * its coin; whether the coins are genuine and unspent the broker's swap says.
 * @throws {PaymentProblem} `payload-invalid`
 */
export function readGift(text: string, { crypto }: Env): Gift {
  const start = text.indexOf(PREFIX);
  const body = text.slice(start + PREFIX.length).trim();
  const json = start < 0 || body.length > MOST_CHARACTERS ? undefined : textFromBase64url(body);
  const gift = json === undefined ? undefined : tryDecode(giftSchema, parseJson(json));
  if (!gift) throw new PaymentProblem('payload-invalid', { detail: 'this is no gift of coins' });
  for (const { pk, key } of gift.coins) {
    const secret = fromBase64url(key);
    if (!secret || toBase64url(crypto.publicKey(secret)) !== pk) {
      throw new PaymentProblem('payload-invalid', { detail: 'a coin of this gift has another key' });
    }
  }
  return gift;
}

/** Signs the coins of a gift over to new ones of the receiver. */
export function signedGift({ coins }: Gift, outputs: readonly Output[], { crypto }: Env): SpentCoin[] {
  return coins.map(({ key, ...coin }) => {
    const secret = fromBase64url(key) ?? new Uint8Array();
    return { ...coin, spend: signSwap(coins, outputs, { secret, crypto }) };
  });
}
