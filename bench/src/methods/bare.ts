// The native checks of a payment's signatures and nothing else, their keys at hand: what no wall can go below on this machine.
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { i2osp, modulusBytes, type Proof, toBase64url } from '@farthing/protocol';

export function bareChecks(proofs: readonly Proof[]): () => void {
  const checks = proofs.map((proof) => ({ ...proof, key: keyOf(proof) }));
  return () => {
    for (const { scheme, key, message, signature } of checks) {
      const isGood =
        scheme === 'ed25519'
          ? verify(null, message, key, signature)
          : verify('sha384', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }, signature);
      if (!isGood) throw new Error('an honest payment is genuine');
    }
  };
}

function keyOf({ scheme, key }: Proof): KeyObject {
  const jwk =
    scheme === 'ed25519'
      ? { kty: 'OKP', crv: 'Ed25519', x: toBase64url(key) }
      : { kty: 'RSA', n: toBase64url(i2osp(key.n, modulusBytes(key))), e: toBase64url(i2osp(key.e, 3)) };
  return createPublicKey({ key: jwk, format: 'jwk' });
}
