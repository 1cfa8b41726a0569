// An independent implementation of RFC 9474 on the other side, in both roles.
import { RSABSSA } from '@cloudflare/blindrsa-ts';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../core/bytes.ts';
import { os2ip, publicKeyOf } from '../core/rsa.ts';
import { blind, finalize, isBlindSignature, verify } from './blind.ts';

const suite = RSABSSA.SHA384.PSS.Deterministic();
const message = utf8('farthing/coin/1 between two implementations');
const { privateKey, publicKey } = await crypto.subtle.generateKey(
  { name: 'RSA-PSS', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-384' },
  true,
  ['sign', 'verify'],
);
const { n = '' } = await crypto.subtle.exportKey('jwk', publicKey);
const key = publicKeyOf(new Uint8Array(Buffer.from(n, 'base64url')));

describe('Blind signatures with @cloudflare/blindrsa-ts', () => {
  it('our wallet, their mint: the coin verifies on both sides', async () => {
    const r = os2ip(crypto.getRandomValues(new Uint8Array(272))) % key.n;
    const made = blind(key, message, { salt: crypto.getRandomValues(new Uint8Array(48)), r });
    if (!made) throw new Error('a random factor is coprime');
    const signature = await suite.blindSign(privateKey, made.blinded);
    const coin = finalize(key, message, { signature, unblind: made.unblind });
    if (!coin) throw new Error('their signature unblinds');
    expect(await suite.verify(publicKey, coin, message)).toBe(true);
  });

  it('their wallet, their mint: we take the coin, and see that the mint answered what was asked', async () => {
    const { blindedMsg, inv } = await suite.blind(publicKey, message);
    const signature = await suite.blindSign(privateKey, blindedMsg);
    expect(isBlindSignature(key, blindedMsg, signature)).toBe(true);
    const coin = await suite.finalize(publicKey, message, signature, inv);
    expect(verify(key, message, coin)).toBe(true);
    expect(verify(key, utf8('another'), coin)).toBe(false);
  });
});
