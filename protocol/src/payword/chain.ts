// One-way chains: PayWord (Rivest, Shamir, 1996), the double lock (Nguyen, Varadharajan, Mu, ACSAC'97), late keys (after
// TESLA, RFC 4082). A step hashes a tag, the chain's id, the index and 32 bytes: 53 bytes, one block of SHA-256.
//
//   payword      w[i−1] = H(01 ‖ id ‖ i ‖ w[i])      w[n] is the secret tip, w[0] the public anchor, worth nothing
//   double lock  x[k−1] = H(02 ‖ id ‖ k ‖ x[k])      y[k+1] = H(03 ‖ id ‖ k ‖ y[k])      coin[k] = H(04 ‖ id ‖ k ‖ x[k] ‖ y[k])
//   late keys    k[j−1] = H(05 ‖ id ‖ j ‖ k[j])
import { concat, equalBytes, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';

const TAG = { payword: 1, x: 2, y: 3, coin: 4, late: 5 } as const;

/** Chains that are spent upwards and checked downwards. */
export type Kind = 'payword' | 'x' | 'late';
export type ChainRef = { readonly kind: Kind; readonly id: Uint8Array };

function header(tag: number, id: Uint8Array, tail: number): { block: Uint8Array; view: DataView } {
  const block = new Uint8Array(21 + tail);
  block[0] = tag;
  block.set(id, 1);
  return { block, view: new DataView(block.buffer) };
}

/** From the word at `from` down to the one at `to` ≤ `from`: `from − to` hashes. Callers bound that before. */
export function down(word: Uint8Array, { kind, id }: ChainRef, span: { from: number; to: number }, crypto: Crypto) {
  const { block, view } = header(TAG[kind], id, 32);
  let at = word;
  for (let i = span.from; i > span.to; i--) {
    view.setUint32(17, i);
    block.set(at, 21);
    at = crypto.sha256(block);
  }
  return at;
}

/** The second lock runs the other way: from y[from] up to y[to], `to − from` hashes. */
export function up(word: Uint8Array, id: Uint8Array, span: { from: number; to: number }, crypto: Crypto): Uint8Array {
  const { block, view } = header(TAG.y, id, 32);
  let at = word;
  for (let k = span.from; k < span.to; k++) {
    view.setUint32(17, k);
    block.set(at, 21);
    at = crypto.sha256(block);
  }
  return at;
}

/** The coin at k needs both locks open: x[k] comes from any higher x, y[k] from any lower y. */
export function coin(k: number, id: Uint8Array, locks: { x: Uint8Array; y: Uint8Array }, crypto: Crypto): Uint8Array {
  const { block, view } = header(TAG.coin, id, 64);
  view.setUint32(17, k);
  block.set(locks.x, 21);
  block.set(locks.y, 53);
  return crypto.sha256(block);
}

/** Does the word at `from` lead down to `anchor` at `to`? */
export const leadsTo = (
  word: Uint8Array,
  chain: ChainRef,
  span: { from: number; to: number; anchor: Uint8Array },
  crypto: Crypto,
): boolean => equalBytes(down(word, chain, span, crypto), span.anchor);

/**
 * MAC of payment `index` over its request, under a key that the next payment discloses: HMAC(HKDF(k[j], "",
 * "farthing/late/1"), target NUL digest NUL index). An altered request shows afterwards.
 */
export function lateMac(
  key: Uint8Array,
  request: { target: string; digest: string; index: number },
  crypto: Crypto,
): Uint8Array {
  // HKDF (RFC 5869) with an empty salt and one block of output.
  const prk = crypto.hmacSha256(new Uint8Array(32), key);
  const okm = crypto.hmacSha256(prk, concat(utf8('farthing/late/1'), Uint8Array.of(1)));
  return crypto.hmacSha256(okm, utf8(`${request.target}\0${request.digest}\0${request.index}`));
}
