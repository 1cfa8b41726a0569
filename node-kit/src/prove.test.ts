import { constants, createPrivateKey, randomBytes, sign } from 'node:crypto';
import { type Proof, publicKeyOf } from '@farthing/protocol';
import { describe, expect, it } from 'vitest';
import { nativeCrypto } from './crypto.ts';
import { proveInPool } from './prove.ts';
import { makeMintKey } from './rsa.ts';

describe('Signatures checked by the pool', async () => {
  const message = randomBytes(200);
  const seed = new Uint8Array(randomBytes(32));
  const one: Proof = {
    scheme: 'ed25519',
    key: nativeCrypto.publicKey(seed),
    message,
    signature: nativeCrypto.sign(seed, message),
    code: 'spend-wrong',
  };
  const { pkcs8, n } = await makeMintKey();
  const secret = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  const padded = (saltLength: number) =>
    sign('sha384', message, { key: secret, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
  const coin: Proof = {
    scheme: 'rsa-pss',
    key: publicKeyOf(n),
    message,
    signature: padded(48),
    code: 'coin-forged',
  };

  it('are good when their keys made them', async () => {
    expect(await Promise.all([one, coin].map(proveInPool))).toEqual([true, true]);
  });

  it('are not for another message, with a bit turned, cut, empty, or of another key or salt', async () => {
    const turned = (bytes: Uint8Array) => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));
    const bad = [one, coin].flatMap((proof): Proof[] => [
      { ...proof, message: turned(message) },
      { ...proof, signature: turned(proof.signature) },
      { ...proof, signature: proof.signature.subarray(1) },
      { ...proof, signature: new Uint8Array() },
    ]);
    const others: Proof[] = [
      { ...one, key: nativeCrypto.publicKey(new Uint8Array(32)) },
      { ...one, key: new Uint8Array(32) },
      { ...one, key: new Uint8Array(31) },
      { ...coin, key: publicKeyOf((await makeMintKey()).n) },
      { ...coin, signature: padded(32) },
      { ...coin, signature: padded(0) },
    ];
    const judged = await Promise.all([...bad, ...others].map(proveInPool));
    expect(judged).toEqual(judged.map(() => false));
  });
});
