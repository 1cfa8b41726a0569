import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase64url, utf8 } from './bytes.ts';
import { challengeId, isOurChallenge, printChallenge, readChallenges, readOpaque } from './challenge.ts';
import { portableCrypto as crypto } from './crypto.ts';
import { instantPrinter } from './instant.ts';
import { canonicalJson } from './json.ts';
import { Offer } from './offer.ts';

const secret = new Uint8Array(32).fill(7);
const env = {
  nowMs: Date.parse('2026-11-23T12:00:00.999Z'),
  random: (length: number) => new Uint8Array(length),
  crypto,
};
const text = fc.string({ unit: fc.constantFrom('a', 'Z', ' ', '/', '"', '\\', 'é', '😀'), maxLength: 12 });
const fields = fc.record({
  realm: fc.stringMatching(/^[a-z0-9.:-]{1,64}$/),
  method: fc.constantFrom('scrip', 'payword'),
  intent: fc.constantFrom('charge' as const, 'session' as const),
  request: text.map((description) => toBase64url(utf8(canonicalJson({ description })))),
  scope: fc.oneof(fc.record({ s: text }), fc.record({ s: text, p: text })),
  lifeMs: fc.constantFrom(300_000, 86_400_000),
  header: fc.constantFrom(undefined, 'Payment-Authorization' as const),
});

describe('a prepared offer', () => {
  it('makes the challenges that the binding rule makes, and prints them the same', () => {
    fc.assert(
      fc.property(fields, fc.constantFrom(undefined, 'sha-256=:AAAA:'), (given, digest) => {
        const offer = new Offer(given);
        const challenge = offer.make(secret, env, digest);
        const { id, ...parts } = challenge;
        expect(id).toBe(challengeId(parts, secret, crypto));
        expect(isOurChallenge(challenge, [secret], crypto)).toBe(true);
        expect(readOpaque(challenge)).toEqual({ ...given.scope, n: 'A'.repeat(16) });
        expect(Date.parse(challenge.expires ?? '')).toBe(Date.parse('2026-11-23T12:00:00Z') + given.lifeMs);
        expect(readChallenges([printChallenge(challenge)])).toEqual([challenge]);
        expect(offer.print(secret, env)).toBe(printChallenge(offer.make(secret, env)));
      }),
    );
  });

  it('knows the challenges of its scope, and no other', () => {
    fc.assert(
      fc.property(fields, fields, (given, other) => {
        const challenge = new Offer(other).make(secret, env);
        expect(new Offer(given).isInScope(challenge)).toBe(given.scope.s === other.scope.s);
        const foreign = { ...challenge, opaque: toBase64url(utf8(JSON.stringify({ s: given.scope.s, a: 'x' }))) };
        expect(new Offer(given).isInScope(foreign)).toBe(true);
        expect(new Offer(given).isInScope({ ...challenge, opaque: 'x' })).toBe(false);
      }),
    );
  });

  it('refuses a bar, which would move the border of two parts, and more than one header line holds', () => {
    const plain = { realm: 'r', method: 'm', intent: 'charge', request: 'e30', scope: { s: 's' }, lifeMs: 1 } as const;
    expect(() => new Offer({ ...plain, header: undefined, realm: 'a|b' })).toThrow(TypeError);
    const long = new Offer({ ...plain, header: undefined, request: 'A'.repeat(2048) });
    expect(() => long.print(secret, env)).toThrow(RangeError);
  });
});

it('instants are printed in whole seconds, whatever was printed before', () => {
  const print = instantPrinter();
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), (ms) => {
      const atMs = env.nowMs + ms;
      expect(print(atMs)).toBe(`${new Date(atMs).toISOString().slice(0, 19)}Z`);
    }),
  );
});
