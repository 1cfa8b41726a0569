// The cryptography that roles use, as a port: hosts with native code pass it in, this is the portable default.
import { ed25519 } from '@noble/curves/ed25519.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { concat, toBase64url, utf8 } from './bytes.ts';

/** Synchronous by contract: roles run inside storage transactions. Keys are 32 bytes, signatures 64. */
export interface Crypto {
  sha256(data: Uint8Array): Uint8Array;
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** The same over UTF-8, as base64url: how hashes and MACs stand on the wire. Hosts spare the copies in between. */
  hashText(text: string): string;
  macText(key: Uint8Array, text: string): string;
  /** Ed25519 (RFC 8032); `seed` is the 32-byte private key. */
  publicKey(seed: Uint8Array): Uint8Array;
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
  /**
   * False, never an exception, for anything that is not a valid signature: RFC 8032 §5.1.7 without the cofactor; S below the order
   * of the group, points written in their only way, and neither key nor R of small order: with such a key one signature stands for
   * many messages (Chalkias, Garillot, Nikolaenko, "Taming the Many EdDSAs", 2020). Every host gives the same verdict: what a site
   * takes, its broker must not refuse.
   */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

export const portableCrypto: Crypto = {
  sha256: (data) => sha256(data),
  hmacSha256: (key, data) => hmac(sha256, key, data),
  hashText: (text) => toBase64url(sha256(utf8(text))),
  macText: (key, text) => toBase64url(hmac(sha256, key, utf8(text))),
  publicKey: (seed) => ed25519.getPublicKey(seed),
  sign: (seed, message) => ed25519.sign(message, seed),
  verify: (publicKey, message, signature) => {
    try {
      return isSignature(publicKey, message, signature);
    } catch {
      return false;
    }
  },
};

const { Point } = ed25519;

/** The library's own check multiplies by the cofactor, and takes signatures that native code refuses. @throws {Error} no points or numbers */
function isSignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const written = signature.subarray(0, 32);
  const [key, r] = [Point.fromBytes(publicKey), Point.fromBytes(written)];
  if (key.isSmallOrder() || r.isSmallOrder()) return false;
  const s = Point.Fn.fromBytes(signature.subarray(32));
  const hashed = sha512(concat(written, publicKey, message));
  const h = Point.Fn.create(BigInt(`0x${bytesToHex(hashed.reverse())}`));
  return Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(h)).equals(r);
}

/** What a role may know of the world: the time in ms and random bytes, both arguments. */
export type Env = { readonly nowMs: number; random(length: number): Uint8Array; readonly crypto: Crypto };
