// Is this an Ed25519 signature? By libsodium where it is there, in half the time that Node's OpenSSL takes; by Node elsewhere. Both
// give the same verdict on every input: what one site takes, a broker on another machine must not refuse.
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Crypto } from '@farthing/protocol';

/** As the protocol's crypto port says. */
type IsSignature = Crypto['verify'];

const KEY = 32;
const SIGNATURE = 64;

/** 2^255 - 19, and what points of the orders 1, 2, 4 and 8 have for y. */
const P = 2n ** 255n - 19n;
const Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
const hex = (y: bigint) => y.toString(16).padStart(2 * KEY, '0');
const SMALL = new Set([1n, P - 1n, 0n, Y8, P - Y8].map(hex));

/** Little endian on the wire, with the sign of x as its highest bit. */
function yOf(point: Uint8Array): string {
  const y = Buffer.from(point).reverse();
  y[0] = (y[0] as number) & 0x7f;
  return y.toString('hex');
}

/** False for what OpenSSL takes before its version 3.5, with which a Node of a distribution may be built. */
export function isSound(publicKey: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== KEY || signature.length !== SIGNATURE) return false;
  const y = yOf(publicKey);
  return y < hex(P) && !SMALL.has(y) && !SMALL.has(yOf(signature.subarray(0, KEY)));
}

/** Accounts and sites that signed of late, by the bytes of their keys: reading a key takes a fifth of a check. */
const known = new Map<string, KeyObject>();
const KNOWN = 4096;

function keyObject(publicKey: Uint8Array): KeyObject {
  const name = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.byteLength).toString('latin1');
  const found = known.get(name);
  if (found) return found;
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'raw-public', asymmetricKeyType: 'ed25519' });
  for (const oldest of known.keys()) {
    if (known.size < KNOWN) break;
    known.delete(oldest);
  }
  known.set(name, key);
  return key;
}

export const byNode: IsSignature = (publicKey, message, signature) => {
  try {
    return isSound(publicKey, signature) && verify(null, message, keyObject(publicKey), signature);
  } catch {
    return false;
  }
};

type Sodium = {
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
};

/** Not everywhere: it has no build for musl, and packages that are optional may be left out. */
function libsodium(): Sodium | undefined {
  try {
    return createRequire(import.meta.url)('sodium-native') as Sodium;
  } catch {
    return undefined;
  }
}

/** `undefined` where there is no libsodium. */
export const bySodium = ((sodium): IsSignature | undefined => {
  if (!sodium) return undefined;
  return (publicKey, message, signature) =>
    publicKey.length === KEY &&
    signature.length === SIGNATURE &&
    sodium.crypto_sign_verify_detached(signature, message, publicKey);
})(libsodium());

export const isSignature: IsSignature = bySodium ?? byNode;
