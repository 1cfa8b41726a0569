// Paying sites for cheques that they served unasked, in batches that are hash-linked. They are paid out of what is aside for their
// certificates. What is not in order is not paid, and kept with the signed batch.
import { type Currency, type JsonObject, PaymentProblem } from '@farthing/protocol';
import { type chequeRedeemOrder, cheque as rules } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { type ChequeAlarm, type ChequeCertRow, onCert, type PaidCheque } from '../ledger/cheque.ts';
import type { Posting } from '../ledger/journal.ts';
import type { AheadStep } from './ahead-step.ts';
import { rowOf, toSite } from './cheque.ts';
import { restOf } from './cheque-certs.ts';
import { checkAhead, nameOf } from './cheque-signed.ts';
import { redemptionOf } from './redemption.ts';
import type { Ahead, OrderStep } from './step.ts';
import { ownVendor } from './vendors.ts';

type Order = v.InferOutput<typeof chequeRedeemOrder>;
type Claim = Order['claims'][number];

/** @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`, `batch-conflict`, `request-malformed`, `balance-full` */
export function redeem(batch: Order, step: OrderStep): JsonObject {
  const { ledger, env, signed } = step;
  const { from, rid, vnd, prev, claims } = batch;
  ownVendor(vnd, from, ledger);
  const last = ledger.cheques.lastBatch(vnd);
  if (prev !== last.hash) throw new PaymentProblem('batch-conflict', { members: { prev: last.hash } });
  const cur: Currency = claims[0]?.cheque.cur ?? 'usd-micro';
  if (claims.some(({ cheque }) => cheque.cur !== cur)) {
    throw new PaymentProblem('request-malformed', { detail: 'claims: expected one currency' });
  }
  ledger.gather(() => {
    for (const { cheque, certExp } of claims) {
      ledger.cheques.cert(cheque.sub, certExp);
      ledger.cheques.get(vnd, cheque.epoid);
    }
  });
  const hash = env.crypto.hashText(signed);
  const alarms: ChequeAlarm[] = [];
  const paid: Redeemed[] = [];
  const cheques = claims.map((claim, n): JsonObject => {
    const { epoid } = claim.cheque;
    const done = pay(claim, vnd, step);
    if (typeof done === 'string') {
      if (done === 'again') return { epoid, credited: '0' };
      alarms.push({ n, epoid, why: done });
      return { epoid, credited: '0', alarm: done };
    }
    paid.push(done);
    return { epoid, credited: done.row.amount.toString() };
  });
  const fee = paid.reduce((sum, { row }) => sum + row.fee, 0n);
  const credited = paid.reduce((sum, { row }) => sum + row.amount, -fee);
  const row = { hash, vnd, n: last.n + 1, prev, from, rid, credited, fee };
  ledger.cheques.addBatch(row, alarms);
  if (paid.length > 0) {
    const postings = postingsOf(paid);
    ledger.journal.post({ atMs: env.nowMs, kind: 'cheque-redeem', ref: hash, order: { from, rid }, postings });
  }
  return { ...redemptionOf(row, cur, step), cheques };
}

export const redeemAhead = ({ claims }: Order, step: AheadStep): Promise<Ahead> => checkAhead(claims, step);

type Redeemed = { readonly row: PaidCheque; readonly holder: ChequeCertRow; readonly isSingle: boolean };

/** Paid now; `again`: it was paid before, or has its outcome; else why it is not paid. */
function pay(claim: Claim, vnd: string, step: OrderStep): Redeemed | string {
  const { cheque, certExp, certSig } = claim;
  const { ledger, keys, env } = step;
  if (cheque.vnd !== vnd || cheque.capture === 'now') return 'cheque-foreign';
  const holder = ledger.cheques.cert(cheque.sub, certExp);
  if (holder?.cert.sig !== certSig) return 'cert-forged';
  const known = ledger.cheques.get(vnd, cheque.epoid);
  const amount = BigInt(cheque.amount);
  if (!known && amount > restOf(holder)) return 'limit-reached';
  try {
    const shown = { cheque, cert: holder.cert, hold: false };
    const isChecked = step.ahead?.genuine?.has(nameOf(claim, env.crypto)) ?? false;
    const books = { vnd, issuer: keys, holder, known, allow: () => undefined, isChecked };
    const decided = rules.decide(shown, books, env);
    if (!decided.isNew) return 'again';
    const row = rowOf(cheque, { ...decided.row, key: undefined }, step);
    ledger.cheques.add(row);
    if (row.receipt.result !== 'paid') return row.receipt.code ?? 'cheque-late';
    ledger.cheques.setCert({ ...holder, paid: holder.paid + amount });
    return { row, holder, isSingle: cheque.capture === 'deferred' || amount > step.settings.singleMicro };
  } catch (error) {
    // The batch goes on: the cheques before this one are paid.
    if (error instanceof PaymentProblem) return error.code;
    throw error;
  }
}

/** Aggregated ones are one movement of each party; large ones, and those that are only deferred, have their own. */
function postingsOf(paid: readonly Redeemed[]): Posting[] {
  const sums = new Map<string, Posting>();
  const singles: Posting[] = [];
  for (const { row, holder, isSingle } of paid) {
    for (const posting of [onCert(holder, -row.amount), ...toSite(row)]) {
      if (isSingle) {
        singles.push(posting);
        continue;
      }
      const name = `${posting.account} ${posting.sub ?? ''}`;
      const sum = sums.get(name);
      sums.set(name, sum ? { ...posting, amount: sum.amount + posting.amount } : posting);
    }
  }
  return [...sums.values(), ...singles];
}
