import { constants, createPrivateKey, randomBytes, sign } from 'node:crypto';
import { type Proof, publicKeyOf } from '@farthing/protocol';
import { afterAll, describe, expect, it } from 'vitest';
import { nativeCrypto } from '../crypto.ts';
import { makeMintKey } from '../rsa.ts';
import { ProofPool } from './pool.ts';

describe('Signatures checked by other threads', async () => {
  const pool = new ProofPool({ threads: 2 });
  afterAll(() => pool.close());
  const isGood = async (proof: Proof) => (await pool.firstWrong([proof])) === -1;

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
  const turned = (bytes: Uint8Array) => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));
  const forged: Proof = { ...one, signature: turned(one.signature) };

  it('are good when their keys made them, and again with the same keys', async () => {
    const all: Proof[] = [one, coin, one, coin];
    expect(await Promise.all(all.map(isGood))).toEqual(all.map(() => true));
  });

  it('are not for another message, with a bit turned, cut, empty, or of another key or salt', async () => {
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
      { ...one, key: new Uint8Array() },
      { ...coin, key: publicKeyOf((await makeMintKey()).n) },
      { ...coin, key: { ...coin.key, e: 3n } },
      { ...coin, signature: padded(32) },
      { ...coin, signature: padded(0) },
    ];
    const judged = await Promise.all([...bad, ...others].map(isGood));
    expect(judged).toEqual(judged.map(() => false));
  });

  it('of a payment are named by the first that is wrong; of none, nothing is wrong', async () => {
    expect(await pool.firstWrong([one, coin, forged, { ...coin, signature: new Uint8Array() }])).toBe(2);
    expect(await pool.firstWrong([])).toBe(-1);
    expect(await pool.firstWrong(Array.from({ length: 128 }, (_, i) => (i === 127 ? forged : one)))).toBe(127);
  });

  it('of many payments at once each get their own verdict', async () => {
    const payments = Array.from({ length: 300 }, (_, i): Proof[] =>
      Array.from({ length: 4 }, (_, j) => (i % 5 === j ? forged : j % 2 === 0 ? one : coin)),
    );
    const judged = await Promise.all(payments.map((proofs) => pool.firstWrong(proofs)));
    expect(judged).toEqual(payments.map((_, i) => (i % 5 === 4 ? -1 : i % 5)));
  });
});
