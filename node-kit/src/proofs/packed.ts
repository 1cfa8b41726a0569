// Signatures as bytes, for the way to another thread: one buffer for many payments, which moves there without a copy.
import { concat, i2osp, modulusBytes, type Proof, type RsaPublicKey } from '@farthing/protocol';

export const SCHEME = { rsa: 0, ed25519: 1 } as const;

/** Before each proof: its scheme, and the lengths of key, message and signature. Before each payment: how many proofs it has. */
const PROOF_HEAD = 1 + 3 * 4;
const PAYMENT_HEAD = 4;

/** Three bytes, after the modulus. */
export const EXPONENT = 3;

/** Modulus and exponent, by the caller's own key record, held weakly: keysets pay many times. */
const rsaKeys = new WeakMap<RsaPublicKey, Uint8Array>();

function keyBytes(proof: Proof): Uint8Array {
  if (proof.scheme === 'ed25519') return proof.key;
  const { key } = proof;
  let bytes = rsaKeys.get(key);
  if (!bytes) {
    bytes = concat(i2osp(key.n, modulusBytes(key)), i2osp(key.e, EXPONENT));
    rsaKeys.set(key, bytes);
  }
  return bytes;
}

/** The proofs of several payments, in a buffer of its own. */
export function pack(payments: readonly (readonly Proof[])[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const proofs of payments) {
    length += PAYMENT_HEAD;
    for (const proof of proofs) {
      length += PROOF_HEAD + keyBytes(proof).length + proof.message.length + proof.signature.length;
    }
  }
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const number = (value: number) => {
    view.setUint32(at, value);
    at += 4;
  };
  for (const proofs of payments) {
    number(proofs.length);
    for (const proof of proofs) {
      bytes[at++] = schemeOf(proof);
      const parts = [keyBytes(proof), proof.message, proof.signature];
      for (const part of parts) number(part.length);
      for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
      }
    }
  }
  return bytes;
}

const schemeOf = ({ scheme }: Proof): number => (scheme === 'rsa-pss' ? SCHEME.rsa : SCHEME.ed25519);
