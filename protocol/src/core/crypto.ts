// The cryptography that roles use, as a port: hosts with native code pass it in, this is the portable default.
import { ed25519 } from '@noble/curves/ed25519.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { toBase64url, utf8 } from './bytes.ts';

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
  /** False, never an exception, for anything that is not a valid signature. */
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
      return ed25519.verify(signature, message, publicKey, { zip215: false });
    } catch {
      return false;
    }
  },
};

/** What a role may know of the world: the time in ms and random bytes, both arguments. */
export type Env = { readonly nowMs: number; random(length: number): Uint8Array; readonly crypto: Crypto };
