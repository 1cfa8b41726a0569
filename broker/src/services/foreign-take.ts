// Taking a payment with coins of another broker: checked here by its published keys, taken there.
import { nativeRsa } from '@farthing/node-kit';
import { type Currency, type JsonObject, limits, PaymentProblem, tryDecode, verifyObject } from '@farthing/protocol';
import { coinSetHash, ecash, type ecashDepositOrder, ecashDepositResult } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { account } from '../ledger/journal.ts';
import type { PeerOrderRow, PeerPaymentRow, PeerRow } from '../ledger/peers.ts';
import type { AheadStep } from './ahead-step.ts';
import { paymentHash } from './ecash-payments.ts';
import { type Answered, addAsk, type Foreign, falsehood, isForeign, keepFalse, owe, saidTo } from './foreign.ts';
import type { PeerMint } from './peer-desk.ts';
import type { Ahead, OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

type Deposit = v.InferOutput<typeof ecashDepositOrder>;

/**
 * Asks the broker that made the coins, if it was not us.
 * @throws {PaymentProblem} `vendor-unknown`, `peer-unknown`, `peer-limit`, `challenge-reused`, coin and keyset problems;
 * `unavailable`: the other broker is away
 */
export async function askToTake(order: Deposit, step: AheadStep): Promise<Ahead> {
  if (!isForeign(order, step)) return {};
  const { peers } = step;
  const { peer, known } = await step.read((now) => {
    ownVendor(order.vnd, order.from, now.ledger);
    return { peer: livePeer(order, now), known: now.ledger.peers.payment(order.vnd, order.challengeId) };
  });
  if (!known)
    checkCoins(
      order,
      await peers.mint(
        peer,
        order.coins.map(({ ks }) => ks),
      ),
      step,
    );
  const ask = await peers.write((now) => planToTake(order, { ...now, order: step.order, signed: step.signed }));
  if (!ask) return {};
  const answer = await peers.ask(ask);
  if (answer.kind === 'answered' && !isTaken(order, answer, { step, peer })) {
    await peers.write((now) => keepFalse(answer, now));
    return { peer: { kind: 'refused', problem: falsehood() } };
  }
  return { peer: answer };
}

/** As the mint will check them, by its published keys: what is bad does not reach it. */
function checkCoins(order: Foreign<Deposit>, { keysets }: PeerMint, { env }: Pick<Step, 'env'>): void {
  const { challengeId, vnd, amount, cur, coins, change = [], exp, hold } = order;
  const revoked = new Set([...keysets.values()].flatMap(({ ks, revoked: isRevoked }) => (isRevoked ? [ks] : [])));
  const terms = { challengeId, vnd, amount, cur, coins, change, exp };
  ecash.deposit({ coins, terms, cur, hold }, { keysets, revoked, rsa: nativeRsa }, env);
}

/** Inside a transaction: writes what will be asked. `undefined`: the answer is known. */
function planToTake(order: Foreign<Deposit>, step: OrderStep): PeerOrderRow | undefined {
  const { vnd, challengeId: challenge, issuer, cur, amount, from, rid } = order;
  const { peers } = step.ledger;
  const hash = paymentHash(order, step);
  const row = peers.payment(vnd, challenge);
  if (row && (row.hash !== hash || row.brk !== issuer)) throw new PaymentProblem('challenge-reused');
  if (row?.state === 'false') throw falsehood();
  if (row?.state === 'asked') return peers.ask(row.ask);
  if (row && row.state !== 'void' && !isOver(row, step)) return undefined;
  const peer = livePeer(order, step);
  checkLine(peer, row?.state === 'held' ? 0n : amount, step);
  const ask = addAsk({ brk: issuer, from, rid, vnd, challenge }, step);
  if (row) peers.setPayment({ ...row, ask: ask.n, state: 'asked', until: 0, paidAt: 0 });
  else peers.addPayment({ vnd, challenge, brk: issuer, cur, amount, hash, ask: ask.n });
  return ask;
}

/** Its hold has ended at the other broker, unless it was captured there. */
const isOver = ({ state, until }: PeerPaymentRow, { env }: Step): boolean =>
  state === 'held' && env.nowMs > until * 1000 + limits.clockSkewMs;

/** @throws {PaymentProblem} `peer-limit`: what it owes, or may come to owe by what is under way, would pass its line */
function checkLine({ brk, cur, line }: PeerRow, amount: bigint, { ledger }: Step): void {
  const owed = -ledger.journal.balance(account.peer(brk), cur);
  const after = (owed > 0n ? owed : 0n) + ledger.peers.reserved(brk, cur) + amount;
  if (after > line) throw new PaymentProblem('peer-limit', { retryAfter: 60 });
}

/** Inside the transaction that answers the site. */
export function takeForeign(order: Foreign<Deposit>, step: OrderStep): JsonObject {
  const { vnd, challengeId, amount, cur } = order;
  const { peers } = step.ledger;
  const said = saidTo(step);
  const row = peers.payment(vnd, challengeId);
  if (said && row?.state === 'asked' && row.ask === said.ask.n) {
    const { receipt } = resultOf(said.result);
    peers.setAnswer(said.ask.n, said.answer);
    const state = receipt.state;
    peers.setPayment({ ...row, state, until: receipt.until, paidAt: state === 'paid' ? receipt.at : 0 });
    if (state === 'paid') owe(order, { kind: 'ecash-deposit', amount, cur }, step);
  }
  const now = peers.payment(vnd, challengeId);
  const answer = now && peers.ask(now.ask)?.answer;
  if (answer === undefined || (now?.state !== 'held' && now?.state !== 'paid')) {
    throw new PaymentProblem('unavailable', { consumed: 'unknown', retryAfter: 5 });
  }
  const { result } = JSON.parse(answer) as { result: JsonObject };
  const { receipt, change } = result;
  return { receipt: receipt ?? null, change: change ?? [] };
}

const resultOf = (result: JsonObject) => {
  const read = tryDecode(ecashDepositResult, result);
  if (!read) throw new Error('an answer that was checked does not read');
  return read;
};

/** Does the answer say what was asked, under the other broker's own signature? */
function isTaken(
  order: Foreign<Deposit>,
  { result }: Answered,
  { step: { env, keys }, peer }: { step: Pick<Step, 'env' | 'keys'>; peer: PeerRow },
): boolean {
  const read = tryDecode(ecashDepositResult, result);
  if (!read) return false;
  const { receipt, change } = read;
  const { vnd, challengeId, amount, cur, coins, hold } = order;
  return (
    receipt.brk === peer.brk &&
    receipt.via === keys.brk &&
    receipt.vnd === vnd &&
    receipt.challengeId === challengeId &&
    receipt.amount === amount.toString() &&
    receipt.cur === cur &&
    receipt.coins === coinSetHash(coins, env.crypto) &&
    (hold || receipt.state === 'paid') &&
    change.length === (order.change?.length ?? 0) &&
    verifyObject(receipt, peer.root, receipt.sig, env.crypto)
  );
}

/** @throws {PaymentProblem} `peer-unknown` */
function livePeer({ issuer, cur }: { issuer: string; cur: Currency }, { ledger }: Step): PeerRow {
  const peer = ledger.peers.get(issuer, cur);
  if (peer?.state !== 'live') throw new PaymentProblem('peer-unknown');
  return peer;
}
