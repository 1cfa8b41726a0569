// Coins of other brokers that sites of ours took: what the peers signed says what they owe us, and no site was paid for more.
// And the other way: orders that a peer handed on for a site of its own.
import {
  brokerId,
  type Crypto,
  canonicalJson,
  clearOrder,
  clearResult,
  fromBase64url,
  jsonObject,
  peerForwardOrder,
  tryDecode,
  verifyObject,
} from '@farthing/protocol';
import {
  coinSetHash,
  ecashCaptureOrder,
  ecashCaptureResult,
  ecashDepositOrder,
  ecashDepositResult,
  ecashVoidOrder,
  ecashVoidResult,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { paymentHashOf } from './ecash-coins.ts';
import type { BookCoins, EcashModel } from './ecash-model.ts';
import { apply, type Evidence, isSigned, isTyped } from './evidence.ts';
import type { Cells, Findings } from './findings.ts';
import type { AskFacts, PeerFacts } from './peer-facts.ts';

/** A payment as the peer's signed answers leave it. */
type Foreign = {
  readonly brk: string;
  readonly cur: string;
  readonly amount: bigint;
  readonly hash: string;
  ask: number;
  endedBy: number;
  state: 'asked' | 'held' | 'paid' | 'void' | 'false';
  until: number;
  paidAt: number;
  /** Receipts with the change, as the peer signed them and sites are given them. */
  readonly given: Set<string>;
};

/** `gain`: what comes in by the transfer. */
export function clearingMove(brk: string, { cur, period }: { cur: string; period: number }, gain: bigint) {
  const sums = new Map([
    [`peer:${brk}||${cur}`, gain],
    [`external:clearing||${cur}`, -gain],
  ]);
  return { kind: 'clear', ref: `${brk} ${period}`, sums };
}

type Deposit = v.InferOutput<typeof ecashDepositOrder>;
type Capture = v.InferOutput<typeof ecashCaptureOrder>;
type Void = v.InferOutput<typeof ecashVoidOrder>;

export class PeerModel {
  readonly payments = new Map<string, Foreign>();
  /** What a peer asked for and this broker signed, by peer, currency and period. */
  readonly clearings = new Map<string, { brk: string; figures: v.InferOutput<typeof clearOrder>; doc: string }>();
  /** Sites of other brokers, by name. */
  readonly vendors = new Map<string, Cells>();
  readonly #brk: string;
  readonly #peers: ReadonlyMap<string, PeerFacts>;
  readonly #crypto: Crypto;
  readonly #findings: Findings;
  /** Payments for which a site was paid. */
  readonly #paid = new Set<string>();

  constructor(
    { brk, crypto }: { brk: string; crypto: Crypto },
    own: { peers: ReadonlyMap<string, PeerFacts>; asks: readonly AskFacts[] },
    findings: Findings,
  ) {
    this.#brk = brk;
    this.#peers = own.peers;
    this.#crypto = crypto;
    this.#findings = findings;
    for (const ask of own.asks) this.#asked(ask);
  }

  /** What a replay from here on has to know. What the peers were asked stays in the ledger. */
  get kept() {
    return { clearings: this.clearings, vendors: this.vendors, paid: this.#paid };
  }

  /** An order of a site about coins of a peer. @returns whether it is one */
  take(evidence: Evidence, book: BookCoins): boolean {
    const { issuer } = evidence.order;
    if (issuer === undefined || issuer === this.#brk) return false;
    const peer = `peer:${String(issuer)}`;
    return (
      apply(ecashDepositOrder, ecashDepositResult, evidence, (o, r) => {
        const name = `${o.vnd} ${o.challengeId}`;
        const payment = this.payments.get(name);
        const given = canonicalJson({ receipt: { ...r.receipt }, change: r.change });
        if (payment?.hash !== paymentHashOf(o, this.#crypto))
          this.#odd(name, 'the payment that the peer was asked for');
        if (!payment?.given.has(given)) this.#odd(name, 'the receipt that the peer signed');
        const sum = r.receipt.state === 'paid' ? this.#pay(name, { issuer: String(issuer), cur: o.cur }) : 0n;
        const sums = new Map([
          [`${peer}||${o.cur}`, -sum],
          [`vendor:${o.vnd}||${o.cur}`, sum],
        ]);
        book(evidence, { kind: 'ecash-deposit', ref: o.vnd, sums });
      }) ||
      apply(ecashCaptureOrder, ecashCaptureResult, evidence, (o, r) => {
        let sum = 0n;
        for (const challenge of r.paid) {
          if (!o.held.includes(challenge)) this.#odd(`${o.vnd} ${challenge}`, 'a payment that was asked for');
          sum += this.#pay(`${o.vnd} ${challenge}`, { issuer: String(issuer), cur: o.cur });
        }
        const to = `vendor:${o.vnd}`;
        const sums = new Map([
          [`${peer}||${o.cur}`, -sum],
          [`${to}||${o.cur}`, sum],
        ]);
        const told = { account: to, cur: o.cur, amount: r.balance };
        book(evidence, { kind: 'ecash-capture', ref: o.vnd, sums, told });
      }) ||
      apply(ecashVoidOrder, ecashVoidResult, evidence, (o, r) => {
        for (const challenge of r.freed) {
          if (this.#paid.has(`${o.vnd} ${challenge}`))
            this.#odd(`${o.vnd} ${challenge}`, 'a payment that was not paid');
        }
      })
    );
  }

  /** Figures that a peer asked to settle. @returns whether it is such an order */
  takeClearing(evidence: Evidence, book: BookCoins): boolean {
    return apply(clearOrder, clearResult, evidence, (figures, r) => {
      const { from, cur, period, net } = figures;
      const brk = brokerId(fromBase64url(from) ?? new Uint8Array(), this.#crypto);
      if (this.#peers.get(brk)?.root !== from || r.cur !== cur || r.period !== period || r.net !== net) {
        this.#odd(`${brk} ${cur} ${period}`, 'the figures of a peer');
      }
      this.clearings.set(`${brk} ${cur} ${period}`, { brk, figures, doc: canonicalJson(evidence.order) });
      book(evidence, clearingMove(brk, figures, -BigInt(net)));
    });
  }

  /** An order that a peer handed on. @returns whether it is one */
  takeHandedOn(evidence: Evidence, coins: EcashModel, book: BookCoins): boolean {
    return apply(peerForwardOrder, jsonObject, evidence, ({ from, vendor, order }, result) => {
      const brk = brokerId(fromBase64url(from) ?? new Uint8Array(), this.#crypto);
      const isVouched =
        this.#peers.get(brk)?.root === from &&
        vendor.brk === brk &&
        verifyObject(vendor, from, vendor.sig, this.#crypto) &&
        order['from'] === vendor.pk &&
        order['vnd'] === vendor.vnd &&
        order['issuer'] === this.#brk;
      if (!isVouched || !isTyped(order) || !isSigned(order, vendor.pk, this.#crypto))
        this.#odd(`${brk} ${vendor.vnd}`, 'an order of a site of a peer');
      const known = this.vendors.get(vendor.vnd);
      if (known && (known['brk'] !== brk || known['pk'] !== vendor.pk)) this.#odd(vendor.vnd, 'a name of one site');
      this.vendors.set(vendor.vnd, { vnd: vendor.vnd, brk, pk: vendor.pk });
      const done = isTyped(order) && coins.takePresented({ ...evidence, order, typ: order.typ, result }, brk, book);
      if (!done) this.#odd(`${brk} ${vendor.vnd}`, 'an order that can be handed on');
    });
  }

  /** What the peers signed that they owe, and no site got. */
  end(): void {
    for (const [name, { state }] of this.payments) {
      if (state === 'paid' && !this.#paid.has(name)) this.#odd(name, 'a site that was paid');
    }
  }

  /** @returns the amount, the first time */
  #pay(name: string, { issuer, cur }: { issuer: string; cur: string }): bigint {
    const payment = this.payments.get(name);
    if (payment?.state !== 'paid' || payment.brk !== issuer || payment.cur !== cur) {
      this.#odd(name, 'a payment that the peer signed that it owes');
      return 0n;
    }
    if (this.#paid.has(name)) return 0n;
    this.#paid.add(name);
    return payment.amount;
  }

  /** What the peer made of an order. An answer that it signed and that is none changes nothing. */
  #asked(ask: AskFacts): void {
    const { n, order, result = {} } = ask;
    const deposit = tryDecode(ecashDepositOrder, order);
    const capture = tryDecode(ecashCaptureOrder, order);
    const given = tryDecode(ecashVoidOrder, order);
    if (deposit) this.#deposit(ask, deposit);
    else if (capture) this.#captured(capture, tryDecode(ecashCaptureResult, result), n);
    else if (given) this.#freed(given, tryDecode(ecashVoidResult, result), n);
    else this.#odd(String(n), 'an order that can be handed on', 'peer_order');
  }

  #captured({ vnd, cur, held }: Capture, r: v.InferOutput<typeof ecashCaptureResult> | undefined, n: number): void {
    if (!r || r.cur !== cur || r.paidAt?.length !== r.paid.length) return;
    for (const challenge of new Set(held)) {
      const payment = this.#heldBefore(`${vnd} ${challenge}`, n);
      const paidAt = r.paidAt[r.paid.indexOf(challenge)];
      if (payment && paidAt !== undefined) Object.assign(payment, { state: 'paid', paidAt, endedBy: n });
      else if (payment && r.gone.includes(challenge)) Object.assign(payment, { state: 'void', until: 0, endedBy: n });
    }
  }

  #freed({ vnd, held }: Void, r: v.InferOutput<typeof ecashVoidResult> | undefined, n: number): void {
    for (const challenge of r?.freed ?? []) {
      const payment = held.includes(challenge) ? this.#heldBefore(`${vnd} ${challenge}`, n) : undefined;
      if (payment) Object.assign(payment, { state: 'void', until: 0, endedBy: n });
    }
  }

  #heldBefore(name: string, n: number): Foreign | undefined {
    const payment = this.payments.get(name);
    return payment?.state === 'held' && payment.ask < n ? payment : undefined;
  }

  #deposit({ n, brk, result }: AskFacts, order: Deposit): void {
    const { vnd, challengeId, amount, cur } = order;
    const name = `${vnd} ${challengeId}`;
    const before = this.payments.get(name);
    const hash = paymentHashOf(order, this.#crypto);
    if (before && before.hash !== hash) this.#odd(name, 'one payment for one challenge', 'peer_order');
    const asked = { ask: n, endedBy: before?.endedBy ?? 0, state: 'asked' as const, until: 0, paidAt: 0 };
    const payment: Foreign = { brk, cur, amount, hash, given: before?.given ?? new Set(), ...asked };
    this.payments.set(name, payment);
    if (result === undefined) return;
    const read = tryDecode(ecashDepositResult, result);
    if (!read || !this.#isTrue(order, brk, read)) {
      payment.state = 'false';
      return;
    }
    const { receipt, change } = read;
    const { state, until, at } = receipt;
    Object.assign(payment, { state, until, paidAt: state === 'paid' ? at : 0 });
    payment.given.add(canonicalJson({ receipt: { ...receipt }, change }));
  }

  /** Did the peer sign what it was asked? */
  #isTrue(order: Deposit, brk: string, { receipt, change }: v.InferOutput<typeof ecashDepositResult>): boolean {
    const { vnd, challengeId, amount, cur, coins, hold } = order;
    const said = { brk, via: this.#brk, vnd, challengeId, amount: amount.toString(), cur };
    return (
      Object.entries({ ...said, coins: coinSetHash(coins, this.#crypto) }).every(
        ([member, value]) => receipt[member as keyof typeof receipt] === value,
      ) &&
      (hold || receipt.state === 'paid') &&
      change.length === (order.change?.length ?? 0) &&
      verifyObject(receipt, this.#peers.get(brk)?.root ?? '', receipt.sig, this.#crypto)
    );
  }

  #odd(row: string, expected: string, table = 'stored_order'): void {
    this.#findings.add({ table, row, expected, found: 'signed evidence of something else' });
  }
}
