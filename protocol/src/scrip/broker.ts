// The broker's side of scrip: makes it under a licence, pays vendors for what it sold, takes releases back.
// Rows in, rows out: the host loads them, writes them and books the money in the same transaction.
import { toBase64url } from '../core/bytes.ts';
import type { Env } from '../core/crypto.ts';
import { limits } from '../core/limits.ts';
import type { Currency } from '../core/money.ts';
import { PaymentProblem } from '../core/problems.ts';
import { verifyObject } from '../core/sign.ts';
import { BEARER, certify, customerSecret, type Licence, type MasterSecrets, type Release, type Scrip } from './wire.ts';

/** `next` is the serial to use next; `sold` the face value made so far. Both only grow. */
export type LicenceRow = {
  readonly licence: Licence;
  readonly secrets: MasterSecrets;
  readonly next: number;
  readonly sold: bigint;
};

/** One piece that this broker sold. Conservation (L2): face = credited + refunded + outstanding, each ≥ 0. */
export type RootRow = {
  readonly root: string;
  readonly vnd: string;
  readonly face: bigint;
  readonly cur: Currency;
  readonly feeBps: number;
  readonly expiresAtMs: number;
  /** The account that bought it; `undefined` when broker scrip paid for it. */
  readonly buyer: string | undefined;
  /** Paid to the vendor so far, fee included. */
  readonly credited: bigint;
  readonly refunded: bigint;
  /** Set by a release or by the end of the claim window: the most that claims may reach. */
  readonly claimable: bigint;
  readonly closed: boolean;
};

export type IssueOrder = { val: bigint; count: number; ttlMs: number; bearer: boolean; buyer: string | undefined };
export type Issued = { row: LicenceRow; pieces: { scrip: Scrip; csec: string }[]; roots: RootRow[] };

/** @throws {PaymentProblem} `licence-missing`, `licence-used-up`, `request-malformed` */
export function issue(row: LicenceRow, order: IssueOrder, env: Env): Issued {
  const { licence, secrets } = row;
  if (env.nowMs < licence.nbf * 1000 || env.nowMs >= licence.exp * 1000) throw new PaymentProblem('licence-missing');
  if (order.count < 1 || order.count > limits.scripBuyCount || order.val < 1n || order.val > BigInt(licence.maxVal)) {
    throw new PaymentProblem('request-malformed', {
      detail: `val: expected 1…${licence.maxVal}, count: 1…${limits.scripBuyCount}`,
    });
  }
  const sold = row.sold + order.val * BigInt(order.count);
  if (sold > BigInt(licence.ceiling) || row.next + order.count - 1 > licence.last)
    throw new PaymentProblem('licence-used-up');
  const exp = Math.floor((env.nowMs + order.ttlMs) / 1000);
  const pieces: Issued['pieces'] = [];
  const roots: RootRow[] = [];
  for (let i = 0; i < order.count; i++) {
    const id = `${licence.kid}.${row.next + i}`;
    const cid = `${licence.kid}.${toBase64url(env.random(16))}`;
    const props = order.bearer ? BEARER : {};
    const blank = {
      typ: 'scrip/1' as const,
      vnd: licence.vnd,
      root: id,
      id,
      val: order.val.toString(),
      cur: licence.cur,
      cid,
      exp,
      props,
    };
    pieces.push({
      scrip: certify(blank, secrets.scrip, env.crypto),
      csec: toBase64url(customerSecret(cid, secrets.customer, env.crypto)),
    });
    roots.push({
      root: id,
      vnd: licence.vnd,
      face: order.val,
      cur: licence.cur,
      feeBps: licence.feeBps,
      expiresAtMs: exp * 1000,
      buyer: order.buyer,
      credited: 0n,
      refunded: 0n,
      claimable: order.val,
      closed: false,
    });
  }
  return { row: { ...row, next: row.next + order.count, sold }, pieces, roots };
}

/** Why a claim, or a part of it, was not paid. Recorded as an alarm, with the batch as evidence. */
export type ClaimAlarm = 'unknown-root' | 'foreign-root' | 'over-face' | 'falling' | 'late';
export type Redeemed = { root: RootRow | undefined; credit: bigint; fee: bigint; alarm?: ClaimAlarm };

/** `cum` is all that the vendor was paid with this root so far; the broker credits the increase, never above the face. */
export function redeem(root: RootRow | undefined, claim: { vnd: string; cum: bigint }, nowMs: number): Redeemed {
  const nothing = (alarm?: ClaimAlarm): Redeemed => ({ root, credit: 0n, fee: 0n, ...(alarm ? { alarm } : {}) });
  if (!root) return nothing('unknown-root');
  if (root.vnd !== claim.vnd) return nothing('foreign-root');
  if (claim.cum <= root.credited) return nothing(claim.cum < root.credited ? 'falling' : undefined);
  if (nowMs > root.expiresAtMs + limits.clockSkewMs + limits.claimWindowMs) return nothing('late');
  const cum = claim.cum > root.claimable ? root.claimable : claim.cum;
  const over = claim.cum > root.claimable ? ({ alarm: 'over-face' } as const) : {};
  const increase = cum > root.credited ? cum - root.credited : 0n;
  const fee = feeOf(cum, root) - feeOf(root.credited, root);
  return {
    root: increase > 0n ? { ...root, credited: cum } : root,
    credit: increase - (increase > 0n ? fee : 0n),
    fee: increase > 0n ? fee : 0n,
    ...over,
  };
}

/** The fee of the whole sum so far: cutting a claim into small ones changes nothing. */
const feeOf = (cum: bigint, { feeBps }: RootRow): bigint => (cum * BigInt(feeBps)) / 10_000n;

/**
 * Takes a release: what was left goes back, and claims can reach only the rest.
 * @throws {PaymentProblem} `release-invalid`, `release-used`
 */
export function refund(
  root: RootRow | undefined,
  release: Release,
  vendorKey: string,
  env: Env,
): { root: RootRow; credit: bigint } {
  if (!root || root.vnd !== release.vnd || !verifyObject(release, vendorKey, release.sig, env.crypto)) {
    throw new PaymentProblem('release-invalid');
  }
  if (root.closed) throw new PaymentProblem('release-used');
  const left = BigInt(release.left);
  const claimable = root.face - left;
  if (left > root.face || claimable < root.credited) {
    throw new PaymentProblem('release-invalid', { detail: 'more was claimed or released than the piece was worth' });
  }
  return { root: { ...root, refunded: root.refunded + left, claimable, closed: true }, credit: left };
}

/** After the claim window nobody can claim any more: the rest returns to the buyer. `undefined` before that. */
export function residue(root: RootRow, nowMs: number): { root: RootRow; credit: bigint } | undefined {
  if (nowMs <= root.expiresAtMs + limits.clockSkewMs + limits.claimWindowMs) return undefined;
  const credit = root.face - root.credited - root.refunded;
  if (credit === 0n) return undefined;
  return { root: { ...root, refunded: root.refunded + credit, claimable: root.credited, closed: true }, credit };
}
