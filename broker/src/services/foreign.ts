// Coins of another broker, for a site of ours. We check them, ask the one that made them, and pay the site on its signed
// answer alone: nothing is owed to a site for what the other broker has not said that it owes us.
import { nativeRsa } from '@farthing/node-kit';
import {
  type Currency,
  canonicalJson,
  type JsonObject,
  limits,
  makeOrder,
  PaymentProblem,
  tryDecode,
  utf8,
  verifyObject,
} from '@farthing/protocol';
import {
  coinSetHash,
  ecash,
  type ecashCaptureOrder,
  ecashCaptureResult,
  type ecashDepositOrder,
  ecashDepositResult,
  type ecashVoidOrder,
  ecashVoidResult,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { account } from '../ledger/journal.ts';
import type { PeerOrderRow, PeerPaymentRow, PeerRow } from '../ledger/peers.ts';
import { paymentHash } from './ecash-payments.ts';
import type { PeerMint } from './peer-desk.ts';
import type { Ahead, AheadStep, OrderStep, PeerSaid, Step } from './step.ts';
import { ownVendor, vendorRecord } from './vendors.ts';

type Deposit = v.InferOutput<typeof ecashDepositOrder>;
type Capture = v.InferOutput<typeof ecashCaptureOrder>;
type Void = v.InferOutput<typeof ecashVoidOrder>;
type Foreign<T> = T & { readonly issuer: string };

/** Does the order speak of coins that another broker made? */
export const isForeign = <T extends { readonly issuer?: string }>(
  order: T,
  { keys }: Pick<Step, 'keys'>,
): order is Foreign<T> => order.issuer !== undefined && order.issuer !== keys.brk;

// ── taking a payment ────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Asks the broker that made the coins, if it was not us.
 * @throws {PaymentProblem} `vendor-unknown`, `peer-unknown`, `peer-limit`, `challenge-reused`, coin and keyset problems;
 * `unavailable`: the other broker is away
 */
export async function askToTake(order: Deposit, step: AheadStep): Promise<Ahead> {
  if (!isForeign(order, step)) return {};
  const { peers, ledger } = step;
  ownVendor(order.vnd, order.from, ledger);
  const peer = livePeer(order, step);
  const known = ledger.peers.payment(order.vnd, order.challengeId);
  if (!known)
    checkCoins(
      order,
      await peers.mint(
        peer,
        order.coins.map(({ ks }) => ks),
      ),
      step,
    );
  const ask = await peers.write((now) => planToTake(order, { ...now, order: step.order }));
  if (!ask) return {};
  const answer = await peers.ask(ask);
  if (answer.kind === 'answered' && !isTaken(order, answer, { step, peer })) {
    await peers.write((now) => keepFalse(answer, now));
    return { peer: { kind: 'refused', problem: falsehood() } };
  }
  return { peer: answer };
}

/** As the mint will check them, by its published keys: what is bad does not reach it. */
function checkCoins(order: Foreign<Deposit>, { keysets }: PeerMint, { env }: Step): void {
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

/** @throws {PaymentProblem} `body-too-large` */
function addAsk(about: Omit<PeerOrderRow, 'n' | 'body' | 'answer'>, step: OrderStep): PeerOrderRow {
  const { ledger, keys, env, order } = step;
  const site = ownVendor(about.vnd === '' ? String(order['vnd']) : about.vnd, order.from, ledger);
  const members = { vendor: vendorRecord(site, step), order };
  const body = canonicalJson(makeOrder('peer-forward/1', members, keys.seed, env));
  if (utf8(body).length > limits.bodyBytes) throw new PaymentProblem('body-too-large');
  return ledger.peers.addAsk({ ...about, body });
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

type Answered = Extract<PeerSaid, { kind: 'answered' }>;

/** Does the answer say what was asked, under the other broker's own signature? */
function isTaken(
  order: Foreign<Deposit>,
  { result }: Answered,
  { step: { env, keys }, peer }: { step: Step; peer: PeerRow },
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

/** Inside a transaction: what the other broker signed is not an answer to what was asked. It is kept. */
function keepFalse({ ask, answer }: Answered, { ledger: { peers }, log }: Step): void {
  peers.setAnswer(ask.n, answer);
  const row = ask.challenge === '' ? undefined : peers.payment(ask.vnd, ask.challenge);
  if (row?.ask === ask.n) peers.setPayment({ ...row, state: 'false', until: 0, paidAt: 0 });
  log(`ALARM: broker ${ask.brk} signed something else than it was asked: order ${ask.n} is the evidence`);
}

const falsehood = (): PaymentProblem =>
  new PaymentProblem('broker-untrusted', {
    detail: 'the broker of these coins signed something else',
    consumed: 'unknown',
  });

// ── ending holds ────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Hands on a capture or a void, if it speaks of coins that another broker made.
 * @throws {PaymentProblem} `vendor-unknown`, `peer-unknown`, `request-malformed`; `unavailable`
 */
export async function askToEnd(order: Capture | Void, step: AheadStep): Promise<Ahead> {
  if (!isForeign(order, step)) return {};
  const { peers, ledger } = step;
  ownVendor(order.vnd, order.from, ledger);
  // What the other broker was asked to take, and has not answered, must be known first.
  for (const challenge of new Set(order.held)) {
    const row = ledger.peers.payment(order.vnd, challenge);
    const open = row?.state === 'asked' ? ledger.peers.ask(row.ask) : undefined;
    if (open) await peers.finish(open).catch(needKnown);
  }
  const ask = await peers.write((now) => planToEnd(order, { ...now, order: step.order }));
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

// ── both ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @throws {PaymentProblem} what the other broker refused with */
function saidTo({ ahead }: OrderStep): Answered | undefined {
  if (ahead?.peer?.kind === 'refused') throw ahead.peer.problem;
  return ahead?.peer;
}

/** @throws {PaymentProblem} `peer-unknown` */
function livePeer({ issuer, cur }: { issuer: string; cur: Currency }, { ledger }: Step): PeerRow {
  const peer = ledger.peers.get(issuer, cur);
  if (peer?.state !== 'live') throw new PaymentProblem('peer-unknown');
  return peer;
}

/** The site is paid, and the other broker owes it to us. Its line was kept when it was asked. */
function owe(
  { vnd, issuer }: Foreign<Deposit | Capture>,
  { kind, amount, cur }: { kind: string; amount: bigint; cur: Currency },
  { ledger, env, order: { from, rid } }: OrderStep,
): void {
  const peer = account.peer(issuer);
  const most = ledger.peers.get(issuer, cur)?.most ?? 0n;
  ledger.journal.post({
    atMs: env.nowMs,
    kind,
    ref: vnd,
    order: { from, rid },
    postings: [
      { account: peer, cur, amount: -amount },
      { account: account.vendor(vnd), cur, amount },
    ],
    overdraft: new Map([[peer, most]]),
  });
}
