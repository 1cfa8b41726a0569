// A broker that signs lies: certificates and tickets are compared with what was ordered, member by member.
import { type Env, type JsonObject, portableCrypto, signObject, toBase64url } from '@farthing/protocol';
import { seeded, seededEnv } from '@farthing/protocol/testing';
import { expect, test } from 'vitest';
import type { ChainSale } from './method.ts';
import { methodOf } from './methods.ts';

const NOW_MS = 1_790_000_000_000;
const NOW = NOW_MS / 1000;
const env: Env = seededEnv(seeded(7), NOW_MS);
const seed = env.random(32);
const root = toBase64url(portableCrypto.publicKey(seed));
const other = toBase64url(portableCrypto.publicKey(env.random(32)));
const brk = 'a'.repeat(26);
const { many } = methodOf('payword');
if (!many) throw new Error('payword has chains');

const sale = (own: JsonObject): ChainSale => ({
  ...{ brk, vnd: 'radio', currency: 'usd-micro', count: 20, ttlMs: 86_400_000, unitMicro: 10n, auth: 'ed25519', own },
});
const sign = (unsigned: JsonObject & { typ: string }): JsonObject => ({
  ...unsigned,
  sig: signObject(unsigned, seed, portableCrypto),
});

const day = many.credit.make(env);
const cert = {
  ...{ typ: 'daycert/1', brk, sub: toBase64url(env.random(16)), pk: String(day['pk']), vnd: 'radio', cur: 'usd-micro' },
  ...{ limit: '200', perDay: '1000000', level: 2, nbf: NOW, exp: NOW + 86_400 },
};
const certify = (signed: JsonObject) => many.credit.certified({ cert: signed }, sale(day), { root, env });

test('a certificate as it was ordered makes a promise of that size, which lapses with it', () => {
  expect(certify(sign(cert))).toMatchObject({ micro: 200n, credit: true, expiresAtMs: cert.exp * 1000 });
});

test.each([
  ['of another broker', { brk: 'b'.repeat(26) }],
  ['for another site', { vnd: 'tv' }],
  ['for any site', { vnd: '*' }],
  ['for a key that is not ours', { pk: other }],
  ['in another currency', { cur: 'eur-micro' }],
  ['for less than was ordered', { limit: '199' }],
  ['that has ended', { nbf: NOW - 90_000, exp: NOW - 1 }],
  ['that never ends', { exp: NOW + 30 * 86_400 }],
])('a certificate %s is refused', (_, lie) => {
  expect(() => certify(sign({ ...cert, ...lie }))).toThrow(/broker-untrusted/);
});

test('a certificate that its broker did not sign is refused', () => {
  expect(() => certify({ ...sign(cert), limit: '300' })).toThrow(/broker-untrusted/);
});

const own = many.make(20, env);
const anchor = own['anchor'] as JsonObject;
const ticket = {
  ...{ typ: 'ticket/1', brk, vnd: 'radio', pseud: toBase64url(env.random(16)), cur: 'usd-micro', unit: '10' },
  ...{ chain: anchor, from: 1, to: 20, exp: NOW + 86_400 },
};
const allot = (signed: JsonObject) => many.allotted({ ticket: signed }, sale(own), { root, env });

test('a ticket as it was ordered is worth its words', () => {
  expect(allot(sign(ticket))).toMatchObject({ micro: 200n });
});

test.each([
  ['of another broker', { brk: 'b'.repeat(26) }],
  ['for another site', { vnd: 'tv' }],
  ['in another currency', { cur: 'eur-micro' }],
  ['of words that are worth less', { unit: '9' }],
  ['for fewer words', { to: 19 }],
  ['that has ended', { exp: NOW - 1 }],
  ['for another chain', { chain: { ...anchor, id: toBase64url(env.random(16)) } }],
  ['with another anchor', { chain: { ...anchor, w0: toBase64url(env.random(32)) } }],
])('a ticket %s is refused', (_, lie) => {
  expect(() => allot(sign({ ...ticket, ...lie }))).toThrow(/broker-untrusted/);
});

test('a ticket under a MAC is none where a signed one was ordered', () => {
  expect(() => allot({ ...ticket, mac: toBase64url(env.random(32)) })).toThrow(/broker-untrusted/);
});
