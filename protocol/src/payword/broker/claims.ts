// The broker pays claims: totals that only grow, each no more than what the shown words are worth. Work is bounded before
// a word is hashed, and hashing goes on from the last word that was accepted: over its life a chain costs n hashes.
import type { Crypto, Env } from '../../core/crypto.ts';
import { limits } from '../../core/limits.ts';
import { isUnder } from '../../core/merkle.ts';
import type { Currency } from '../../core/money.ts';
import { verifyObject } from '../../core/sign.ts';
import { leadsTo, up } from '../chain.ts';
import { leafOf } from '../segments.ts';
import { bytesOf, type Deed, deedId, type Last, sessionId } from '../wire.ts';
import type { CertRow } from './credit.ts';

/** A chain as far as claims have shown it: `at` is the word at `hi`. `yEnd` stays until the second lock was checked. */
export type ClaimedChain = {
  readonly kind: 'payword' | 'x';
  readonly id: string;
  readonly unit: bigint;
  /** Indices lo + 1 … to belong to the deal, of 1 … n. */
  readonly lo: number;
  readonly to: number;
  readonly n: number;
  readonly hi: number;
  readonly at: string;
  readonly yEnd?: string;
};

/** One commitment, segment or ticket. 0 ≤ credited ≤ claimable ≤ cap; credited and hi never decrease. */
export type DealRow = {
  readonly session: string;
  readonly funding: 'credit' | 'prepaid';
  /** Prepaid: id of its chain. Credit: the account that is billed. */
  readonly source: string;
  readonly vnd: string;
  readonly cur: Currency;
  /** Seconds. */
  readonly exp: number;
  readonly cap: bigint;
  readonly claimable: bigint;
  readonly credited: bigint;
  readonly closed: boolean;
  readonly chains: readonly ClaimedChain[];
  /** Sums over several deals: the day of a pseudonym, all segments of a commitment. The host keeps what is used of each. */
  readonly bounds: readonly { readonly key: string; readonly limit: bigint }[];
};

/** Why a claim, or a part of it, was not paid. All but `late` and `falling` are recorded with the order as evidence. */
export type ClaimAlarm =
  | 'unknown'
  | 'foreign'
  | 'forged'
  | 'word-wrong'
  | 'over-words'
  | 'over-cap'
  | 'falling'
  | 'late';

/** A commitment becomes a deal when it is first claimed. `alarm`: it is not one of ours, or not genuine. */
export function dealOf(
  deed: Deed,
  { cert: row, vnd }: { cert: CertRow | undefined; vnd: string },
  { crypto }: Env,
): DealRow | ClaimAlarm {
  if (!('commitment' in deed)) return 'unknown'; // tickets are known since they were allotted
  const { commitment, a = 0, leaf, path } = deed;
  if (!row || commitment.sub !== row.cert.sub || commitment.brk !== row.cert.brk) return 'unknown';
  if (commitment.vnd !== vnd || row.cert.vnd !== vnd || commitment.cur !== row.cert.cur) return 'foreign';
  if (commitment.exp > row.cert.exp) return 'forged';
  if (!verifyObject(commitment, row.cert.pk, commitment.sig, crypto)) return 'forged';
  const { root, m, chains } = commitment;
  const day = { key: `day:${commitment.sub}:${row.cert.exp}`, limit: BigInt(row.cert.perDay) };
  const bounds = [day];
  let entries = chains;
  if (!entries) {
    if (!leaf || !path || root === undefined || m === undefined) return 'forged';
    const place = { index: a, count: m, path: path.map(bytesOf), root: bytesOf(root) };
    if (!isUnder(leafOf(leaf, crypto), place, crypto)) return 'forged';
    entries = [leaf];
    bounds.push({ key: `root:${sessionId(commitment, crypto)}`, limit: BigInt(commitment.cap) });
  }
  const cap = least(BigInt(commitment.cap), BigInt(row.cert.limit));
  return {
    session: deedId({ commitment, a }, crypto),
    funding: 'credit',
    source: row.account,
    vnd,
    cur: commitment.cur,
    exp: commitment.exp,
    cap,
    claimable: cap,
    credited: 0n,
    closed: false,
    bounds,
    chains: entries.map(({ id, n, unit, w0 }) => {
      return { kind: 'payword', id, unit: BigInt(unit), lo: 0, to: n, n, hi: 0, at: w0 };
    }),
  };
}

