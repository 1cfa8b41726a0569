// The native checks of a payment's signatures and nothing else, their keys at hand: what no wall can go below on this machine.
import { constants, createPublicKey, verify } from 'node:crypto';
import { nativeCrypto } from '@farthing/node-kit';
import { i2osp, modulusBytes, type Proof, type RsaPublicKey, toBase64url } from '@farthing/protocol';

export function bareChecks(proofs: readonly Proof[]): () => void {
  const checks = proofs.map(checkOf);
  return () => {
    for (const isGood of checks) if (!isGood()) throw new Error('an honest payment is genuine');
  };
}

function checkOf(proof: Proof): () => boolean {
  const { message, signature } = proof;
  if (proof.scheme === 'ed25519') return () => nativeCrypto.verify(proof.key, message, signature);
  const options = { key: keyOf(proof.key), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 };
  return () => verify('sha384', message, options, signature);
}

function keyOf(key: RsaPublicKey) {
  const jwk = { kty: 'RSA', n: toBase64url(i2osp(key.n, modulusBytes(key))), e: toBase64url(i2osp(key.e, 3)) };
  return createPublicKey({ key: jwk, format: 'jwk' });
}
