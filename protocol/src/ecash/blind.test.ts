import { constants, generateKeyPairSync, verify as nativeVerify, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../core/bytes.ts';
import { i2osp, modInverse, modPow, modulusBytes, os2ip, publicKeyOf, type RsaPublicKey } from '../core/rsa.ts';
import { blind, blindAgain, encode, finalize, isBlindSignature, verify } from './blind.ts';
import vectors from './rfc9474.json' with { type: 'json' };

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const whole = (text: string) => BigInt(`0x${text}`);

describe.each(vectors.vectors)('RFC 9474 $name', (vector) => {
  const key = publicKeyOf(hex(vector.n), whole(vector.e));
  const message = hex(vector.input_msg);
  const unblind = whole(vector.inv);
  const r = modInverse(unblind, key.n) ?? 0n;

  it('blinds to the number of the RFC', () => {
    const made = blind(key, message, { salt: hex(vector.salt), r });
    expect(made).toEqual({ blinded: hex(vector.blinded_msg), unblind });
    expect(blindAgain(key, message, { salt: hex(vector.salt), r })).toEqual(hex(vector.blinded_msg));
  });

  it('unblinds what the key has signed to the signature of the RFC, which verifies', () => {
    const signature = i2osp(modPow(whole(vector.blinded_msg), whole(vector.d), key.n), modulusBytes(key));
    expect(signature).toEqual(hex(vector.blind_sig));
    expect(isBlindSignature(key, hex(vector.blinded_msg), signature)).toBe(true);
    expect(finalize(key, message, { signature, unblind })).toEqual(hex(vector.sig));
    expect(verify(key, message, hex(vector.sig))).toBe(true);
  });
});

describe('Blind signatures of 2048 bits', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { n = '', d = '' } = privateKey.export({ format: 'jwk' });
  const key = publicKeyOf(new Uint8Array(Buffer.from(n, 'base64url')));
  const raise = (z: Uint8Array) => {
    const secret = os2ip(new Uint8Array(Buffer.from(d, 'base64url')));
    return i2osp(modPow(os2ip(z), secret, key.n), modulusBytes(key));
  };
  const message = utf8('farthing/coin/1 of a test');
  const salt = new Uint8Array(48).fill(7);
  const made = blind(key, message, { salt, r: 123_456_789n });
  if (!made) throw new Error('123456789 is coprime to the product of two large primes');
  const signature = raise(made.blinded);
  const plain = finalize(key, message, { signature, unblind: made.unblind });
  if (!plain) throw new Error('an honest signature unblinds');
  const pss = { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 };

  it('unblind to what native RSA-PSS verifies', () => {
    expect(nativeVerify('sha384', message, pss, plain)).toBe(true);
  });

  it('verify what native RSA-PSS signs, and nothing with another salt length or hash', () => {
    const by = (hash: string, saltLength: number) =>
      new Uint8Array(sign(hash, message, { key: privateKey, padding: pss.padding, saltLength }));
    expect(verify(key, message, by('sha384', 48))).toBe(true);
    expect(verify(key, message, by('sha384', 32))).toBe(false);
    expect(verify(key, message, by('sha256', 48))).toBe(false);
  });

  it('are refused for another message, another key, and with any bit turned', () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
    const foreign: RsaPublicKey = publicKeyOf(new Uint8Array(Buffer.from(other.n ?? '', 'base64url')));
    expect(verify(key, utf8('another'), plain)).toBe(false);
    expect(verify(foreign, message, plain)).toBe(false);
    for (let bit = 0; bit < 2048; bit += 41) {
      const turned = Uint8Array.from(plain);
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verify(key, message, turned), `bit ${bit}`).toBe(false);
    }
  });

  it('are refused in another length, at n and above, and as the product of two signatures', () => {
    expect(verify(key, message, plain.subarray(1))).toBe(false);
    expect(verify(key, message, Uint8Array.of(0, ...plain))).toBe(false);
    expect(verify(key, message, i2osp(key.n, 256))).toBe(false);
    const product = i2osp((os2ip(plain) * os2ip(plain)) % key.n, 256);
    expect(verify(key, message, product)).toBe(false);
  });

  it('tell a signer that gave back something else', () => {
    const wrong = Uint8Array.from(signature).fill(1, 100, 101);
    expect(isBlindSignature(key, made.blinded, wrong)).toBe(false);
    expect(finalize(key, message, { signature: wrong, unblind: made.unblind })).toBeUndefined();
    expect(finalize(key, utf8('another'), { signature, unblind: made.unblind })).toBeUndefined();
  });

  it('take no blinding factor that is 0, n, or not coprime to n', () => {
    expect(blind(key, message, { salt, r: 0n })).toBeUndefined();
    expect(blind(key, message, { salt, r: key.n })).toBeUndefined();
    const { p = '' } = privateKey.export({ format: 'jwk' });
    const prime = os2ip(new Uint8Array(Buffer.from(p, 'base64url')));
    expect(blind(key, message, { salt, r: prime })).toBeUndefined();
  });

  it('tell the signer nothing: what it saw of one coin fits every other coin, with another factor', () => {
    const secret = os2ip(new Uint8Array(Buffer.from(d, 'base64url')));
    for (const other of ['coin B', 'coin C', 'coin D']) {
      const m = os2ip(encode(utf8(other), salt, key.bits - 1));
      const r = modPow((os2ip(made.blinded) * (modInverse(m, key.n) ?? 0n)) % key.n, secret, key.n);
      expect(blind(key, utf8(other), { salt, r })?.blinded).toEqual(made.blinded);
    }
  });
});
