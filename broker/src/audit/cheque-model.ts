// What the signed orders say of cheques: certificates and what is aside for them, the one outcome of each payment, and what went
// back. Replayed beside the rest of the model, with sums of its own.
import { type Crypto, canonicalJson, type DayCert, limits, objectHash, verifyObject } from '@farthing/protocol';
import {
  type Approval,
  approverChange,
  chequeApproveOrder,
  chequeApproveResult,
  chequeApproverOrder,
  chequeApproverResult,
  chequeAuthorizeOrder,
  chequeAuthorizeResult,
  chequeCaptureOrder,
  chequeCaptureResult,
  chequeCertsOrder,
  chequeCertsResult,
  type chequeClaim,
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
import type * as v from 'valibot';
import { apply, type Evidence } from './evidence.ts';
import type { Cells, Findings } from './findings.ts';

export type CertFacts = {
  readonly account: string;
  readonly cert: DayCert;
  kept: bigint;
  paid: bigint;
  returned: bigint;
  captured: bigint;
};
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

/** account|sub|currency → amount; `told`: the balance that the answer tells, if it tells one. */
type Moved = {
  kind: string;
  ref: string;
  sums: Map<string, bigint>;
  told?: { account: string; cur: string; amount: bigint };
};
export type BookCheques = (evidence: Evidence, moved: Moved) => void;
type Cheque = v.InferOutput<typeof chequeClaim>['cheque'];
type Asked<Order extends v.GenericSchema, Result extends v.GenericSchema> = {
  o: v.InferOutput<Order>;
  r: v.InferOutput<Result>;
};

/** `feeBps`: in force for the order that is being replayed. `paid`: whom to tell of a payment. */
export type PaidTerms = { feeBps(): bigint; paid(payment: Payment): void };

const HOLD = 'hold:cheque';
const HOLD_SECONDS = BigInt(limits.chequeHoldMs / 1000);
const DAY_SECONDS = 86_400;
const WINDOW_MS = BigInt(limits.clockSkewMs + limits.chequeWindowMs);

export class ChequeModel {
  readonly certs = new Map<string, CertFacts>();
  readonly payments = new Map<string, Payment>();
  readonly days = new Map<string, Cells & { used: bigint }>();
  readonly approvers = new Map<string, Cells & { approver: string; above: bigint }>();
  readonly approvals = new Map<string, Cells & { amount: bigint }>();
  readonly batches = new Map<string, Cells>();
  readonly alarms = new Map<string, Cells>();
  /** Holds that must have ended by themselves, because later answers say so: the journal has to say it as well. */
  readonly ended = new Set<string>();
  readonly #last = new Map<string, { n: bigint; hash: string }>();
  readonly #terms: PaidTerms;
  readonly #crypto: Crypto;
  readonly #findings: Findings;

  constructor(terms: PaidTerms, crypto: Crypto, findings: Findings) {
    this.#terms = terms;
    this.#crypto = crypto;
    this.#findings = findings;
  }

  get isUsed(): boolean {
    return this.certs.size + this.batches.size > 0;
  }

  /** @returns whether it is an order about cheques */
  take(evidence: Evidence, book: BookCheques): boolean {
    return (
      apply(chequeCertsOrder, chequeCertsResult, evidence, (o, r) => this.#certify(evidence, { o, r }, book)) ||
      apply(chequeApproverOrder, chequeApproverResult, evidence, (o) => this.#supervise(o)) ||
      apply(chequeApproveOrder, chequeApproveResult, evidence, ({ from, cheque, amount, exp }) => {
        this.approvals.set(`${cheque} ${from}`, { cheque, approver: from, amount, exp: BigInt(exp) });
      }) ||
      apply(chequeCaptureOrder, chequeCaptureResult, evidence, (o, r) => this.#capture(evidence, { o, r }, book)) ||
      apply(chequeSettleOrder, chequeSettleResult, evidence, (o, r) => this.#settle(evidence, { o, r }, book)) ||
      apply(chequeAuthorizeOrder, chequeAuthorizeResult, evidence, (o, r) => {
        this.#authorize(evidence, { o, r }, book);
      }) ||
      apply(chequeRedeemOrder, chequeRedeemResult, evidence, (o, r) => this.#redeem(evidence, { o, r }, book)) ||
      apply(chequeRefundOrder, chequeRefundResult, evidence, (o, r) => this.#refund(evidence, { o, r }, book)) ||
      apply(chequeDisputeOrder, chequeDisputeResult, evidence, (o, r) => this.#dispute(evidence, { o, r }, book)) ||
      apply(chequeOutcomeOrder, chequeOutcomeResult, evidence, (o, r) => this.#outcome(evidence, { o, r }))
    );
  }

  /** What the broker did by itself: the rest of a certificate went back. @returns whose it was, if it could go back then */
  rest(sub: string, { amount, atMs }: { amount: bigint; atMs: bigint }): string | undefined {
    const facts = this.certs.get(sub);
    const late = facts && atMs > BigInt(facts.cert.exp) * 1000n + WINDOW_MS;
    if (!facts || !late || amount !== facts.kept - facts.paid - facts.returned) return undefined;
    facts.returned += amount;
    return facts.account;
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

  #certify(evidence: Evidence, { o, r }: Asked<typeof chequeCertsOrder, typeof chequeCertsResult>, book: BookCheques) {
    const account = `user:${o.from}`;
    const sums = new Map<string, bigint>();
    if (r.certs.length !== o.keys.length) this.#odd(o.rid, 'a certificate for each key');
    for (const [i, cert] of r.certs.entries()) {
      const asked = o.keys[i];
      const name = `${cert.sub} ${cert.exp}`;
      const fits =
        asked &&
        cert.use === 'cheque' &&
        cert.pk === asked.pk &&
        cert.vnd === asked.vnd &&
        cert.cur === o.cur &&
        cert.level === o.level &&
        BigInt(cert.limit) === asked.limit &&
        BigInt(cert.perDay) === asked.perDay;
      if (!fits || this.certs.has(name)) this.#odd(name, 'a certificate of what was asked');
      const kept = BigInt(cert.limit);
      this.certs.set(name, { account, cert, kept, paid: 0n, returned: 0n, captured: 0n });
      this.#use({ account, cert }, kept, evidence.at);
      add(sums, `${account}||${o.cur}`, -kept);
      add(sums, `${HOLD}|${name}|${o.cur}`, kept);
    }
    book(evidence, { kind: 'cheque-certs', ref: '', sums, told: { account, cur: r.cur, amount: r.balance } });
  }

  #supervise({ from, rid, cur, approver, above, consent }: v.InferOutput<typeof chequeApproverOrder>): void {
    const account = `user:${from}`;
    const name = `${account} ${cur}`;
    const before = this.approvers.get(name);
    const change = approverChange({ account: from, rid, cur, approver, above });
    const agreed = !before || verifyObject(change, before.approver, consent ?? '', this.#crypto);
    if (!agreed) this.#odd(name, 'a change that the approver agreed to');
    this.approvers.set(name, { account, cur, approver, above });
  }

  #authorize(
    evidence: Evidence,
    { o, r }: Asked<typeof chequeAuthorizeOrder, typeof chequeAuthorizeResult>,
    book: BookCheques,
  ) {
    const name = `${o.sub} ${o.certExp}`;
    const facts = this.certs.get(name);
    if (facts?.cert.vnd !== o.vnd) return this.#odd(name, 'a certificate for this site');
    const more = r.limit - facts.kept;
    if (more < 0n || (more > 0n && r.limit !== o.spent + o.amount)) this.#odd(name, `at least ${facts.kept}`);
    if (more > 0n && r.limit + facts.captured > BigInt(facts.cert.perDay)) this.#odd(name, 'a limit within its day');
    facts.kept = r.limit;
    this.#use(facts, more, evidence.at);
    const { account } = facts;
    const sums = new Map([
      [`${account}||${o.cur}`, -more],
      [`${HOLD}|${name}|${o.cur}`, more],
    ]);
    book(evidence, { kind: 'cheque-authorize', ref: '', sums });
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
    const facts = this.certs.get(`${cert.sub} ${cert.exp}`);
    if (!facts || cheque.capture !== 'now' || !this.#isTheirs(cheque, facts)) {
      return this.#odd(name, 'a cheque of a certified key');
    }
    const payment = this.#add(cheque, facts, { at: evidence.at, receipt: canonicalJson(r.receipt), state: result });
    if (result === 'held') payment.key = o.key ?? null;
    if (result === 'paid' && r.receipt.key !== (cheque.goods ? o.key : undefined)) {
      this.#odd(name, 'the key of the goods');
    }
    if (result === 'refused') return;
    const { amount, account } = payment;
    const supervised = this.approvers.get(`${account} ${cur}`);
    if (supervised && amount > supervised.above && !this.#isApproved(payment, supervised.approver, o.approvals)) {
      this.#odd(name, 'a payment that its approver agreed to');
    }
    facts.captured += amount;
    this.#use(facts, amount, evidence.at);
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
      const facts = this.certs.get(`${cheque.sub} ${certExp}`);
      const at = { at: evidence.at, receipt: '' };
      if (why === 'cheque-late' && facts) this.#add(cheque, facts, { ...at, state: 'refused' });
      if (!line || line.credited === 0n) continue;
      const name = `${vnd} ${epoid}`;
      const isNew = !this.payments.has(name) && cheque.vnd === vnd && cheque.capture !== 'now';
      if (!facts || !isNew || !this.#isTheirs(cheque, facts) || line.credited !== BigInt(cheque.amount)) {
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
    const facts = this.certs.get(`${cheque.sub} ${certExp}`);
    const isLate = r.receipt.result === 'refused' && at > cheque.exp;
    if (!facts || !isLate || !this.#isTheirs(cheque, facts)) return this.#odd(name, 'an outcome that was decided');
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

  #use({ account, cert }: Pick<CertFacts, 'account' | 'cert'>, amount: bigint, at: number): void {
    if (amount <= 0n) return;
    const day = BigInt(Math.floor(at / DAY_SECONDS));
    const cells = { account, cur: cert.cur, level: BigInt(cert.level), day };
    const name = Object.values(cells).join(' ');
    this.days.set(name, { ...cells, used: (this.days.get(name)?.used ?? 0n) + amount });
  }

  #isTheirs(cheque: Cheque, { cert }: CertFacts): boolean {
    const same = cheque.sub === cert.sub && cheque.cur === cert.cur && (cert.vnd === '*' || cert.vnd === cheque.vnd);
    return same && cheque.exp <= cert.exp && verifyObject(cheque, cert.pk, cheque.sig, this.#crypto);
  }

  #isApproved({ hash, amount }: Payment, approver: string, approvals: readonly Approval[] = []): boolean {
    if (this.approvals.get(`${hash} ${approver}`)?.amount === amount) return true;
    return approvals.some(
      (yes) =>
        yes.cheque === hash &&
        yes.amount === amount.toString() &&
        yes.approver === approver &&
        verifyObject(yes, approver, yes.sig, this.#crypto),
    );
  }

  #hashOf = (cheque: Cheque): string => objectHash(cheque, this.#crypto);

  #odd(row: string, expected: string): void {
    this.#findings.add({ table: 'stored_order', row, expected, found: 'signed evidence of something else' });
  }
}

function add(sums: Map<string, bigint>, name: string, amount: bigint): void {
  sums.set(name, (sums.get(name) ?? 0n) + amount);
}
