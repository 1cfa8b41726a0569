// Sealing a secret to a public key: X25519, HKDF-SHA256, AES-256-GCM. Licences carry a site's scrip secrets this way.
import { gcm } from '@noble/ciphers/aes.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, utf8 } from './bytes.ts';
import type { Env } from './crypto.ts';

export const boxPublicKey = (secret: Uint8Array): Uint8Array => x25519.getPublicKey(secret);

/** 32-byte ephemeral key ‖ ciphertext ‖ 16-byte tag. `context` names what is sealed; opening needs the same. */
export function sealBox(to: Uint8Array, plaintext: Uint8Array, context: string, env: Env): Uint8Array {
  const secret = env.random(32);
  const from = x25519.getPublicKey(secret);
  const { key, nonce } = derive(x25519.getSharedSecret(secret, to), from, to, context);
  return concat(from, gcm(key, nonce).encrypt(plaintext));
}

/** `undefined` when the box was not sealed to this key in this context. */
export function openBox(secret: Uint8Array, box: Uint8Array, context: string): Uint8Array | undefined {
  if (box.length < 48) return undefined;
  const from = box.subarray(0, 32);
  try {
    const { key, nonce } = derive(x25519.getSharedSecret(secret, from), from, x25519.getPublicKey(secret), context);
    return gcm(key, nonce).decrypt(box.subarray(32));
  } catch {
    return undefined;
  }
}

function derive(shared: Uint8Array, from: Uint8Array, to: Uint8Array, context: string) {
  const bytes = hkdf(sha256, shared, concat(from, to), utf8(`farthing/box/1 ${context}`), 44);
  return { key: bytes.subarray(0, 32), nonce: bytes.subarray(32) };
}
