// A broker, its customer with a certificate, and a site, for the tests of cheques.
import { toBase64url } from '../core/bytes.ts';
import { makeChallenge } from '../core/challenge.ts';
import { portableCrypto as crypto, type Env } from '../core/crypto.ts';
import type { DayCert } from '../core/daycert.ts';
import { limits } from '../core/limits.ts';
import { signObject } from '../core/sign.ts';

export const NOW_MS = Date.UTC(2026, 10, 23);
export const now = NOW_MS / 1000;
export const env: Env = { nowMs: NOW_MS, crypto, random: (length) => new Uint8Array(length) };
export const VND = 'news.example';
export const CUR = 'usd-micro' as const;

const pair = (fill: number) => {
  const seed = new Uint8Array(32).fill(fill);
  return { seed, pk: toBase64url(crypto.publicKey(seed)) };
};
export const root = pair(1);
export const day = pair(2);
export const vendorKey = pair(3);
export const thief = pair(4);
export const issuer = { brk: 'b1', root: root.pk, seed: root.seed };

export function certOf(more: Partial<DayCert> = {}, by = root): DayCert {
  const { sig: _, ...over } = more;
  const unsigned = {
    typ: 'daycert/1' as const,
    use: 'cheque' as const,
    ...{ brk: 'b1', sub: 'AAAAAAAAAAAAAAAAAAAAAA', pk: day.pk, vnd: VND as DayCert['vnd'], cur: CUR },
    ...{ limit: '10000', perDay: '10000', level: 2 as const, nbf: now, exp: now + 86_400 },
    ...over,
  };
  return { ...unsigned, sig: signObject(unsigned, by.seed, crypto) };
}

/** A challenge of the site, so that its id is one as on the wire. */
export const challengeFor = (amount: bigint, n = '1') =>
  makeChallenge(
    {
      realm: VND,
      method: 'cheque',
      intent: 'charge',
      request: { amount, currency: CUR, recipient: VND, methodDetails: {} },
      expiresAtMs: NOW_MS + limits.challengeLifeMs,
      scope: { s: 'GET /a', n },
    },
    [new Uint8Array(32)],
    crypto,
  );
