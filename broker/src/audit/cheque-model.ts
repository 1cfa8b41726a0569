// What the signed orders say of payments by cheque: the one outcome of each, and what went back. Replayed beside the rest of the
// model, with sums of its own.
import { type Crypto, canonicalJson, limits, objectHash } from '@farthing/protocol';
import {
  chequeCaptureOrder,
  chequeCaptureResult,
  chequeDisputeOrder,
  chequeDisputeResult,
  chequeOutcomeOrder,
  chequeOutcomeResult,
  chequeRedeemOrder,
  chequeRedeemResult,
  chequeRefundOrder,
  chequeRefundResult,
  chequeSettleOrder,
  chequeSettleResult,
} from '@farthing/protocol/broker';
import { add, type BookCheques, type CertFacts, type Cheque, ChequeAccounts, HOLD } from './cheque-accounts.ts';
import type { ChequeBills } from './cheque-bills.ts';
import { type Asked, apply, type Evidence } from './evidence.ts';
import type { Cells, Findings } from './findings.ts';
import type { Auditing, Shelf } from './shelves.ts';

export type Payment = {
  readonly vnd: string;
  readonly epoid: string;
  readonly hash: string;
  readonly account: string;
  readonly cur: string;
  readonly amount: bigint;
  readonly until: bigint;
  fee: bigint;
  refunded: bigint;
  state: 'held' | 'paid' | 'refused';
  key: string | null;
  /** Canonical JSON; empty when no answer gave it out. */
  receipt: string;
  verdict: string | null;
  invoice: bigint | null;
  note: bigint | null;
};

/** `feeBps`: in force for the order that is being replayed. `paid`: whom to tell of a payment. */
export type PaidTerms = { feeBps(): bigint; paid(payment: Payment): void };

const HOLD_SECONDS = BigInt(limits.chequeHoldMs / 1000);

export class ChequeModel {
  readonly accounts: ChequeAccounts;
  readonly payments: Shelf<Payment>;
  readonly batches: Shelf<Cells>;
  readonly alarms: Shelf<Cells>;
  /** Holds that must have ended by themselves, because later answers say so: the journal has to say it as well. */
  readonly ended = new Set<string>();
  readonly #last = new Map<string, { n: bigint; hash: string }>();
  readonly #terms: PaidTerms;
  readonly #crypto: Crypto;
  readonly #findings: Findings;

  constructor(terms: PaidTerms, { shelves, crypto, findings, bills }: Auditing & { bills: ChequeBills }) {
    this.accounts = new ChequeAccounts({ shelves, crypto, findings });
    this.payments = bills.payments;
    this.batches = shelves.add('cheque_batch');
    this.alarms = shelves.add('cheque_alarm');
    this.#terms = terms;
    this.#crypto = crypto;
    this.#findings = findings;
  }

