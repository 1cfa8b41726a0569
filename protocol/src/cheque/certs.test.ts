import { describe, expect, it } from 'vitest';
import { limits } from '../core/limits.ts';
import type { ProblemCode } from '../core/problems.ts';
import { verifyObject } from '../core/sign.ts';
import { type CertTerms, claimableUntilMs, issueCert, raiseBy } from './certs.ts';
import { CUR, certOf, day, env, issuer, NOW_MS, root, VND } from './fixture.ts';
import { isCertFor } from './wallet.ts';

const code = (expected: ProblemCode) => expect.objectContaining({ code: expected });
const terms: CertTerms = { vnd: VND, pk: day.pk, cur: CUR, limit: 10n, perDay: 100n, level: 2 };
/** Another number at each call. */
let fill = 0;
const fresh = { ...env, random: (length: number) => new Uint8Array(length).fill(++fill) };
const subOf = (account: string, more: Partial<CertTerms> = {}) =>
  issueCert(account, { ...terms, ...more }, issuer, fresh).sub;

describe('A certificate for cheques', () => {
  it('says what was asked, for a day, and for cheques alone', () => {
    const cert = issueCert('user:anna', terms, issuer, env);
    expect(cert).toMatchObject({ use: 'cheque', pk: day.pk, vnd: VND, limit: '10', perDay: '100', level: 2 });
    expect((cert.exp - cert.nbf) * 1000).toBe(limits.certLifeMs);
    expect(verifyObject(cert, root.pk, cert.sig, env.crypto)).toBe(true);
  });

  it('has the same pseudonym for the same account, site and currency, and another one for every other', () => {
    expect(subOf('user:anna')).toBe(subOf('user:anna'));
    const others = [
      subOf('user:anna'),
      subOf('user:bob'),
      subOf('user:anna', { vnd: 'shop.example' }),
      subOf('user:anna', { cur: 'eur-micro' }),
    ];
    expect(new Set(others).size).toBe(others.length);
  });

  it('for all sites has a fresh one, because all of them see it', () => {
    expect(subOf('user:anna', { vnd: '*' })).not.toBe(subOf('user:anna', { vnd: '*' }));
  });
});

describe('A site that asks for more', () => {
  const cert = certOf({ limit: '10', perDay: '100' });
  const row = { kept: 10n, captured: 0n };
  const raise = (spent: bigint, amount: bigint, at = NOW_MS, kept = row) => raiseBy(kept, { spent, amount }, cert, at);

  it('gets what is missing, and nothing when it is within the limit or has asked before', () => {
    expect([raise(0n, 10n), raise(10n, 1n), raise(9n, 3n)]).toEqual([0n, 1n, 2n]);
    expect(raise(9n, 3n, NOW_MS, { kept: 12n, captured: 0n })).toBe(0n);
  });

  it('gets no unit above the day of the certificate, with what the broker was asked for besides', () => {
    expect(raise(99n, 1n)).toBe(90n);
    expect(() => raise(99n, 2n)).toThrow(code('limit-reached'));
    expect(() => raise(99n, 1n, NOW_MS, { kept: 10n, captured: 1n })).toThrow(code('limit-reached'));
  });

  it('gets nothing on a certificate that is over', () => {
    const overMs = cert.exp * 1000 + limits.clockSkewMs;
    expect(raise(10n, 1n, overMs)).toBe(1n);
    expect(() => raise(10n, 1n, overMs + 1)).toThrow(code('cert-expired'));
    expect(claimableUntilMs(cert)).toBe(overMs + limits.chequeWindowMs);
  });
});

describe('A wallet believes a certificate', () => {
  const ordered = { ...terms, brk: issuer.brk, root: root.pk };
  const cert = issueCert('user:anna', terms, issuer, env);

  it('that is what it ordered', () => {
    expect(isCertFor(cert, ordered, env)).toBe(true);
  });

  it.each<[string, object]>([
    ['for another site', { vnd: 'shop.example' }],
    ['for another key', { pk: root.pk }],
    ['in another currency', { cur: 'eur-micro' }],
    ['with another limit', { limit: 11n }],
    ['with another bound of the day', { perDay: 99n }],
    ['of another broker', { brk: 'b2' }],
    ['that another key signed', { root: day.pk }],
  ])('not one %s', (_, more) => {
    expect(isCertFor(cert, { ...ordered, ...more }, env)).toBe(false);
  });

  it('not one that has ended, that lasts longer than a day, or that is for PayWord', () => {
    expect(isCertFor(cert, ordered, { ...env, nowMs: cert.exp * 1000 })).toBe(false);
    expect(isCertFor(cert, ordered, { ...env, nowMs: NOW_MS - limits.clockSkewMs - 1000 })).toBe(false);
    const { use: _, ...other } = cert;
    expect(isCertFor(other, ordered, env)).toBe(false);
  });
});
