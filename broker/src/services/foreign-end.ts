// Ending holds at another broker: a site captures what it delivered and gives up what it did not.
import { type JsonObject, PaymentProblem, tryDecode } from '@farthing/protocol';
import {
  type ecashCaptureOrder,
  ecashCaptureResult,
  type ecashVoidOrder,
  ecashVoidResult,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { account } from '../ledger/journal.ts';
import type { PeerOrderRow, PeerPaymentRow } from '../ledger/peers.ts';
import type { AheadStep } from './ahead-step.ts';
import { type Answered, addAsk, type Foreign, falsehood, isForeign, keepFalse, owe, saidTo } from './foreign.ts';
import type { Ahead, OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

type Capture = v.InferOutput<typeof ecashCaptureOrder>;
type Void = v.InferOutput<typeof ecashVoidOrder>;

/**
 * Hands on a capture or a void, if it speaks of coins that another broker made.
 * @throws {PaymentProblem} `vendor-unknown`, `peer-unknown`, `request-malformed`; `unavailable`
 */
export async function askToEnd(order: Capture | Void, step: AheadStep): Promise<Ahead> {
  if (!isForeign(order, step)) return {};
  const { peers } = step;
  await step.read(({ ledger }) => ownVendor(order.vnd, order.from, ledger));
  // What the other broker was asked to take, and has not answered, must be known first.
  for (const challenge of new Set(order.held)) {
    const open = await step.read(({ ledger }) => {
      const row = ledger.peers.payment(order.vnd, challenge);
      return row?.state === 'asked' ? ledger.peers.ask(row.ask) : undefined;
    });
    if (open) await peers.finish(open).catch(needKnown);
  }
  const ask = await peers.write((now) => planToEnd(order, { ...now, order: step.order, signed: step.signed }));
  if (!ask) return {};
  const answer = await peers.ask(ask);
  if (answer.kind === 'answered' && !isEnded(order, answer)) {
    await peers.write((now) => keepFalse(answer, now));
    return { peer: { kind: 'refused', problem: falsehood() } };
  }
  return { peer: answer };
}

/** A refusal of the payment is an answer too. */
function needKnown(error: unknown): void {
  if (!(error instanceof PaymentProblem) || error.code === 'unavailable') throw error;
}

/** `undefined`: nothing is held there. */
function planToEnd(order: Foreign<Capture | Void>, step: OrderStep): PeerOrderRow | undefined {
  const { vnd, issuer, from, rid, held } = order;
  const { peers } = step.ledger;
  const asked = peers.askOf(order);
  if (asked) return asked;
  const rows = held.flatMap((challenge) => peers.payment(vnd, challenge) ?? []);
  if (rows.some(({ brk, cur }) => brk !== issuer || ('cur' in order && cur !== order.cur))) {
    throw new PaymentProblem('request-malformed', {
      detail: 'held: expected payments in this currency, of this issuer',
    });
  }
  if (!rows.some(({ state }) => state === 'held')) return undefined;
  return addAsk({ brk: issuer, from, rid, vnd: '', challenge: '' }, step);
}

const isEnded = (order: Capture | Void, { result }: Answered): boolean => {
  if (order.typ === 'ecash-void/1') return tryDecode(ecashVoidResult, result) !== undefined;
  const read = tryDecode(ecashCaptureResult, result);
  return read?.cur === order.cur && read.paidAt?.length === read.paid.length;
};

/** Inside the transaction that answers the site. @throws {PaymentProblem} `balance-full` */
export function captureForeign(order: Foreign<Capture>, step: OrderStep): JsonObject {
  const { vnd, cur } = order;
  const { ledger } = step;
  const said = saidTo(step);
  const read = said && tryDecode(ecashCaptureResult, said.result);
  let sum = 0n;
  if (said && read) {
    ledger.peers.setAnswer(said.ask.n, said.answer);
    for (const row of heldBefore(order, said.ask, step)) {
      const at = read.paid.indexOf(row.challenge);
      const paidAt = read.paidAt?.[at];
      if (paidAt !== undefined) {
        ledger.peers.setPayment({ ...row, state: 'paid', paidAt, endedBy: said.ask.n });
        sum += row.amount;
      } else if (read.gone.includes(row.challenge)) {
        ledger.peers.setPayment({ ...row, state: 'void', until: 0, endedBy: said.ask.n });
      }
    }
  }
  if (sum > 0n) owe(order, { kind: 'ecash-capture', amount: sum, cur }, step);
  const states = statesOf(order, step);
  const paid = states.filter(({ state }) => state === 'paid').map(({ challenge }) => challenge);
  const gone = states.filter(({ state }) => state !== 'paid').map(({ challenge }) => challenge);
  return { paid, gone, balance: ledger.journal.shown(account.vendor(vnd), cur), cur };
}

/** Inside the transaction that answers the site. */
export function freeForeign(order: Foreign<Void>, step: OrderStep): JsonObject {
  const { peers } = step.ledger;
  const said = saidTo(step);
  const read = said && tryDecode(ecashVoidResult, said.result);
  if (said && read) {
    peers.setAnswer(said.ask.n, said.answer);
    for (const row of heldBefore(order, said.ask, step)) {
      if (read.freed.includes(row.challenge))
        peers.setPayment({ ...row, state: 'void', until: 0, endedBy: said.ask.n });
    }
  }
  const states = statesOf(order, step);
  const freed = states.filter(({ state }) => state === 'void').map(({ challenge }) => challenge);
  const gone = states.filter(({ state }) => state !== 'void').map(({ challenge }) => challenge);
  return { freed, gone };
}

/** Payments that were held when this was asked, and still are: one that was taken anew since is another matter. */
function heldBefore({ vnd, held }: Capture | Void, { n }: PeerOrderRow, { ledger: { peers } }: Step): PeerPaymentRow[] {
  const rows = [...new Set(held)].flatMap((challenge) => peers.payment(vnd, challenge) ?? []);
  return rows.filter(({ state, ask }) => state === 'held' && ask < n);
}

const statesOf = ({ vnd, held }: Capture | Void, { ledger: { peers } }: Step) =>
  [...new Set(held)].map((challenge) => ({ challenge, state: peers.payment(vnd, challenge)?.state }));
