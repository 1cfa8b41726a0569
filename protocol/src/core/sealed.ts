// Sealed goods (NetBill, CyberCoin): the customer fetches ciphertext for nothing, checks its digest, pays, and gets the key in
// the receipt. AES-256-GCM in records of 64 KiB, so that files of any size stream, resume by Range and stay cacheable.
import { gcm } from '@noble/ciphers/aes.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import * as v from 'valibot';
import { concat, fromBase64url, toBase64url, utf8 } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { amtText, boundedText, cur, h32, seconds, sig, vnd } from './decode.ts';
import { limits } from './limits.ts';
import { signObject, verifyObject } from './sign.ts';

/** What a buyer of sealed goods signs for: digests of ciphertext and plaintext, and the commitment to the key. */
export const goodsSchema = v.strictObject({ ct: h32, kc: h32, pt: h32 });
export type Goods = v.InferOutput<typeof goodsSchema>;

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(limits.sealedBytes));

/** Goods once they are sealed; `size` is the plaintext's length in bytes. */
export const sealedGoodsSchema = v.strictObject({ ...goodsSchema.entries, size });
export type SealedGoods = v.InferOutput<typeof sealedGoodsSchema>;

/**
 * What a site promises to deliver: `ct` and `pt` are SHA-256 of the whole ciphertext and plaintext, `kc` commits to the key,
 * `size` is the plaintext's length in bytes, `url` where the ciphertext lies (a path of the site). Signed by the site.
 */
export const sealedOfferSchema = v.strictObject({
  typ: v.literal('offer/1'),
  vnd,
  item: boundedText(limits.itemChars),
  url: v.pipe(boundedText(limits.urlBytes), v.regex(/^\/(?!\/)/, 'a path on the same origin')),
  media: boundedText(limits.mediaChars),
  ...sealedGoodsSchema.entries,
  amount: amtText,
  cur,
  exp: seconds,
  sig,
});
export type SealedOffer = v.InferOutput<typeof sealedOfferSchema>;

export const signOffer = (offer: Omit<SealedOffer, 'sig'>, seed: Uint8Array, crypto: Crypto): SealedOffer => ({
  ...offer,
  sig: signObject(offer, seed, crypto),
});

export const isOffer = (offer: SealedOffer, vendorKey: string, crypto: Crypto): boolean =>
  verifyObject(offer, vendorKey, offer.sig, crypto);

/** K = HKDF(goods secret, salt pt, info "farthing/sealed/1 " + item): new content, new key. 32 bytes. */
export function contentKey(goodsSecret: Uint8Array, { item, pt }: Pick<SealedOffer, 'item' | 'pt'>): Uint8Array {
  const salt = fromBase64url(pt);
  if (goodsSecret.length !== 32 || salt?.length !== 32)
    throw new RangeError('32 bytes of secret and digest were expected');
  return hkdf(sha256, goodsSecret, salt, utf8(`farthing/sealed/1 ${item}`), 32);
}

/** kc = H("farthing/sealed-kc/1" NUL K): GCM alone does not commit to its key. */
export const keyCommitment = (key: Uint8Array): string =>
  toBase64url(sha256(concat(utf8('farthing/sealed-kc/1\0'), key)));

/** Is this text the key that the offer commits to? */
export function isKeyOf(text: string, kc: string): boolean {
  const key = fromBase64url(text);
  return key?.length === 32 && keyCommitment(key) === kc;
}

/** SHA-256 over pieces, for goods that are larger than memory where no native hash takes them piece by piece. */
export class PieceDigest {
  readonly #hash = sha256.create();

  push(piece: Uint8Array): void {
    this.#hash.update(piece);
  }

  /** As in an offer: base64url. */
  end(): string {
    return toBase64url(this.#hash.digest());
  }
}

// ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** AES-256-GCM with a tag of 16 bytes behind the ciphertext; hosts with native code pass their own. */
export interface Aead {
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Uint8Array;
  /** `undefined`: the tag does not verify. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
}

export const portableAead: Aead = {
  seal: (key, nonce, plain) => gcm(key, nonce).encrypt(plain),
  open(key, nonce, sealed) {
    try {
      return gcm(key, nonce).decrypt(sealed);
    } catch {
      return undefined;
    }
  },
};

const RECORD = limits.sealedRecordBytes;
const TAG = 16;

/** Length of the ciphertext of so many bytes. An empty file has one record. */
export const sealedSize = (size: number): number => size + Math.max(1, Math.ceil(size / RECORD)) * TAG;

/** Record number in 11 bytes from 0, then 1 for the last record: neither order nor end can be changed. */
function nonceOf(number: number, isLast: boolean): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(3, BigInt(number));
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

/** Cuts a stream into pieces of one length; the last is shorter, and known to be the last only at the end. */
class Cutter {
  readonly #length: number;
  #kept: Uint8Array = new Uint8Array();

  constructor(length: number) {
    this.#length = length;
  }

  /** The pieces that are complete and have more behind them. */
  push(bytes: Uint8Array): Uint8Array[] {
    const all = this.#kept.length === 0 ? bytes : concat(this.#kept, bytes);
    const whole = Math.max(0, Math.ceil(all.length / this.#length) - 1);
    this.#kept = all.slice(whole * this.#length);
    return Array.from({ length: whole }, (_, i) => all.subarray(i * this.#length, (i + 1) * this.#length));
  }

  end(): Uint8Array {
    return this.#kept;
  }
}

/** Seals one file, in order. */
export class Sealer {
  readonly #key: Uint8Array;
  readonly #aead: Aead;
  readonly #cutter = new Cutter(RECORD);
  #number = 0;

  constructor(key: Uint8Array, aead: Aead = portableAead) {
    this.#key = key;
    this.#aead = aead;
  }

  push(plain: Uint8Array): Uint8Array[] {
    return this.#cutter.push(plain).map((piece) => this.#aead.seal(this.#key, nonceOf(this.#number++, false), piece));
  }

  end(): Uint8Array {
    return this.#aead.seal(this.#key, nonceOf(this.#number, true), this.#cutter.end());
  }
}

/** Opens one file, in order; nothing comes out that was not authenticated. */
export class Opener {
  readonly #key: Uint8Array;
  readonly #aead: Aead;
  readonly #cutter = new Cutter(RECORD + TAG);
  #number = 0;

  constructor(key: Uint8Array, aead: Aead = portableAead) {
    this.#key = key;
    this.#aead = aead;
  }

  /** `undefined`: altered, out of order, or of another key. */
  push(sealed: Uint8Array): Uint8Array[] | undefined {
    const plain: Uint8Array[] = [];
    for (const piece of this.#cutter.push(sealed)) {
      const opened = this.#aead.open(this.#key, nonceOf(this.#number++, false), piece);
      if (!opened) return undefined;
      plain.push(opened);
    }
    return plain;
  }

  /** `undefined`: cut off, or altered. */
  end(): Uint8Array | undefined {
    return this.#aead.open(this.#key, nonceOf(this.#number, true), this.#cutter.end());
  }
}
