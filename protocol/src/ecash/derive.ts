// Every secret of every coin from one seed, so that a recovery phrase restores a wallet on a new device: HKDF (RFC 5869) by
// keyset and counter. Counters are stored before they are used; one that is used twice would link two coins.
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { fromBase64url, toBase64url, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { os2ip, portableRsa, type Rsa, type RsaPublicKey } from '../core/rsa.ts';
import { type Blinded, blind, blindAgain, finalize, SALT_BYTES } from './blind.ts';
import { type Coin, coinMessage, type Output } from './coin.ts';

/** The seed is 32 bytes; `ks` the keyset that the coin is to be of. */
export type CoinPlace = { readonly seed: Uint8Array; readonly ks: string; readonly counter: number };

/** A coin that is being made: `output` goes to the broker, the rest stays here or is derived again. */
export type CoinDraft = {
  readonly output: Output;
  readonly pk: string;
  readonly unblind: bigint;
  readonly counter: number;
};

/** The factor is taken modulo n from 128 bits more than n has: its bias cannot be seen. */
const BLIND_BYTES = 272;
const KEY_BYTES = 32;

/** The one-time Ed25519 seed of the coin at this place. */
export const coinSecret = (place: CoinPlace): Uint8Array => derive(place, 'key', KEY_BYTES);

/** `undefined`: this counter gives no usable factor (as good as never), and the next one is to be taken. */
export function draftCoin(
  place: CoinPlace,
  key: RsaPublicKey,
  crypto: Crypto,
  rsa: Rsa = portableRsa,
): CoinDraft | undefined {
  const pk = keyOf(place, crypto);
  const made: Blinded | undefined = blind(key, coinMessage(place.ks, pk), factorsOf(place, key), rsa);
  if (!made) return undefined;
  const { ks, counter } = place;
  return { output: { ks, b: toBase64url(made.blinded) }, pk, unblind: made.unblind, counter };
}

/** What `draftCoin` sends, made again to ask whether it was signed. */
export function outputAgain(place: CoinPlace, key: RsaPublicKey, crypto: Crypto, rsa: Rsa = portableRsa): Output {
  const message = coinMessage(place.ks, keyOf(place, crypto));
  return { ks: place.ks, b: toBase64url(blindAgain(key, message, factorsOf(place, key), rsa)) };
}

const keyOf = (place: CoinPlace, crypto: Crypto): string => toBase64url(crypto.publicKey(coinSecret(place)));

const factorsOf = (place: CoinPlace, { n }: RsaPublicKey) => ({
  salt: derive(place, 'salt', SALT_BYTES),
  r: os2ip(derive(place, 'blind', BLIND_BYTES)) % n,
});

/** `undefined`: the broker did not sign this coin with the key of its keyset. */
export function finishCoin(
  { output: { ks }, pk, unblind }: CoinDraft,
  blindSignature: string,
  key: RsaPublicKey,
  rsa: Rsa = portableRsa,
): Coin | undefined {
  const signature = fromBase64url(blindSignature);
  const plain = signature && finalize(key, coinMessage(ks, pk), { signature, unblind }, rsa);
  return plain && { ks, pk, sig: toBase64url(plain) };
}

function derive({ seed, ks, counter }: CoinPlace, label: 'key' | 'salt' | 'blind', bytes: number): Uint8Array {
  const salt = fromBase64url(ks);
  if (seed.length !== 32 || salt?.length !== 32 || !Number.isSafeInteger(counter) || counter < 0) {
    throw new RangeError('a seed of 32 bytes, a keyset and a counter were expected');
  }
  return hkdf(sha256, seed, salt, utf8(`farthing/coin/1 ${label} ${counter}`), bytes);
}
