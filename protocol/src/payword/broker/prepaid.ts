// The broker's side of prepaid chains (fair chain: Yang, Lang, Tan, EEE'04; double lock: ACSAC'97; reconstructed): sells a
// chain, allots ranges of it to sites as tickets, takes closings, and refunds what no ticket can claim any more.
import { toBase64url } from '../../core/bytes.ts';
import type { Env } from '../../core/crypto.ts';
import { limits } from '../../core/limits.ts';
import type { Currency } from '../../core/money.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { macObject, signObject, verifyObject } from '../../core/sign.ts';
import { type Anchor, type Close, sessionId, type Ticket } from '../wire.ts';
import type { DealRow } from './claims.ts';
import type { Issuer } from './credit.ts';

/** A chain that was sold for `n × unit`. `next`: the first index that may still be allotted; it never goes back past a claim. */
export type ChainRow = {
  readonly id: string;
  readonly account: string;
  readonly cur: Currency;
  readonly unit: bigint;
  readonly anchor: Anchor;
  readonly next: number;
  readonly tickets: number;
  readonly refunded: bigint;
  /** Seconds. */
  readonly exp: number;
  /** No more tickets. */
  readonly closed: boolean;
};

export const priceOf = ({ anchor, unit }: Pick<ChainRow, 'anchor' | 'unit'>): bigint => BigInt(anchor.n) * unit;

/** The host debits `priceOf` the row in the same step. @throws {PaymentProblem} `chain-taken`, `request-malformed` */
export function sellChain(
  order: { anchor: Anchor; unit: bigint; cur: Currency; ttlMs: number },
  { account, taken }: { account: string; taken: boolean },
  env: Env,
): ChainRow {
  if (taken) throw new PaymentProblem('chain-taken');
  const { anchor, unit, cur, ttlMs } = order;
  if (priceOf(order) > limits.amountMax || ttlMs > limits.chainTtlMaxMs) {
    throw new PaymentProblem('request-malformed', { detail: 'n × unit, ttl: expected less' });
  }
  const exp = Math.floor((env.nowMs + ttlMs) / 1000);
  return { id: anchor.id, account, cur, unit, anchor, next: 1, tickets: 0, refunded: 0n, exp, closed: false };
}

/**
 * Gives the indices `from`…`to` to one site. Ranges follow each other; indices that a range skips are never allotted
 * again (gap rule: two sites that hold words on both sides of a gap could form the coins between).
 * @throws {PaymentProblem} `chain-closed`, `range-invalid` with the member next
 */
export function allot(
  chain: ChainRow,
  ask: { vnd: string; from: number; to: number },
  { issuer, key }: { issuer: Issuer; key?: Uint8Array },
  env: Env,
): { chain: ChainRow; ticket: Ticket; deal: DealRow } {
  if (chain.closed || env.nowMs > chain.exp * 1000) throw new PaymentProblem('chain-closed');
  const { from, to, vnd } = ask;
  const locked = 'x0' in chain.anchor;
  if (chain.tickets >= limits.chainTickets) throw new PaymentProblem('chain-closed', { detail: 'no more tickets' });
  if (from < chain.next || to < from || to > chain.anchor.n || (!locked && from !== 1)) {
    throw new PaymentProblem('range-invalid', { members: { next: chain.next, n: chain.anchor.n } });
  }
  const unsigned = {
    typ: 'ticket/1' as const,
    brk: issuer.brk,
    vnd,
    pseud: toBase64url(env.random(16)),
    cur: chain.cur,
    unit: chain.unit.toString(),
    chain: chain.anchor,
    from,
    to,
    exp: chain.exp,
  };
  const ticket: Ticket = key
    ? { ...unsigned, mac: macObject(unsigned, key, env.crypto) }
    : { ...unsigned, sig: signObject(unsigned, issuer.seed, env.crypto) };
  const { anchor } = chain;
  const deal: DealRow = {
    session: sessionId(ticket, env.crypto),
    funding: 'prepaid',
    source: chain.id,
    vnd,
    cur: chain.cur,
    exp: chain.exp,
    cap: BigInt(to - from + 1) * chain.unit,
    claimable: BigInt(to - from + 1) * chain.unit,
    credited: 0n,
    closed: false,
    bounds: [],
    chains: [
      'x0' in anchor
        ? {
            kind: 'x',
            id: anchor.id,
            unit: chain.unit,
            lo: from - 1,
            to,
            hi: 0,
            at: anchor.x0,
            n: anchor.n,
            yEnd: anchor.yEnd,
          }
        : { kind: 'payword', id: anchor.id, unit: chain.unit, lo: 0, to, hi: 0, at: anchor.w0, n: anchor.n },
    ],
  };
  return { chain: { ...chain, next: to + 1, tickets: chain.tickets + 1 }, ticket, deal };
}

/**
 * The site's signed word that a session is over: claims can reach `spent` and no more. The rest of a range that was
 * allotted last can be allotted again, from above the highest word that the site has seen.
 * @throws {PaymentProblem} `close-invalid`
 */
export function takeClose(
  deal: DealRow | undefined,
  closing: Close,
  { vendorKey, chain }: { vendorKey: string; chain?: ChainRow },
  env: Env,
): { deal: DealRow; chain?: ChainRow } {
  const spent = BigInt(closing.spent);
  const good =
    deal &&
    deal.session === closing.session &&
    deal.vnd === closing.vnd &&
    spent <= deal.claimable &&
    spent >= deal.credited &&
    verifyObject(closing, vendorKey, closing.sig, env.crypto);
  if (!good) throw new PaymentProblem('close-invalid');
  const closed: DealRow = { ...deal, closed: true, claimable: spent };
  const [range] = deal.chains;
  if (!chain || !range || deal.closed || chain.id !== deal.source || chain.next !== range.to + 1) {
    return { deal: closed, ...(chain ? { chain } : {}) };
  }
  const seen = closing.last.reduce((most, { i }) => Math.max(most, i), range.lo);
  const owed = range.lo + Number((spent + range.unit - 1n) / range.unit);
  return { deal: closed, chain: { ...chain, next: Math.min(Math.max(seen, owed, range.hi), range.to) + 1 } };
}

/** What can still be claimed of a range. */
function openClaim(deal: DealRow, nowMs: number): bigint {
  const late = nowMs > deal.exp * 1000 + limits.clockSkewMs + limits.paywordWindowMs;
  return late ? deal.credited : deal.claimable;
}

/**
 * Ends a chain, on the customer's wish or after its claim window: all that no ticket can claim returns.
 * L3: price = credited + refunded + what open tickets can claim.
 */
export function refundChain(
  chain: ChainRow,
  deals: readonly DealRow[],
  nowMs: number,
): { chain: ChainRow; deals: readonly DealRow[]; credit: bigint } {
  const ended = deals.map((deal) => ({ ...deal, claimable: openClaim(deal, nowMs) }));
  const held = ended.reduce((sum, { claimable }) => sum + claimable, 0n);
  const credit = priceOf(chain) - chain.refunded - held;
  if (credit < 0n) throw new Error(`chain ${chain.id} is worth less than its tickets`);
  return { chain: { ...chain, closed: true, refunded: chain.refunded + credit }, deals: ended, credit };
}
