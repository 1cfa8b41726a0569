// Secrets at rest under a password: Argon2id (RFC 9106) makes a key of it, AES-256-GCM seals under the key.
import { gcm } from '@noble/ciphers/aes.js';
import { argon2idAsync } from '@noble/hashes/argon2.js';
import { concat, fromBase64url, toBase64url, utf8 } from './bytes.ts';
import type { Env } from './crypto.ts';
import { limits } from './limits.ts';
import { PaymentProblem } from './problems.ts';

/** `onProgress` gets what is done, 0 to 1, as far as the code that does it tells. */
export type Stretching = { readonly onProgress?: ((done: number) => void) | undefined };

/** Argon2id version 1.3 with `argon2Cost` and 32 bytes of output. A port: native code takes a fifth of the time. */
export type Stretch = (password: Uint8Array, salt: Uint8Array, options?: Stretching) => Promise<Uint8Array>;

/** The second choice of RFC 9106 §4, in one lane: browsers have no threads to share here. */
export const argon2Cost = { memoryKiB: limits.passwordMemoryKiB, passes: limits.passwordPasses, lanes: 1 } as const;

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const PASSWORD_SALT_BYTES = 16;

/** About a second of work, in slices that let others run. */
export const portableStretch: Stretch = (password, salt, { onProgress } = {}) =>
  argon2idAsync(password, salt, {
    ...{ m: argon2Cost.memoryKiB, t: argon2Cost.passes, p: argon2Cost.lanes, dkLen: KEY_BYTES },
    ...(onProgress ? { onProgress } : {}),
  });

/**
 * A password as bytes, the same however a keyboard composes its letters.
 * @throws {PaymentProblem} `password-weak`: too short, or too long
 */
export function readPassword(typed: string): Uint8Array {
  const text = typed.normalize('NFKC');
  const bytes = utf8(text.toWellFormed());
  if ([...text].length < limits.passwordChars || bytes.length > limits.passwordBytes) {
    throw new PaymentProblem('password-weak', { detail: `expected at least ${limits.passwordChars} letters` });
  }
  return bytes;
}

/** A fresh nonce before the ciphertext. `context` names what is sealed; opening needs the same. */
export function sealUnder(key: Uint8Array, plaintext: Uint8Array, context: string, env: Env): string {
  const nonce = env.random(NONCE_BYTES);
  return toBase64url(concat(nonce, gcm(key, nonce, utf8(context)).encrypt(plaintext)));
}

/** `undefined`: sealed under another key, in another context, or altered since. */
export function openUnder(key: Uint8Array, sealed: string, context: string): Uint8Array | undefined {
  const bytes = fromBase64url(sealed);
  if (!bytes || bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  try {
    return gcm(key, bytes.subarray(0, NONCE_BYTES), utf8(context)).decrypt(bytes.subarray(NONCE_BYTES));
  } catch {
    return undefined;
  }
}
