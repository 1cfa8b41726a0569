// Peer of the coins: what a Cashu mint computes for one proof, by the library of Cashu's own wallets: k·hash_to_curve(secret)
// is the point that the wallet shows. Only the mint can check it, so that every payment asks the mint.
import { randomBytes } from 'node:crypto';
import {
  blindMessage,
  createBlindSignature,
  createRandomSecretKey,
  getPubKeyFromPrivKey,
  pointFromBytes,
  pointFromHex,
  unblindSignature,
  verifyUnblindedSignature,
} from '@cashu/cashu-ts';
import type { Kernel } from '../methods/method.ts';

const ID = '009a1f293253e41e';
const PROOFS = 100;

export function kernels(): readonly Kernel[] {
  const secretKey = createRandomSecretKey();
  const publicKey = pointFromBytes(getPubKeyFromPrivKey(secretKey));
  const blinded = () => blindMessage(randomBytes(32));
  const proofs = Array.from({ length: PROOFS }, () => {
    const { B_, r, secret } = blinded();
    const { C_ } = createBlindSignature(B_, secretKey, ID);
    return { secret, C: unblindSignature(C_, r, publicKey).toHex(true) };
  });
  const output = blinded().B_;
  let next = 0;
  return [
    {
      name: 'verify',
      unit: 'proofs',
      per: 1,
      run() {
        const { secret, C } = proofs[next++ % PROOFS] ?? { secret: new Uint8Array(), C: '' };
        if (!verifyUnblindedSignature({ C: pointFromHex(C), secret, id: ID }, secretKey)) throw new Error('forged');
      },
    },
    { name: 'mint', unit: 'signatures', per: 1, run: () => void createBlindSignature(output, secretKey, ID) },
  ];
}
