// Payments by cheque that the broker is asked for: one outcome for each, decided once. With sealed goods the key is checked before
// money moves, and leaves with the receipt alone.
import {
  type Currency,
  type JsonObject,
  limits,
  PaymentProblem,
  type ProblemCode,
  verifyObject,
} from '@farthing/protocol';
import {
  type Approval,
  type Cheque,
  type chequeCaptureOrder,
  chequeHash,
  type chequeOutcomeOrder,
  type chequeRefundOrder,
  type chequeSettleOrder,
  cheque as rules,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { type ChequeCertRow, onHold, type PaidCheque } from '../ledger/cheque.ts';
import { account, type Posting } from '../ledger/journal.ts';
import type { AheadStep } from './ahead-step.ts';
import { dayOf, hasRoom, lineOf, roomOf, tooMuch } from './cheque-certs.ts';
import { checkAhead, nameOf } from './cheque-signed.ts';
import { secondsOf } from './seconds.ts';
import type { Ahead, OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

/**
 * @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`, `cert-…`, `cheque-…`, `key-wrong`, `approver-needed`,
 *   `balance-full`. For want of money or time it is refused by a receipt.
 */
export function capture(order: v.InferOutput<typeof chequeCaptureOrder>, step: OrderStep): JsonObject {
  const { from, rid, cheque, cert, key, hold, approvals = [] } = order;
  const { ledger, env } = step;
  const { vnd, cur } = cheque;
  ownVendor(vnd, from, ledger);
  if (cheque.capture !== 'now') {
    throw new PaymentProblem('cheque-foreign', { detail: 'capture: expected now; others are redeemed' });
  }
  const known = ledger.cheques.get(vnd, cheque.epoid);
  const holder = ledger.cheques.cert(cert.sub, cert.exp);
  const allow = (): ProblemCode | undefined => holder && refusalOf(cheque, { holder, approvals }, step);
  const shown = { cheque, cert, hold, ...(key === undefined ? {} : { key }) };
  const isChecked = step.ahead?.genuine?.has(nameOf({ cheque, certExp: cert.exp }, env.crypto)) ?? false;
  const { row, isNew } = rules.decide(shown, { vnd, issuer: step.keys, holder, known, allow, isChecked }, env);
  if (!isNew || !holder) return told(known);
  const made = rowOf(cheque, { ...row, key: hold ? key : undefined }, step);
  ledger.cheques.add(made);
  const { result } = made.receipt;
  if (result === 'refused') return told(made);
  const { account: name, amount } = made;
  ledger.cheques.use(dayOf({ account: name, cur, level: holder.cert.level }, step), amount);
  ledger.cheques.setCert({ ...holder, captured: holder.captured + amount });
  const to = result === 'held' ? [onHold(made, amount)] : toSite(made);
  const entry = { atMs: env.nowMs, kind: 'cheque-capture', ref: vnd, order: { from, rid } };
  const postings = [{ account: name, cur, amount: -amount }, ...to];
  ledger.journal.post({ ...entry, postings, overdraft: lineOf(name, cur, step) });
  return told(made);
}

export const captureAhead = (
  { cheque, cert }: v.InferOutput<typeof chequeCaptureOrder>,
  step: AheadStep,
): Promise<Ahead> => checkAhead([{ cheque, certExp: cert.exp }], step);

const told = (row: PaidCheque | undefined): JsonObject =>
  row ? { receipt: row.receipt, ...(row.receipt.result === 'held' ? { until: row.until } : {}) } : {};

type Decided = { hash: string; account: string; receipt: PaidCheque['receipt']; key: string | undefined };

/** As it is written. */
export function rowOf(cheque: Cheque, { hash, account: name, receipt, key }: Decided, step: Step): PaidCheque {
  const { vnd, epoid, cur } = cheque;
  const amount = BigInt(cheque.amount);
  return {
    ...{ vnd, epoid, hash, account: name, cur, amount, receipt, key, refunded: 0n },
    ...{ verdict: undefined, invoice: undefined, note: undefined },
    fee: receipt.result === 'paid' ? feeOf(amount, step) : 0n,
    until: secondsOf(step.env.nowMs + limits.chequeHoldMs),
  };
}

const feeOf = (amount: bigint, { ledger }: Step): bigint => (amount * BigInt(ledger.credit.terms().feeBps)) / 10_000n;

/** What a payment brings its site, and the broker. */
export function toSite({ vnd, cur, amount, fee }: Pick<PaidCheque, 'vnd' | 'cur' | 'amount' | 'fee'>): Posting[] {
  const parts = [
    { account: account.vendor(vnd), cur, amount: amount - fee },
    { account: account.fees, cur, amount: fee },
  ];
  return parts.filter((part) => part.amount > 0n);
}

type Holding = { readonly holder: ChequeCertRow; readonly approvals: readonly Approval[] };

/** Why the account does not allow a payment, for ever. @throws {PaymentProblem} `approver-needed`: it may yet be allowed */
function refusalOf(cheque: Cheque, { holder, approvals }: Holding, step: Step): ProblemCode | undefined {
  const { account: name, cert, kept, captured } = holder;
  const { cur } = cheque;
  const amount = BigInt(cheque.amount);
  needApproval(cheque, { name, approvals }, step);
  if (kept + captured + amount > BigInt(cert.perDay)) return 'limit-reached';
  if (!hasRoom(amount, dayOf({ account: name, cur, level: cert.level }, step), step)) return tooMuch(cert.level);
  return amount > roomOf(name, cur, step) ? 'balance-short' : undefined;
}

function needApproval(
  cheque: Cheque,
  { name, approvals }: { name: string; approvals: readonly Approval[] },
  { ledger, env }: Step,
): void {
  const { amount } = cheque;
  const supervised = ledger.cheques.supervision(name, cheque.cur);
  if (!supervised || BigInt(amount) <= supervised.above) return;
  const { approver } = supervised;
  const hash = chequeHash(cheque, env.crypto);
  const inTime = ({ exp }: { exp: number }) => env.nowMs <= exp * 1000 + limits.clockSkewMs;
  const told = ledger.cheques.approval(hash, approver);
  const given = approvals.some(
    (yes) =>
      yes.cheque === hash &&
      yes.amount === amount &&
      yes.approver === approver &&
      inTime(yes) &&
      verifyObject(yes, approver, yes.sig, env.crypto),
  );
  if (given || (told?.amount === BigInt(amount) && inTime(told))) return;
  // Not by whom: the site reads this, and could compare it with other sites.
  throw new PaymentProblem('approver-needed', { members: { cheque: hash } });
}

// ── ends of held payments ───────────────────────────────────────────────────────────────────────────────────────────

/** @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`, `request-malformed`, `balance-full` */
export function settle(order: v.InferOutput<typeof chequeSettleOrder>, step: OrderStep): JsonObject {
  const { vnd, from, rid, cur } = order;
  const { ledger, env } = step;
  ownVendor(vnd, from, ledger);
  const done = { paid: [] as string[], freed: [] as string[], gone: [] as string[] };
  const postings: Posting[] = [];
  const one = (epoid: string, verdict: 'capture' | 'void'): void => {
    const before = ledger.cheques.get(vnd, epoid);
    if (before && before.cur !== cur) {
      throw new PaymentProblem('request-malformed', { detail: `expected payments in ${cur}` });
    }
    const row = before && endHold(before, verdict, step);
    if (row?.ended) postings.push(onHold(row.row, -row.row.amount), ...toParty(row.row));
    const wanted = verdict === 'capture' ? 'paid' : 'refused';
    const list = row?.row.receipt.result !== wanted ? done.gone : verdict === 'capture' ? done.paid : done.freed;
    list.push(epoid);
  };
  ledger.gather(() => [...order.capture, ...order.void].map((epoid) => ledger.cheques.get(vnd, epoid)));
  for (const epoid of new Set(order.capture)) one(epoid, 'capture');
  for (const epoid of new Set(order.void)) one(epoid, 'void');
  if (postings.length > 0) {
    ledger.journal.post({ atMs: env.nowMs, kind: 'cheque-settle', ref: vnd, order: { from, rid }, postings });
  }
  return { ...done, balance: ledger.journal.shown(account.vendor(vnd), cur), cur };
}

const toParty = (row: PaidCheque): Posting[] =>
  row.receipt.result === 'paid' ? toSite(row) : [{ account: row.account, cur: row.cur, amount: row.amount }];

/** Writes the end of a payment that is held; any other stays as it is. */
export function endHold(
  before: PaidCheque,
  verdict: 'capture' | 'void',
  step: Step,
): { row: PaidCheque; ended: boolean } {
  const { keys, env } = step;
  const { vnd, epoid, cur, key, amount } = before;
  const paid = { epoid, vnd, amount: amount.toString(), cur };
  const how = { verdict, ...(key === undefined ? {} : { key }) };
  const { row, isNew } = rules.end(before, paid, how, { issuer: keys, env });
  if (!isNew) return { row: before, ended: false };
  const after = { ...before, receipt: row.receipt, fee: verdict === 'capture' ? feeOf(amount, step) : 0n };
  step.ledger.cheques.setEnd(after);
  return { row: after, ended: true };
}

// ── afterwards ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`, `cheque-unknown`, `refund-over`, `balance-short`, `balance-full` */
export function refund(order: v.InferOutput<typeof chequeRefundOrder>, step: OrderStep): JsonObject {
  const { vnd, from, rid, epoid, amount, cur } = order;
  const { ledger } = step;
  ownVendor(vnd, from, ledger);
  const row = ledger.cheques.get(vnd, epoid);
  if (!row) throw new PaymentProblem('cheque-unknown');
  if (row.cur !== cur) throw new PaymentProblem('request-malformed', { detail: `expected an amount in ${row.cur}` });
  const left = leftOf(row);
  if (amount > left) throw new PaymentProblem('refund-over', { members: { left: left.toString() } });
  const refunded = row.refunded + amount;
  ledger.cheques.setRefund({ ...row, refunded });
  giveBack(row, amount, { kind: 'cheque-refund', order: { from, rid } }, step);
  return { refunded: refunded.toString(), balance: ledger.journal.shown(account.vendor(vnd), cur), cur };
}

/** What of a payment was not given back yet. */
export const leftOf = ({ receipt, amount, refunded }: PaidCheque): bigint =>
  receipt.result === 'paid' ? amount - refunded : 0n;

/** From the site to the customer. The broker keeps its fee. */
export function giveBack(
  { vnd, account: name, cur }: { vnd: string; account: string; cur: Currency },
  amount: bigint,
  { kind, order }: { kind: string; order: { from: string; rid: string } },
  { ledger, env }: Step,
): void {
  const postings = [
    { account: account.vendor(vnd), cur, amount: -amount },
    { account: name, cur, amount },
  ];
  ledger.journal.post({ atMs: env.nowMs, kind, ref: vnd, order, postings });
}

/**
 * What became of a cheque. Nobody has presented it: then it may still come, or is late, and from then on refused for ever.
 * @throws {PaymentProblem} `cheque-unknown` to all but site, account and day key; `cheque-…`, `cheque-conflict`
 */
export function outcome(order: v.InferOutput<typeof chequeOutcomeOrder>, step: OrderStep): JsonObject {
  const { cheque } = order;
  const { ledger, keys, env } = step;
  const holder = theirs(order, step);
  const { vnd } = cheque;
  const known = ledger.cheques.get(vnd, cheque.epoid);
  if (!known && !rules.lateness(cheque, holder.cert, env.nowMs)) return { refunded: '0' };
  const shown = { cheque, cert: holder.cert, hold: false };
  // Late, so nothing is allowed any more.
  const books = { vnd, issuer: keys, holder, known, allow: (): ProblemCode => 'cheque-late' };
  const { row, isNew } = rules.decide(shown, books, env);
  if (isNew) ledger.cheques.add(rowOf(cheque, { ...row, key: undefined }, step));
  const { receipt, refunded } = ledger.cheques.get(vnd, cheque.epoid) ?? { receipt: row.receipt, refunded: 0n };
  return { receipt, refunded: refunded.toString() };
}

/** The certificate of a genuine cheque that its site, its account or its day key asks about. @throws {PaymentProblem} */
export function theirs({ from, cheque, certExp }: { from: string; cheque: Cheque; certExp: number }, step: Step) {
  const { ledger, keys, env } = step;
  const holder = ledger.cheques.cert(cheque.sub, certExp);
  const site = ledger.vendors.get(cheque.vnd);
  const parties = holder ? [site?.pk, account.keyOf(holder.account), holder.cert.pk] : [];
  if (!holder || !parties.includes(from)) throw new PaymentProblem('cheque-unknown');
  rules.checkGenuine({ cheque, cert: holder.cert }, { vnd: cheque.vnd, ...keys }, env.crypto);
  return holder;
}
