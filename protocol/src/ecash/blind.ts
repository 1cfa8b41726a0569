// Blind RSA signatures (Chaum, 1982) as RFC 9474 has them: RSABSSA-SHA384-PSS-Deterministic. The signer raises a number that
// tells nothing; what comes out after unblinding is a plain RSA-PSS signature (RFC 8017 §8.1, SHA-384, salt of 48 bytes).
import { sha384 } from '@noble/hashes/sha2.js';
import { concat, equalBytes } from '../core/bytes.ts';
import { i2osp, modInverse, modulusBytes, os2ip, portableRsa, type Rsa, type RsaPublicKey } from '../core/rsa.ts';

const HASH_BYTES = 48;
export const SALT_BYTES = 48;
const TRAILER = 0xbc;

/** `blinded` goes to the signer; `unblind` stays with the wallet. */
export type Blinded = { readonly blinded: Uint8Array; readonly unblind: bigint };

/**
 * RFC 9474 §4.2. `salt` is 48 bytes, `r` is uniform in 1…n−1: both secret, never used for two messages.
 * `undefined`: `r` or the encoded message has a factor in common with n, and another `r` is to be taken.
 */
export function blind(
  key: RsaPublicKey,
  message: Uint8Array,
  { salt, r }: { salt: Uint8Array; r: bigint },
  rsa: Rsa = portableRsa,
): Blinded | undefined {
  const m = os2ip(encode(message, salt, key.bits - 1));
  // One inversion tells of both that they are coprime to n: (m·r)⁻¹ · m = r⁻¹.
  const both = r > 0n && r < key.n ? modInverse(m * r, key.n) : undefined;
  if (both === undefined) return undefined;
  return { blinded: blindedBy(key, m, r, rsa), unblind: (both * m) % key.n };
}

/** The same number alone, in a third of the time: to ask whether it was signed. A bad `r` gives one that never was. */
export function blindAgain(
  key: RsaPublicKey,
  message: Uint8Array,
  { salt, r }: { salt: Uint8Array; r: bigint },
  rsa: Rsa = portableRsa,
): Uint8Array {
  return blindedBy(key, os2ip(encode(message, salt, key.bits - 1)), r, rsa);
}

const blindedBy = (key: RsaPublicKey, m: bigint, r: bigint, rsa: Rsa): Uint8Array =>
  i2osp((m * rsa.raise(r, key)) % key.n, modulusBytes(key));

/** Is this what the signer had to give back for `blinded`? Without it a wallet would find out only when it pays. */
export function isBlindSignature(
  key: RsaPublicKey,
  blinded: Uint8Array,
  signature: Uint8Array,
  rsa: Rsa = portableRsa,
): boolean {
  const s = integerBelow(signature, key);
  return s !== undefined && rsa.raise(s, key) === os2ip(blinded);
}

/** RFC 9474 §4.4. `undefined`: the signer did not sign this message with this key. */
export function finalize(
  key: RsaPublicKey,
  message: Uint8Array,
  { signature, unblind }: { signature: Uint8Array; unblind: bigint },
  rsa: Rsa = portableRsa,
): Uint8Array | undefined {
  const z = integerBelow(signature, key);
  if (z === undefined) return undefined;
  const plain = i2osp((z * unblind) % key.n, modulusBytes(key));
  return verify(key, message, plain, rsa) ? plain : undefined;
}

/** RSASSA-PSS-VERIFY (RFC 8017 §8.1.2). False, never an exception, for anything that is not a valid signature. */
export function verify(key: RsaPublicKey, message: Uint8Array, signature: Uint8Array, rsa: Rsa = portableRsa): boolean {
  const s = integerBelow(signature, key);
  if (s === undefined) return false;
  const emBits = key.bits - 1;
  const m = rsa.raise(s, key);
  if (m >= 1n << BigInt(emBits)) return false;
  return isEncoded(message, i2osp(m, Math.ceil(emBits / 8)), emBits);
}

function integerBelow(bytes: Uint8Array, key: RsaPublicKey): bigint | undefined {
  if (bytes.length !== modulusBytes(key)) return undefined;
  const value = os2ip(bytes);
  return value < key.n ? value : undefined;
}

/** EMSA-PSS-ENCODE (RFC 8017 §9.1.1). @throws {RangeError} our own mistake: a key too short for this hash */
export function encode(message: Uint8Array, salt: Uint8Array, emBits: number): Uint8Array {
  const emBytes = Math.ceil(emBits / 8);
  if (emBytes < HASH_BYTES + salt.length + 2) throw new RangeError('an RSA key of at least 1024 bits was expected');
  const hash = sha384(concat(new Uint8Array(8), sha384(message), salt));
  const data = new Uint8Array(emBytes - HASH_BYTES - 1);
  data.set(salt, data.length - salt.length);
  data[data.length - salt.length - 1] = 1;
  const masked = mask(data, hash);
  masked[0] = (masked[0] ?? 0) & (0xff >> (8 * emBytes - emBits));
  return concat(masked, hash, Uint8Array.of(TRAILER));
}

/** EMSA-PSS-VERIFY (RFC 8017 §9.1.2) with the salt of 48 bytes that RFC 9474 asks for, and no other. */
function isEncoded(message: Uint8Array, em: Uint8Array, emBits: number): boolean {
  const masked = em.subarray(0, em.length - HASH_BYTES - 1);
  const hash = em.subarray(masked.length, em.length - 1);
  const spare = 8 * em.length - emBits;
  if (em.at(-1) !== TRAILER || (masked[0] ?? 0) >> (8 - spare) !== 0) return false;
  const data = mask(masked, hash);
  data[0] = (data[0] ?? 0) & (0xff >> spare);
  const head = data.length - SALT_BYTES - 1;
  if (data[head] !== 1 || data.subarray(0, head).some((byte) => byte !== 0)) return false;
  const salt = data.subarray(head + 1);
  return equalBytes(hash, sha384(concat(new Uint8Array(8), sha384(message), salt)));
}

/** `data` XOR MGF1(seed) (RFC 8017 §B.2.1). */
function mask(data: Uint8Array, seed: Uint8Array): Uint8Array {
  const out = Uint8Array.from(data);
  for (let counter = 0; counter * HASH_BYTES < out.length; counter++) {
    const block = sha384(concat(seed, Uint8Array.of(0, 0, 0, counter)));
    for (let i = 0; i < HASH_BYTES && counter * HASH_BYTES + i < out.length; i++) {
      const at = counter * HASH_BYTES + i;
      out[at] = (out[at] ?? 0) ^ (block[i] ?? 0);
    }
  }
  return out;
}
