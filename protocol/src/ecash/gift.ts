// Coins that go from hand to hand as text or as a picture: with their one-time secrets. Until the receiver has swapped them,
// both could spend them; off line a gift proves nothing. A gift that answers a request is sealed to whoever asked.
import * as v from 'valibot';
import { openBox, sealBox } from '../core/box.ts';
import { concat, fromBase64url, toBase64url } from '../core/bytes.ts';
import type { Env } from '../core/crypto.ts';
import { boundedText, brk, cur, h32, id16 } from '../core/decode.ts';
import { limits } from '../core/limits.ts';
import { PaymentProblem } from '../core/problems.ts';
import { type Coin, type Output, type SpentCoin, signSwap } from './coin.ts';
import { coinSecret } from './derive.ts';
import { frame, printFramed, readFramed, unframe } from './framed.ts';
import type { PurseCoin } from './purse.ts';

/** What stands before the coins. `keysets`: of each coin, in order. */
const giftSchema = v.strictObject({
  typ: v.literal('gift/1'),
  brk,
  /** Where the broker is, for who does not know it yet. */
  url: boundedText(300),
  cur,
  keysets: v.pipe(v.array(h32), v.minLength(1), v.maxLength(limits.coinsByReference)),
  memo: v.exactOptional(boundedText(limits.memoBytes)),
});

export type GiftTerms = Omit<v.InferOutput<typeof giftSchema>, 'typ' | 'keysets'>;
/** `key`: the one-time secret of a coin. */
export type Gift = GiftTerms & { readonly coins: readonly (Coin & { readonly key: string })[] };

/** A gift for the request `id` alone: `bytes` are a box to its key `to`. */
const sealedSchema = v.strictObject({ typ: v.literal('sealed-gift/1'), id: id16, to: h32 });
export type SealedGift = { readonly id: string; readonly to: string; readonly box: Uint8Array };

const PREFIX = 'farthing-gift:';
const KEY_BYTES = 32;
const COIN_BYTES = KEY_BYTES + 256;

/** The giver keeps the coins as given until they are swapped, to take them back if nobody does. */
export function makeGift(
  coins: readonly PurseCoin[],
  { brk: from, url, cur: of, memo }: GiftTerms,
  { seed }: { seed: Uint8Array },
): Gift {
  return {
    ...{ brk: from, url, cur: of },
    ...(memo === undefined ? {} : { memo }),
    coins: coins.map(({ coin: { ks, pk, sig }, counter }) => {
      return { ks, pk, sig, key: toBase64url(coinSecret({ seed, ks, counter })) };
    }),
  };
}

function partsOf({ coins, ...terms }: Gift) {
  const members = { typ: 'gift/1', ...terms, keysets: coins.map(({ ks }) => ks) };
  const bytes = coins.flatMap(({ key, sig }) => [bytesOf(key), bytesOf(sig)]);
  return { members, bytes: concat(...bytes) };
}

const bytesOf = (text: string): Uint8Array => fromBase64url(text) ?? new Uint8Array();

/** What whoever reads it has. */
export function printGift(gift: Gift): string {
  const { members, bytes } = partsOf(gift);
  return printFramed(PREFIX, members, bytes);
}

/** What nobody can take but who made the request: whoever passes it on sees neither coins nor memo. */
export function printSealedGift(gift: Gift, { id, to }: { id: string; to: string }, env: Env): string {
  const { members, bytes } = partsOf(gift);
  const box = sealBox(bytesOf(to), frame(members, bytes), contextOf(id), env);
  return printFramed(PREFIX, { typ: 'sealed-gift/1', id, to }, box);
}

const contextOf = (id: string): string => `gift/1 ${id}`;

/**
 * Reads what was pasted, scanned or followed: the text itself, or an address with it behind `#`. Whether the coins are genuine
 * and unspent the broker's swap says.
 * @throws {PaymentProblem} `payload-invalid`
 */
export function readGift(text: string, env: Env): Gift | SealedGift {
  const found = readFramed(PREFIX, text, v.union([giftSchema, sealedSchema]));
  if (found?.members.typ !== 'sealed-gift/1')
    return giftOf(found && { members: found.members, bytes: found.bytes }, env);
  const { id, to } = found.members;
  return { id, to, box: found.bytes };
}

/** @throws {PaymentProblem} `payload-invalid`: it was made for another request, or altered on the way */
export function openGift({ id, box }: SealedGift, secret: Uint8Array, env: Env): Gift {
  const plain = openBox(secret, box, contextOf(id));
  if (!plain) throw new PaymentProblem('payload-invalid', { detail: 'this gift was altered on the way' });
  return giftOf(unframe(plain, giftSchema), env);
}

type Found = { readonly members: v.InferOutput<typeof giftSchema>; readonly bytes: Uint8Array };

function giftOf(found: Found | undefined, { crypto }: Env): Gift {
  if (!found || found.bytes.length !== found.members.keysets.length * COIN_BYTES) {
    throw new PaymentProblem('payload-invalid', { detail: 'this is no gift of coins' });
  }
  const { typ: _, keysets, ...terms } = found.members;
  const coins = keysets.map((ks, i) => {
    const coin = found.bytes.subarray(i * COIN_BYTES, (i + 1) * COIN_BYTES);
    const secret = coin.slice(0, KEY_BYTES);
    const pk = toBase64url(crypto.publicKey(secret));
    return { ks, pk, sig: toBase64url(coin.subarray(KEY_BYTES)), key: toBase64url(secret) };
  });
  if (new Set(coins.map(({ pk }) => pk)).size < coins.length) {
    throw new PaymentProblem('payload-invalid', { detail: 'a coin of this gift stands there twice' });
  }
  return { ...terms, coins };
}

/** Signs the coins of a gift over to new ones of the receiver. */
export function signedGift({ coins }: Gift, outputs: readonly Output[], { crypto }: Env): SpentCoin[] {
  return coins.map(({ key, ...coin }) => {
    return { ...coin, spend: signSwap(coins, outputs, { secret: bytesOf(key), crypto }) };
  });
}
