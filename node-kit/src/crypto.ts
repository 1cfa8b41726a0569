// The protocol's crypto port on Node's native code: 10 to 20 times faster than the portable default for Ed25519.
import { createPrivateKey, createPublicKey, hash, type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import type { Crypto, Env } from '@farthing/protocol';

/** Key objects by the caller's own array. Held weakly, so keys die with their owner. */
const seeds = new WeakMap<Uint8Array, { secret: KeyObject; publicKey: Uint8Array }>();

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

const BLOCK = 64;
const HASH = 32;

/**
 * RFC 2104 out of two one-shot hashes: `createHmac` costs twice that, and six times when the key is new, as the customer
 * secret of every payment is. Hash text in Latin-1 is a byte a letter; asking for a buffer takes longer.
 */
function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
  const short = key.length > BLOCK ? hash('sha256', key, 'buffer') : key;
  const inner = Buffer.allocUnsafe(BLOCK + data.length).fill(0x36, 0, BLOCK);
  const outer = Buffer.allocUnsafe(BLOCK + HASH).fill(0x5c, 0, BLOCK);
  short.forEach((byte, i) => {
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  });
  inner.set(data, BLOCK);
  outer.write(hash('sha256', inner, 'binary'), BLOCK, HASH, 'latin1');
  return Buffer.from(hash('sha256', outer, 'binary'), 'latin1');
}

function seedKey(seed: Uint8Array) {
  let pair = seeds.get(seed);
  if (!pair) {
    const secret = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
    pair = { secret, publicKey: new Uint8Array(spki.subarray(SPKI.length)) };
    seeds.set(seed, pair);
  }
  return pair;
}

export const nativeCrypto: Crypto = {
  sha256: (data) => hash('sha256', data, 'buffer'),
  hmacSha256,
  publicKey: (seed) => seedKey(seed).publicKey,
  sign: (seed, message) => sign(null, message, seedKey(seed).secret),
  verify: (publicKey, message, signature) => {
    try {
      const key = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
      return verify(null, message, key, signature);
    } catch {
      return false;
    }
  },
};

/** The world as it is now, for one step of a role. */
export const nodeEnv = (): Env => ({
  nowMs: Date.now(),
  random: (length) => randomBytes(length),
  crypto: nativeCrypto,
});
