// The broker's side of credit: day certificates, and the polling that bounds what a customer overspends at many sites.
import { toBase64url, utf8 } from '../../core/bytes.ts';
import type { Env } from '../../core/crypto.ts';
import { limits } from '../../core/limits.ts';
import type { Currency } from '../../core/money.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { signObject } from '../../core/sign.ts';
import { estimate } from '../poll.ts';
import type { DayCert } from '../wire.ts';

/** What the broker lends an account: to one site in a day, to all of them in a day. `level`: how it was identified. */
export type CreditLine = {
  readonly account: string;
  readonly cur: Currency;
  readonly perSite: bigint;
  readonly perDay: bigint;
  readonly level: 0 | 1 | 2;
};
export type Issuer = { readonly brk: string; readonly seed: Uint8Array };

/** Who stands behind a pseudonym on a day: the key of the row is (sub, exp). */
export type CertRow = { readonly cert: DayCert; readonly account: string };

/**
 * One pseudonym per account, site and currency: the site recognises its customer, two sites cannot compare.
 * @throws {PaymentProblem} `credit-closed`: no credit line, or none of this size
 */
export function issueCert(
  order: { vnd: string; pk: string; cur: Currency; limit: bigint },
  line: CreditLine | undefined,
  { brk, seed }: Issuer,
  env: Env,
): CertRow {
  if (!line || line.cur !== order.cur || order.limit > line.perSite) throw new PaymentProblem('credit-closed');
  const key = env.crypto.hmacSha256(seed, utf8('farthing/payword-sub/1'));
  const sub = env.crypto.hmacSha256(key, utf8(`${line.account}\0${order.vnd}\0${order.cur}`)).slice(0, 16);
  const nbf = Math.floor(env.nowMs / 1000);
  const unsigned = {
    typ: 'daycert/1' as const,
    brk,
    sub: toBase64url(sub),
    pk: order.pk,
    vnd: order.vnd,
    cur: order.cur,
    limit: order.limit.toString(),
    perDay: line.perSite.toString(),
    level: line.level,
    nbf,
    exp: nbf + limits.certLifeMs / 1000,
  };
  return { cert: { ...unsigned, sig: signObject(unsigned, seed, env.crypto) }, account: line.account };
}

// ── polling ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the broker believes that an account has spent today. Only grows within a day. */
export type PollRow = { readonly account: string; readonly day: number; readonly estimate: bigint };
export type PollAnswer = 'ok' | 'limit' | 'deny';

const DAY_MS = 86_400_000;

/** `limit`: this payment was the last; `deny`: the limit was passed before. `line` undefined: the account is closed. */
export function poll(
  row: PollRow | undefined,
  report: { amount: bigint; everyMicro: bigint },
  line: CreditLine | undefined,
  nowMs: number,
): { row: PollRow | undefined; answer: PollAnswer } {
  if (!line) return { row, answer: 'deny' };
  const day = Math.floor(nowMs / DAY_MS);
  const before = row?.day === day ? row.estimate : 0n;
  const after = before + estimate(report.amount, report.everyMicro);
  const answer = before >= line.perDay ? 'deny' : after >= line.perDay ? 'limit' : 'ok';
  return { row: { account: line.account, day, estimate: after }, answer };
}
