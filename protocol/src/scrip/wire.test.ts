import { describe, expect, it } from 'vitest';
import { portableCrypto as crypto, toBase64url } from '../index.ts';
import vectors from './vectors.json' with { type: 'json' };
import { certify, customerSecret, payProof, proofText, type Scrip } from './wire.ts';

const secret = (byte: string) => new Uint8Array(32).fill(Number.parseInt(byte, 16));
const blank = vectors.scrip as unknown as Omit<Scrip, 'mac'>;

describe('scrip vectors', () => {
  const scrip = certify(blank, secret(vectors.secrets.mss.k1), crypto);
  const csec = customerSecret(blank.cid, secret(vectors.secrets.mcs.c1), crypto);
  it('the certificate is the published MAC', () => expect(scrip.mac).toBe(vectors.mac));
  it('the customer secret is the published one', () => expect(toBase64url(csec)).toBe(vectors.csec));
  it('the proof of payment is the published one', () => {
    const proof = payProof(
      { challengeId: vectors.challengeId, scrip, target: vectors.target, digest: '', change: true },
      csec,
      crypto,
    );
    expect(proofText(proof)).toBe(vectors.proof);
  });
  it('change under the vendor’s own key id has the published MAC', () => {
    const change = certify(
      { ...blank, id: vectors.change.id, val: vectors.change.val },
      secret(vectors.secrets.mss.v1),
      crypto,
    );
    expect(change.mac).toBe(vectors.change.mac);
  });
});