const least = (a: bigint, b: bigint) => (a < b ? a : b);

export type Claim = { readonly vnd: string; readonly cum: bigint; readonly last: Last; readonly y?: string };

/** Hashes that checking a claim can take. Hosts stop a batch at `limits.redeemHashes`: the rest is claimed again later. */
export function workOf({ chains }: DealRow, { last }: Pick<Claim, 'last'>): number {
  return last.reduce((sum, { a, i }) => {
    const chain = chains[a];
    if (!chain || i <= chain.hi || i > chain.to) return sum;
    return sum + (i - chain.hi) + (chain.yEnd === undefined ? 0 : chain.n - chain.lo);
  }, 0);
}

export type Redeemed = {
  readonly deal: DealRow;
  readonly credit: bigint;
  readonly fee: bigint;
  readonly alarm?: ClaimAlarm;
};

/**
 * `cum` is all that the vendor delivered for this deal so far; the increase is credited.
 * `used`: how much of each of the deal's bounds was credited before; the host adds credit + fee to each.
 */
export function redeem(
  deal: DealRow,
  claim: Claim,
  { feeBps, used }: { feeBps: number; used: (key: string) => bigint },
  env: Env,
): Redeemed {
  const nothing = (alarm?: ClaimAlarm): Redeemed => ({ deal, credit: 0n, fee: 0n, ...(alarm ? { alarm } : {}) });
  if (deal.vnd !== claim.vnd) return nothing('foreign');
  if (claim.cum <= deal.credited) return nothing(claim.cum < deal.credited ? 'falling' : undefined);
  if (env.nowMs > deal.exp * 1000 + limits.clockSkewMs + limits.paywordWindowMs) return nothing('late');
  const shown = show(deal, claim, env.crypto);
  if (typeof shown === 'string') return nothing(shown);
  const words = worthOf(shown);
  const room = deal.bounds.map(({ key, limit }) => deal.credited + limit - used(key));
  const most = [words, deal.claimable, ...room].reduce(least);
  const cum = least(claim.cum, most);
  const alarm = claim.cum > words ? 'over-words' : claim.cum > most ? 'over-cap' : undefined;
  const increase = cum > deal.credited ? cum - deal.credited : 0n;
  const fee = increase > 0n ? feeOf(cum, feeBps) - feeOf(deal.credited, feeBps) : 0n;
  return {
    deal: { ...deal, chains: shown, credited: deal.credited + increase },
    credit: increase - fee,
    fee,
    ...(alarm ? { alarm } : {}),
  };
}

/** The fee of the whole sum so far: cutting a claim into small ones changes nothing. */
const feeOf = (cum: bigint, feeBps: number): bigint => (cum * BigInt(feeBps)) / 10_000n;

export const worthOf = (chains: readonly ClaimedChain[]): bigint =>
  chains.reduce((sum, { hi, lo, unit }) => sum + (hi > lo ? BigInt(hi - lo) * unit : 0n), 0n);

/** The chains with the words of a claim, or what is wrong with these. */
export function show(deal: Pick<DealRow, 'chains'>, claim: Claim, crypto: Crypto): ClaimedChain[] | ClaimAlarm {
  const chains = [...deal.chains];
  for (const { a, i, w } of claim.last) {
    const chain = chains[a];
    if (!chain || i > chain.to || i <= chain.lo) return 'over-words';
    if (i <= chain.hi) continue;
    const ref = { kind: chain.kind, id: bytesOf(chain.id) };
    if (!leadsTo(bytesOf(w), ref, { from: i, to: chain.hi, anchor: bytesOf(chain.at) }, crypto)) return 'word-wrong';
    const { yEnd, ...rest } = chain;
    if (yEnd !== undefined && !opensLock(claim.y, chain, yEnd, crypto)) return 'word-wrong';
    chains[a] = { ...rest, hi: i, at: w };
  }
  return chains;
}

/** The vendor's range starts at lo + 1: y of that index, n − lo hashes from the end. */
function opensLock(y: string | undefined, { id, lo, n }: ClaimedChain, yEnd: string, crypto: Crypto): boolean {
  if (y === undefined) return false;
  const end = up(bytesOf(y), bytesOf(id), { from: lo + 1, to: n + 1 }, crypto);
  const expected = bytesOf(yEnd);
  return end.length === expected.length && end.every((byte, i) => byte === expected[i]);
}
