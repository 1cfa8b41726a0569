// Certificates for cheques: whose key may write them, at which site, and how much of the account's money is kept aside for what
// the site serves unasked. So a site is paid for all that it serves within the limit, and nobody lends anything.
import { toBase64url, utf8 } from '../core/bytes.ts';
import type { Env } from '../core/crypto.ts';
import type { DayCert, Level } from '../core/daycert.ts';
import { limits } from '../core/limits.ts';
import type { Currency } from '../core/money.ts';
import { PaymentProblem } from '../core/problems.ts';
import { signObject } from '../core/sign.ts';

/** As ordered, in base units. `vnd` `*`: at any site that asks the broker first. */
export type CertTerms = {
  readonly vnd: string;
  readonly pk: string;
  readonly cur: Currency;
  readonly limit: bigint;
  readonly perDay: bigint;
  readonly level: Level;
};

/**
 * One pseudonym per account, site and currency, as with PayWord but another one: the site recognises its customer, two sites
 * cannot compare. A certificate for all sites shows all of them the same pseudonym, so each has a fresh one.
 */
export function issueCert(
  account: string,
  terms: CertTerms,
  { brk, seed }: { brk: string; seed: Uint8Array },
  env: Env,
): DayCert {
  const { vnd, pk, cur, limit, perDay, level } = terms;
  const key = env.crypto.hmacSha256(seed, utf8('farthing/cheque-sub/1'));
  const named = env.crypto.hmacSha256(key, utf8(`${account}\0${vnd}\0${cur}`)).slice(0, 16);
  const nbf = Math.floor(env.nowMs / 1000);
  const unsigned = {
    typ: 'daycert/1' as const,
    brk,
    use: 'cheque' as const,
    sub: toBase64url(vnd === '*' ? env.random(16) : named),
    ...{ pk, vnd, cur, limit: limit.toString(), perDay: perDay.toString(), level },
    nbf,
    exp: nbf + limits.certLifeMs / 1000,
  };
  return { ...unsigned, sig: signObject(unsigned, seed, env.crypto) };
}

/** Until then a site can claim what it served on a certificate. What is kept aside for it then goes back. */
export const claimableUntilMs = ({ exp }: Pick<DayCert, 'exp'>): number =>
  exp * 1000 + limits.clockSkewMs + limits.chequeWindowMs;

/** Base units. `kept`: put aside for a certificate in all; `captured`: of payments on it that the broker was asked for. */
export type Kept = { readonly kept: bigint; readonly captured: bigint };

/**
 * How much more is to be put aside so that a site may serve `amount` after `spent`: 0 when that was asked before, or is within
 * the limit anyway. A site that says it has spent too much ties up money of its customer for two days, up to `perDay`.
 * @throws {PaymentProblem} `limit-reached`, `cert-expired`
 */
export function raiseBy(
  { kept, captured }: Kept,
  { spent, amount }: { spent: bigint; amount: bigint },
  cert: DayCert,
  nowMs: number,
): bigint {
  if (nowMs > cert.exp * 1000 + limits.clockSkewMs) throw new PaymentProblem('cert-expired');
  const more = spent + amount - kept;
  if (more <= 0n) return 0n;
  if (kept + more + captured > BigInt(cert.perDay)) throw new PaymentProblem('limit-reached');
  return more;
}
