import { i2osp, portableRsa, publicKeyOf } from '@farthing/protocol';
import { describe, expect, it } from 'vitest';
import { blindSigner, makeMintKey, nativeRsa } from './rsa.ts';

describe('Native RSA', async () => {
  const made = await makeMintKey();
  const key = publicKeyOf(made.n);

  it('raises as whole numbers do', () => {
    for (const m of [0n, 1n, 2n, 2n ** 64n, key.n - 1n]) {
      expect(nativeRsa.raise(m, key)).toBe(portableRsa.raise(m, key));
    }
  });

  it('signs blindly what the public key takes back, and refuses numbers that are not below n', () => {
    const sign = blindSigner(made.pkcs8);
    const blinded = i2osp(123_456_789n ** 20n, 256);
    const signature = sign(blinded);
    expect(signature?.length).toBe(256);
    expect(nativeRsa.raise(BigInt(`0x${Buffer.from(signature ?? []).toString('hex')}`), key)).toBe(123_456_789n ** 20n);
    expect(sign(i2osp(key.n, 256))).toBeUndefined();
    expect(sign(new Uint8Array(10))).toBeUndefined();
  });

  it('makes another key each time, of 2048 bits', async () => {
    expect(key.bits).toBe(2048);
    expect((await makeMintKey()).n).not.toEqual(made.n);
  });
});
