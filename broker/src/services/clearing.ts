// Two brokers settle what they owe each other: the same claims in both books, one sum, once. Who finds other claims in its
// own books than the other names refuses, and nothing has happened.
import {
  type ClaimsTotal,
  canonicalJson,
  type claimsOrder,
  clearOrder,
  clearResult,
  decode,
  type JsonObject,
  limits,
  makeOrder,
  type Order,
  PaymentProblem,
  type PeerClaim,
  parseJson,
  readAnswer,
  totalOfClaims,
} from '@farthing/protocol';
import type * as v from 'valibot';
import type { Keys } from '../keys.ts';
import type { ClearingRow, Pair } from '../ledger/clearing.ts';
import { account } from '../ledger/journal.ts';
import type { PeerRow } from '../ledger/peers.ts';
import type { OrderStep, Step } from './step.ts';

type Clear = v.InferOutput<typeof clearOrder>;
type Desk = Pick<Step, 'ledger' | 'env'>;

// ── who is asked ────────────────────────────────────────────────────────────────────────────────────────────────────

/** @throws {PaymentProblem} `peer-unknown`, `clearing-differs`, `request-malformed` */
export function clear(asked: Clear, step: OrderStep): JsonObject {
  const { ledger, env, order } = step;
  const { cur, period, before, owed, owing, net } = asked;
  const pair = { brk: asking(asked.from, step).brk, cur };
  const last = ledger.clearing.last(pair);
  if (last && isOpen(last)) throw differs('this broker has asked for a clearing itself');
  if (period !== periodAfter(last)) throw differs(`expected period ${periodAfter(last)}`);
  if (before * 1000 > env.nowMs + limits.clockSkewMs) throw differs('before: expected a moment that is over');
  const here = totalsOf(pair, before, step);
  // What it is owed we owe.
  if (!isSame(owed, here.owing) || !isSame(owing, here.owed)) {
    throw differs('the claims differ', { owed: { ...here.owing }, owing: { ...here.owed } });
  }
  if (net !== netOf(asked)) throw new PaymentProblem('request-malformed', { detail: 'net: expected owed − owing' });
  ledger.clearing.add({ ...pair, period, ours: false, doc: canonicalJson(order) });
  ledger.clearing.mark(pair, { period, before });
  transfer(pair, { period, gain: -BigInt(net), order }, step);
  return { cur, period, net };
}

/** A page of what is to be cleared, as this broker has it. `owed`: to who asks. @throws {PaymentProblem} `peer-unknown` */
export function claims(
  { from, cur, before, side, after }: v.InferOutput<typeof claimsOrder>,
  step: OrderStep,
): JsonObject {
  const pair = { brk: asking(from, step).brk, cur };
  const { clearing } = step.ledger;
  const all = side === 'owed' ? clearing.owing(pair, before) : clearing.owed(pair, before);
  const start = after ? all.findIndex((claim) => isAfter(claim, after)) : 0;
  const page = start < 0 ? [] : all.slice(start, start + limits.peerClaims);
  return { claims: page.map((claim) => ({ ...claim })), more: start >= 0 && start + page.length < all.length };
}

const isAfter = (a: PeerClaim, b: Pick<PeerClaim, 'vnd' | 'challengeId'>): boolean =>
  a.vnd > b.vnd || (a.vnd === b.vnd && a.challengeId > b.challengeId);

function asking(root: string, { ledger }: Step): PeerRow {
  const peer = ledger.peers.all().find((one) => one.root === root);
  if (!peer) throw new PaymentProblem('peer-unknown');
  return peer;
}

const differs = (detail: string, members: JsonObject = {}): PaymentProblem =>
  new PaymentProblem('clearing-differs', { detail, members });

// ── who asks ────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Inside a transaction: what we propose, written down; the one that waits for its answer if there is one. `before` in seconds.
 * `undefined`: there is nothing to clear.
 */
export function propose(pair: Pair, before: number, { ledger, env, keys }: Desk & { keys: Keys }): Order | undefined {
  const last = ledger.clearing.last(pair);
  if (last && isOpen(last)) return parseJson(last.doc) as Order;
  const { owed, owing } = totalsOf(pair, before, { ledger, env });
  if (owed.count + owing.count === 0) return undefined;
  const period = periodAfter(last);
  const figures = {
    cur: pair.cur,
    period,
    before,
    owed: { ...owed },
    owing: { ...owing },
    net: netOf({ owed, owing }),
  };
  const order = makeOrder('exchange-clear/1', figures, keys.seed, env);
  ledger.clearing.add({ ...pair, period, ours: true, doc: canonicalJson(order) });
  // What comes in before the answer is for the next period, whatever clocks say.
  ledger.clearing.mark(pair, { period, before });
  return order;
}

/**
 * Inside a transaction: the other has signed what we proposed; again changes nothing.
 * @throws {PaymentProblem} `broker-untrusted`
 */
export function settle(order: Order, json: unknown, { peer, ...desk }: Desk & { peer: PeerRow }): void {
  const { ledger, env } = desk;
  const result = decode(clearResult, readAnswer(json, order, peer, env.crypto), 'broker-untrusted');
  const { cur, period, net, from, rid } = decode(clearOrder, order, 'request-malformed');
  if (result.cur !== cur || result.period !== period || result.net !== net)
    throw new PaymentProblem('broker-untrusted');
  const pair = { brk: peer.brk, cur };
  const last = ledger.clearing.last(pair);
  if (!last || !isOpen(last) || last.period !== period) return;
  ledger.clearing.settle({ ...pair, period }, { answer: canonicalJson(json as JsonObject), atMs: env.nowMs });
  transfer(pair, { period, gain: BigInt(net), order: { from, rid } }, desk);
}

// ── both ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const isOpen = ({ ours, answer }: ClearingRow): boolean => ours && answer === '';
const periodAfter = (last: ClearingRow | undefined): number => (last?.period ?? 0) + 1;

function totalsOf(pair: Pair, before: number, { ledger: { clearing }, env: { crypto } }: Desk) {
  return {
    owed: totalOfClaims(clearing.owed(pair, before), crypto),
    owing: totalOfClaims(clearing.owing(pair, before), crypto),
  };
}

const isSame = (a: ClaimsTotal, b: ClaimsTotal): boolean => canonicalJson({ ...a }) === canonicalJson({ ...b });
const netOf = ({ owed, owing }: Pick<Clear, 'owed' | 'owing'>): string =>
  (BigInt(owed.gross) - BigInt(owing.gross)).toString();

type Transfer = {
  readonly period: number;
  /** What we get by a transfer outside of the books; negative: what we pay. */
  readonly gain: bigint;
  readonly order: { readonly from: string; readonly rid: string };
};

/** What is left between the two. */
function transfer({ brk, cur }: Pair, { period, gain, order }: Transfer, { ledger, env }: Desk): void {
  if (gain === 0n) return;
  const peer = account.peer(brk);
  ledger.journal.post({
    atMs: env.nowMs,
    kind: 'clear',
    ref: `${brk} ${period}`,
    order: { from: order.from, rid: order.rid },
    postings: [
      { account: peer, cur, amount: gain },
      { account: account.transfers, cur, amount: -gain },
    ],
    overdraft: new Map([[peer, ledger.peers.get(brk, cur)?.most ?? 0n]]),
  });
}
