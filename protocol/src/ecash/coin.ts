// A coin: a one-time key that the broker has signed blindly with the key of one value. Whoever holds the one-time secret
// spends it, by signing who gets it and for what; a stolen header buys nothing elsewhere.
import * as v from 'valibot';
import { concat, fromBase64url, toBase64url, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { base64urlText, h32, sig } from '../core/decode.ts';
import { canonicalJson, type Json } from '../core/json.ts';
import { portableRsa, type Rsa, type RsaPublicKey } from '../core/rsa.ts';
import { signingText, signObject, verifyObject } from '../core/sign.ts';
import { verify } from './blind.ts';

/** 256 bytes of base64url: a signature of 2048 bits, or a blinded message. The last letter carries four spare zero bits. */
export const rsaText = v.pipe(base64urlText(342), v.regex(/^[A-Za-z0-9_-]{341}[AQgw]$/, '342 characters of base64url'));

/** `ks` names the keyset, which alone says what the coin is worth; `pk` is the one-time Ed25519 key; `sig` is over both. */
export const coinSchema = v.strictObject({ ks: h32, pk: h32, sig: rsaText });
export type Coin = v.InferOutput<typeof coinSchema>;

/** A coin with its holder's yes to one use of it. */
export const spentCoinSchema = v.strictObject({ ...coinSchema.entries, spend: sig });
export type SpentCoin = v.InferOutput<typeof spentCoinSchema>;

/** A blinded message that is to become a coin of keyset `ks`. */
export const outputSchema = v.strictObject({ ks: h32, b: rsaText });
export type Output = v.InferOutput<typeof outputSchema>;

/** What is signed blindly: "farthing/coin/1" NUL ks(32) ‖ pk(32). */
export function coinMessage(ks: string, pk: string): Uint8Array {
  const [set, key] = [fromBase64url(ks), fromBase64url(pk)];
  if (set?.length !== 32 || key?.length !== 32) throw new RangeError('ks and pk: 32 bytes of base64url were expected');
  return concat(utf8('farthing/coin/1\0'), set, key);
}

/** Did the keyset's key sign this coin? The caller has found the keyset by `coin.ks`. */
export function isGenuine(coin: Coin, key: RsaPublicKey, rsa: Rsa = portableRsa): boolean {
  const signature = fromBase64url(coin.sig);
  return signature !== undefined && verify(key, coinMessage(coin.ks, coin.pk), signature, rsa);
}

/** All that a payment with coins binds. `amount` in base units, `exp` in seconds; `change` and `goods` may be absent. */
export type SpendTerms = {
  readonly challengeId: string;
  readonly vnd: string;
  readonly amount: bigint;
  readonly cur: string;
  readonly coins: readonly { readonly pk: string }[];
  readonly change?: readonly Output[];
  readonly goods?: Json;
  readonly exp: number;
};

/** `coin-spend/1`, rebuilt by whoever checks it and never sent. */
const spendOf = ({ challengeId, vnd, amount, cur, coins, change = [], goods, exp }: SpendTerms, crypto: Crypto) => ({
  typ: 'coin-spend/1',
  ...{ challengeId, vnd, amount: amount.toString(), cur, exp },
  coins: coinSetHash(coins, crypto),
  change: change.length === 0 ? '' : tagged('farthing/coin-change/1', canonicalJson(change.map(plainOutput)), crypto),
  goods: goods === undefined ? '' : tagged('farthing/coin-goods/1', canonicalJson(goods), crypto),
});

/** Signs one use with the coin's one-time secret: no other vendor, challenge, amount or change can be made of it. */
export const signSpend = (terms: SpendTerms, secret: Uint8Array, crypto: Crypto): string =>
  signObject(spendOf(terms, crypto), secret, crypto);

/** What the one-time key of every coin of a payment signs. */
export const spendMessage = (terms: SpendTerms, crypto: Crypto): Uint8Array =>
  utf8(signingText(spendOf(terms, crypto)));

export const isSpend = (terms: SpendTerms, coin: SpentCoin, crypto: Crypto): boolean =>
  verifyObject(spendOf(terms, crypto), coin.pk, coin.spend, crypto);

/** `coin-swap/1`: the coins of a swap become these outputs and no others. */
const swapOf = (coins: readonly { readonly pk: string }[], outputs: readonly Output[], crypto: Crypto) => ({
  typ: 'coin-swap/1',
  coins: coinSetHash(coins, crypto),
  outputs: tagged('farthing/coin-outputs/1', canonicalJson(outputs.map(plainOutput)), crypto),
});

export const signSwap = (
  coins: readonly { readonly pk: string }[],
  outputs: readonly Output[],
  { secret, crypto }: { secret: Uint8Array; crypto: Crypto },
): string => signObject(swapOf(coins, outputs, crypto), secret, crypto);

export const isSwap = (coins: readonly SpentCoin[], outputs: readonly Output[], crypto: Crypto): boolean =>
  coins.every(({ pk, spend }) => verifyObject(swapOf(coins, outputs, crypto), pk, spend, crypto));

/** `coin-credit/1`: the coins become money of this account. */
const creditOf = (coins: readonly { readonly pk: string }[], to: string, crypto: Crypto) => ({
  typ: 'coin-credit/1',
  coins: coinSetHash(coins, crypto),
  to,
});

export const signCredit = (
  coins: readonly { readonly pk: string }[],
  to: string,
  { secret, crypto }: { secret: Uint8Array; crypto: Crypto },
): string => signObject(creditOf(coins, to, crypto), secret, crypto);

export const isCredit = (coins: readonly SpentCoin[], to: string, crypto: Crypto): boolean =>
  coins.every(({ pk, spend }) => verifyObject(creditOf(coins, to, crypto), pk, spend, crypto));

/** Names a set of coins whatever their order: the same coins in one payment are one set. */
export function coinSetHash(coins: readonly { readonly pk: string }[], crypto: Crypto): string {
  const names = coins.map(({ pk }) => pk).sort();
  return tagged('farthing/coin-set/1', names.join(','), crypto);
}

const plainOutput = ({ ks, b }: Output) => ({ ks, b });
const tagged = (tag: string, text: string, { sha256 }: Crypto): string => toBase64url(sha256(utf8(`${tag}\0${text}`)));