  /** What a replay from here on has to know beside the shelves. */
  get kept() {
    return { ended: this.ended, approvers: this.accounts.approvers, last: this.#last };
  }

  get isUsed(): boolean {
    return this.accounts.certs.size + this.batches.size > 0;
  }

  /** @returns whether it is an order about cheques */
  take(evidence: Evidence, book: BookCheques): boolean {
    return (
      this.accounts.take(evidence, book) ||
      apply(chequeCaptureOrder, chequeCaptureResult, evidence, (o, r) => this.#capture(evidence, { o, r }, book)) ||
      apply(chequeSettleOrder, chequeSettleResult, evidence, (o, r) => this.#settle(evidence, { o, r }, book)) ||
      apply(chequeRedeemOrder, chequeRedeemResult, evidence, (o, r) => this.#redeem(evidence, { o, r }, book)) ||
      apply(chequeRefundOrder, chequeRefundResult, evidence, (o, r) => this.#refund(evidence, { o, r }, book)) ||
      apply(chequeDisputeOrder, chequeDisputeResult, evidence, (o, r) => this.#dispute(evidence, { o, r }, book)) ||
      apply(chequeOutcomeOrder, chequeOutcomeResult, evidence, (o, r) => this.#outcome(evidence, { o, r }))
    );
  }

  /** A hold that the broker ended by itself. @returns whose payment it was, if it could end then */
  holdEnd(ref: string, { cur, amount, atMs }: { cur: string; amount: bigint; atMs: bigint }): string | undefined {
    const payment = this.payments.get(ref);
    if (!payment || payment.cur !== cur || payment.amount !== amount || atMs <= payment.until * 1000n) return undefined;
    if (this.ended.delete(ref)) return payment.account;
    if (payment.state !== 'held') return undefined;
    this.#void(payment);
    return payment.account;
  }

  #capture(
    evidence: Evidence,
    { o, r }: Asked<typeof chequeCaptureOrder, typeof chequeCaptureResult>,
    book: BookCheques,
  ) {
    const { cheque, cert } = o;
    const { vnd, cur } = cheque;
    const name = `${vnd} ${cheque.epoid}`;
    const { result } = r.receipt;
    const known = this.payments.get(name);
    if (known) return this.#again(known, { hash: this.#hashOf(cheque), result, at: evidence.at });
    const facts = this.accounts.certs.get(`${cert.sub} ${cert.exp}`);
    if (!facts || cheque.capture !== 'now' || !this.accounts.isTheirs(cheque, facts)) {
      return this.#odd(name, 'a cheque of a certified key');
    }
    const payment = this.#add(cheque, facts, { at: evidence.at, receipt: canonicalJson(r.receipt), state: result });
    if (result === 'held') payment.key = o.key ?? null;
    if (result === 'paid' && r.receipt.key !== (cheque.goods ? o.key : undefined)) {
      this.#odd(name, 'the key of the goods');
    }
    if (result === 'refused') return;
    const { amount, account } = payment;
    if (!this.accounts.isAllowed(payment, o.approvals)) {
      this.#odd(name, 'a payment that its approver agreed to');
    }
    facts.captured += amount;
    this.accounts.use(facts, amount, evidence.at);
    const sums = result === 'held' ? new Map([[`${HOLD}|${name}|${cur}`, amount]]) : this.#toSite(payment);
    add(sums, `${account}||${cur}`, -amount);
    book(evidence, { kind: 'cheque-capture', ref: vnd, sums });
  }

  #settle(
    evidence: Evidence,
    { o, r }: Asked<typeof chequeSettleOrder, typeof chequeSettleResult>,
    book: BookCheques,
  ): void {
    const { vnd, cur } = o;
    const sums = new Map<string, bigint>();
    const each = (epoids: readonly string[], asked: readonly string[], end: (payment: Payment) => void) => {
      for (const epoid of epoids) {
        const payment = this.payments.get(`${vnd} ${epoid}`);
        if (!payment || !asked.includes(epoid)) this.#odd(`${vnd} ${epoid}`, 'a payment that was held');
        if (payment?.state !== 'held') continue;
        add(sums, `${HOLD}|${vnd} ${epoid}|${cur}`, -payment.amount);
        end(payment);
      }
    };
    each(r.paid, o.capture, (payment) => {
      Object.assign(payment, { state: 'paid', key: null, receipt: '' });
      for (const [to, amount] of this.#toSite(payment)) add(sums, to, amount);
    });
    each(r.freed, o.void, (payment) => {
      // Perhaps the broker was first: then there is an entry of its own, and none here.
      this.#void(payment);
      add(sums, `${payment.account}||${cur}`, payment.amount);
    });
    for (const epoid of r.gone) {
      const payment = this.payments.get(`${vnd} ${epoid}`);
      if (payment?.state === 'held') this.#again(payment, { hash: payment.hash, result: 'refused', at: evidence.at });
    }
    const told = { account: `vendor:${vnd}`, cur, amount: r.balance };
    book(evidence, { kind: 'cheque-settle', ref: vnd, sums, told });
  }

  #redeem(
    evidence: Evidence,
    { o, r }: Asked<typeof chequeRedeemOrder, typeof chequeRedeemResult>,
    book: BookCheques,
  ): void {
    const { vnd, from, rid, prev } = o;
    const hash = objectHash(evidence.order, this.#crypto);
    const last = this.#last.get(vnd) ?? { n: 0n, hash: '' };
    const { credited, fee, batch } = r.redemption;
    if (prev !== last.hash || batch !== hash) this.#odd(hash, 'the batch after the last one');
    this.#last.set(vnd, { n: last.n + 1n, hash });
    this.batches.set(hash, { hash, vnd, n: last.n + 1n, prev, from_key: from, rid, credited, fee });
    const sums = new Map<string, bigint>();
    for (const [n, { cheque, certExp }] of o.claims.entries()) {
      const line = r.cheques[n];
      const { epoid, cur } = cheque;
      if (line?.epoid !== epoid) this.#odd(hash, 'an answer for each claim');
      const why = line?.alarm;
      if (why !== undefined) this.alarms.set(`${hash} ${n}`, { batch: hash, n: BigInt(n), vnd, epoid, why });
      const facts = this.accounts.certs.get(`${cheque.sub} ${certExp}`);
      const at = { at: evidence.at, receipt: '' };
      if (why === 'cheque-late' && facts) this.#add(cheque, facts, { ...at, state: 'refused' });
      if (!line || line.credited === 0n) continue;
      const name = `${vnd} ${epoid}`;
      const isNew = !this.payments.has(name) && cheque.vnd === vnd && cheque.capture !== 'now';
      if (!facts || !isNew || !this.accounts.isTheirs(cheque, facts) || line.credited !== BigInt(cheque.amount)) {
        this.#odd(name, 'a cheque that was served unasked, once');
        continue;
      }
      const payment = this.#add(cheque, facts, { ...at, state: 'paid' });
      facts.paid += payment.amount;
      if (facts.paid > facts.kept) this.#odd(name, `no more than ${facts.kept} on its certificate`);
      for (const [to, amount] of this.#toSite(payment)) add(sums, to, amount);
      add(sums, `${HOLD}|${cheque.sub} ${certExp}|${cur}`, -payment.amount);
    }
    const got = sums.get(`vendor:${vnd}||${r.cur}`) ?? 0n;
    const kept = sums.get(`fees||${r.cur}`) ?? 0n;
    if (got !== credited || kept !== fee) this.#odd(hash, `${got} credited and a fee of ${kept}`);
    const told = { account: `vendor:${vnd}`, cur: r.cur, amount: r.balance };
    book(evidence, { kind: 'cheque-redeem', ref: hash, sums, told });
  }

  #refund(
    evidence: Evidence,
    { o, r }: Asked<typeof chequeRefundOrder, typeof chequeRefundResult>,
    book: BookCheques,
  ): void {
    const { vnd, epoid, amount } = o;
    const sums = this.#giveBack(`${vnd} ${epoid}`, amount);
    if (this.payments.get(`${vnd} ${epoid}`)?.refunded !== r.refunded) this.#odd(epoid, 'the sum of refunds');
    const told = { account: `vendor:${vnd}`, cur: r.cur, amount: r.balance };
    book(evidence, { kind: 'cheque-refund', ref: vnd, sums, told });
  }

  /** The ciphertext is gone; that the verdict follows from what came out of it, and the money from the verdict, can be seen. */
  #dispute(
    evidence: Evidence,
    { o, r }: Asked<typeof chequeDisputeOrder, typeof chequeDisputeResult>,
    book: BookCheques,
  ): void {
    const { vnd, epoid, goods } = o.cheque;
    const name = `${vnd} ${epoid}`;
    const payment = this.payments.get(name);
    const due = r.opened === undefined ? 'unreadable' : r.opened === goods?.pt ? 'as-promised' : 'differs';
    const back = due === 'as-promised' || !payment ? 0n : payment.amount - payment.refunded;
    const isOpen = payment?.verdict === null && payment.account === `user:${o.from}` && goods !== undefined;
    if (!isOpen || r.verdict !== due || r.refunded !== back || payment.hash !== this.#hashOf(o.cheque)) {
      this.#odd(name, `the verdict ${due}, and ${back} back`);
    }
    const sums = this.#giveBack(name, back);
    if (payment) payment.verdict = r.verdict;
    const told = { account: `user:${o.from}`, cur: r.cur, amount: r.balance };
    book(evidence, { kind: 'cheque-dispute', ref: vnd, sums, told });
  }

  #giveBack(name: string, amount: bigint): Map<string, bigint> {
    const payment = this.payments.get(name);
    if (payment?.state !== 'paid' || payment.refunded + amount > payment.amount) {
      this.#odd(name, 'no more back than was paid');
      return new Map();
    }
    payment.refunded += amount;
    const { vnd, account, cur } = payment;
    return new Map([
      [`vendor:${vnd}||${cur}`, -amount],
      [`${account}||${cur}`, amount],
    ]);
  }

  #outcome(evidence: Evidence, { o, r }: Asked<typeof chequeOutcomeOrder, typeof chequeOutcomeResult>) {
    const { cheque, certExp } = o;
    const name = `${cheque.vnd} ${cheque.epoid}`;
    const known = this.payments.get(name);
    const { at } = evidence;
    if (known) {
      const result = r.receipt?.result ?? 'refused';
      return this.#again(known, { hash: this.#hashOf(cheque), result, at });
    }
    if (!r.receipt) return;
    const facts = this.accounts.certs.get(`${cheque.sub} ${certExp}`);
    const isLate = r.receipt.result === 'refused' && at > cheque.exp;
    if (!facts || !isLate || !this.accounts.isTheirs(cheque, facts))
      return this.#odd(name, 'an outcome that was decided');
    this.#add(cheque, facts, { at, receipt: canonicalJson(r.receipt), state: 'refused' });
  }

  /** The same payment again: its outcome, which only the end of its hold can have changed in between. */
  #again(payment: Payment, { hash, result, at }: { hash: string; result: Payment['state']; at: number }) {
    const name = `${payment.vnd} ${payment.epoid}`;
    if (payment.hash !== hash) return this.#odd(name, 'the payment that was answered before');
    if (payment.state === 'held' && result === 'refused' && payment.until < BigInt(at)) {
      this.#void(payment);
      this.ended.add(name);
    }
    if (payment.state !== result) this.#odd(name, payment.state);
  }

  #void(payment: Payment): void {
    Object.assign(payment, { state: 'refused', key: null, receipt: '' });
  }

  #add(
    cheque: Cheque,
    { account }: CertFacts,
    { at, receipt, state }: { at: number; receipt: string; state: Payment['state'] },
  ): Payment {
    const { vnd, epoid, cur } = cheque;
    const payment: Payment = {
      ...{ vnd, epoid, hash: this.#hashOf(cheque), account, cur, amount: BigInt(cheque.amount) },
      ...{ until: BigInt(at) + HOLD_SECONDS, fee: 0n, refunded: 0n, state, key: null, receipt },
      ...{ verdict: null, invoice: null, note: null },
    };
    this.payments.set(`${vnd} ${epoid}`, payment);
    return payment;
  }

  /** What a payment brings its site and the broker, whose part is fixed with it. */
  #toSite(payment: Payment): Map<string, bigint> {
    const { vnd, cur, amount } = payment;
    payment.fee = (amount * this.#terms.feeBps()) / 10_000n;
    this.#terms.paid(payment);
    return new Map([
      [`vendor:${vnd}||${cur}`, amount - payment.fee],
      [`fees||${cur}`, payment.fee],
    ]);
  }

  #hashOf = (cheque: Cheque): string => objectHash(cheque, this.#crypto);

  #odd(row: string, expected: string): void {
    this.#findings.add({ table: 'stored_order', row, expected, found: 'signed evidence of something else' });
  }
}
