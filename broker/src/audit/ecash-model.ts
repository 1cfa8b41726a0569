// What the signed orders say of coins: which were made and spent, what is held for whom, and what each keyset has out. The
// signed records of keysets are taken from the file; everything else is replayed with sums of its own.
import { type Crypto, canonicalJson, limits, objectHash } from '@farthing/protocol';
import {
  ecashCaptureOrder,
  ecashCaptureResult,
  ecashCreditOrder,
  ecashCreditResult,
  ecashDepositOrder,
  ecashDepositResult,
  ecashLockOrder,
  ecashRedeemOrder,
  ecashRedeemResult,
  ecashSwapOrder,
  ecashSwapResult,
  ecashVoidOrder,
  ecashVoidResult,
  ecashWithdrawOrder,
  ecashWithdrawResult,
  keysetsResult,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { AuditedCoins, type KeysetFacts, paymentHashOf } from './ecash-coins.ts';
import { apply, type Evidence } from './evidence.ts';
import type { Cells } from './findings.ts';
import type { Auditing, Shelf } from './shelves.ts';

/** account|sub|currency → amount; `told`: the balance that the answer tells, if it tells one. */
type Moved = {
  kind: string;
  ref: string;
  sums: Map<string, bigint>;
  told?: { account: string; cur: string; amount: bigint };
};
export type BookCoins = (evidence: Evidence, moved: Moved) => void;

/** Who is paid: the site, or the broker that presented its coins. */
const payeeOf = (vnd: string, via: string): string => (via === '' ? `vendor:${vnd}` : `peer:${via}`);

const FLOAT = 'float:ecash';
const HOLD = 'hold:ecash';
const HOLD_SECONDS = BigInt(limits.coinHoldMs / 1000);

export class EcashModel {
  readonly coins: AuditedCoins;
  readonly batches: Shelf<Cells>;
  readonly alarms: Shelf<Cells>;
  readonly #last = new Map<string, { n: bigint; hash: string }>();
  readonly #crypto: Crypto;

  constructor(facts: ReadonlyMap<string, KeysetFacts>, about: Auditing) {
    const { shelves, crypto } = about;
    this.coins = new AuditedCoins(facts, about);
    this.batches = shelves.add('ecash_batch');
    this.alarms = shelves.add('ecash_alarm');
    this.#crypto = crypto;
  }

  /** What a replay from here on has to know beside the shelves. */
  get kept() {
    return { totals: this.coins.totals, ended: this.coins.ended, last: this.#last };
  }

  get isUsed(): boolean {
    return this.coins.signatures.size + this.batches.size > 0;
  }

  /** @returns whether it is an order about coins */
  take(evidence: Evidence, book: BookCoins): boolean {
    return (
      apply(ecashLockOrder, keysetsResult, evidence, () => {}) ||
      apply(ecashWithdrawOrder, ecashWithdrawResult, evidence, (o, r) => {
        const value = this.coins.made(o.outputs, r.signatures);
        const sums = new Map([
          [`user:${o.from}||${o.cur}`, -value],
          [`${FLOAT}||${o.cur}`, value],
        ]);
        const told = { account: `user:${o.from}`, cur: r.cur, amount: r.balance };
        book(evidence, { kind: 'ecash-withdraw', ref: '', sums, told });
      }) ||
      apply(ecashSwapOrder, ecashSwapResult, evidence, (o, r) => this.#swap(evidence, { o, r }, book)) ||
      apply(ecashCreditOrder, ecashCreditResult, evidence, (o, r) => this.#credit(evidence, { o, r }, book)) ||
      this.takePresented(evidence, '', book) ||
      apply(ecashRedeemOrder, ecashRedeemResult, evidence, (o, r) => this.#redeem(evidence, { o, r }, book))
    );
  }

  /** Payments, as a site presents them or the broker `via` for a site of its own. */
  takePresented(evidence: Evidence, via: string, book: BookCoins): boolean {
    return (
      apply(ecashDepositOrder, ecashDepositResult, evidence, (o, r) => this.#deposit(evidence, { o, r, via }, book)) ||
      apply(ecashCaptureOrder, ecashCaptureResult, evidence, (o, r) => this.#capture(evidence, { o, r, via }, book)) ||
      apply(ecashVoidOrder, ecashVoidResult, evidence, (o, r) => this.#void(evidence, { o, r, via }, book))
    );
  }

  #swap(
    evidence: Evidence,
    { o, r }: { o: v.InferOutput<typeof ecashSwapOrder>; r: v.InferOutput<typeof ecashSwapResult> },
    book: BookCoins,
  ): void {
    const use = `swap ${o.from} ${o.rid}`;
    const worth = this.coins.made(o.outputs, r.signatures);
    const voided = this.coins.voidedSet(o.coins, BigInt(evidence.at));
    if (voided) {
      if (worth !== voided.amount) this.coins.odd(use, `coins for ${voided.amount}`);
      for (const { pk, ks } of voided.coins) {
        this.coins.spent.set(pk, { ks, use });
        this.coins.count(ks, 'held', -1n);
        this.coins.count(ks, 'redeemed', 1n);
      }
      voided.state = 'swapped';
      const sums = new Map([
        [`${HOLD}||${o.cur}`, -voided.amount],
        [`${FLOAT}||${o.cur}`, voided.amount],
      ]);
      book(evidence, { kind: 'ecash-swap', ref: '', sums });
      return;
    }
    let given = 0n;
    for (const { pk, ks } of o.coins) {
      this.coins.spend(pk, ks, { use, at: BigInt(evidence.at) });
      this.coins.count(ks, 'redeemed', 1n);
      given += this.coins.valueOf(ks);
    }
    if (given !== worth) this.coins.odd(use, `coins for ${given}`);
  }

  #credit(
    evidence: Evidence,
    { o, r }: { o: v.InferOutput<typeof ecashCreditOrder>; r: v.InferOutput<typeof ecashCreditResult> },
    book: BookCoins,
  ): void {
    const { from, rid, cur, coins } = o;
    const use = `swap ${from} ${rid}`;
    let worth = 0n;
    for (const { pk, ks } of coins) {
      this.coins.spend(pk, ks, { use, at: BigInt(evidence.at) });
      this.coins.count(ks, 'redeemed', 1n);
      worth += this.coins.valueOf(ks);
    }
    if (r.credited !== worth) this.coins.odd(use, `${worth} credited`);
    const sums = new Map([
      [`${FLOAT}||${cur}`, -worth],
      [`user:${from}||${cur}`, worth],
    ]);
    const told = { account: `user:${from}`, cur: r.cur, amount: r.balance };
    book(evidence, { kind: 'ecash-credit', ref: '', sums, told });
  }

  #deposit(
    evidence: Evidence,
    {
      o,
      r,
      via,
    }: { o: v.InferOutput<typeof ecashDepositOrder>; r: v.InferOutput<typeof ecashDepositResult>; via: string },
    book: BookCoins,
  ): void {
    const { vnd, challengeId, amount, cur, coins, change = [], hold } = o;
    const name = `${vnd} ${challengeId}`;
    const hash = paymentHashOf(o, this.#crypto);
    const known = this.coins.payments.get(name);
    const at = BigInt(evidence.at);
    if (known && (known.hash !== hash || known.via !== via))
      this.coins.odd(name, 'the payment that was answered before');
    if (known?.state === 'held' && known.until < at && canonicalJson(r.receipt) !== known.receipt) {
      if (known.change.length > 0) known.state = 'void';
      else this.coins.endSilently(known, name);
    }
    if (known && known.state !== 'void') return;
    const isHeld = known !== undefined && known.change.length > 0;
    let worth = 0n;
    for (const { pk, ks } of coins) {
      worth += this.coins.valueOf(ks);
      if (isHeld) {
        if (!hold) this.coins.move(ks, 'held', 'redeemed');
        continue;
      }
      this.coins.spend(pk, ks, { use: `pay ${name}`, at });
      this.coins.count(ks, hold ? 'held' : 'redeemed', 1n);
    }
    const back = known
      ? change.reduce((sum, { ks }) => sum + this.coins.valueOf(ks), 0n)
      : this.coins.made(change, r.change);
    if (worth !== amount + back) this.coins.odd(name, `coins worth ${amount + back}`);
    this.coins.payments.set(name, {
      ...{ vnd, challenge: challengeId, cur, amount, hash, change: r.change },
      coins: coins.map(({ ks, pk }) => ({ ks, pk })),
      receipt: canonicalJson(r.receipt),
      until: at + HOLD_SECONDS,
      state: hold ? 'held' : 'paid',
      ...{ via, paidAt: hold ? 0 : evidence.at },
    });
    if (isHeld && hold) return;
    const to = hold ? HOLD : payeeOf(vnd, via);
    const sums = new Map([
      [`${isHeld ? HOLD : FLOAT}||${cur}`, -amount],
      [`${to}||${cur}`, amount],
    ]);
    book(evidence, { kind: 'ecash-deposit', ref: vnd, sums });
  }

  #capture(
    evidence: Evidence,
    {
      o,
      r,
      via,
    }: { o: v.InferOutput<typeof ecashCaptureOrder>; r: v.InferOutput<typeof ecashCaptureResult>; via: string },
    book: BookCoins,
  ): void {
    const { vnd, cur } = o;
    let sum = 0n;
    for (const [n, challenge] of r.paid.entries()) {
      const payment = this.coins.payments.get(`${vnd} ${challenge}`);
      if (payment?.state === 'paid' && via !== '' && r.paidAt?.[n] !== payment.paidAt) {
        this.coins.odd(`${vnd} ${challenge}`, `paid at ${payment.paidAt}`);
      }
      if (!payment || payment.via !== via || !o.held.includes(challenge))
        this.coins.odd(`${vnd} ${challenge}`, 'a payment that was held');
      if (payment?.state !== 'held') continue;
      for (const { ks } of payment.coins) this.coins.move(ks, 'held', 'redeemed');
      payment.state = 'paid';
      payment.receipt = '';
      payment.paidAt = evidence.at;
      sum += payment.amount;
    }
    const to = payeeOf(vnd, via);
    const sums = new Map([
      [`${HOLD}||${cur}`, -sum],
      [`${to}||${cur}`, sum],
    ]);
    const told = { account: to, cur, amount: r.balance };
    book(evidence, { kind: 'ecash-capture', ref: vnd, sums, told });
  }

  #void(
    evidence: Evidence,
    { o, r, via }: { o: v.InferOutput<typeof ecashVoidOrder>; r: v.InferOutput<typeof ecashVoidResult>; via: string },
    book: BookCoins,
  ): void {
    const sums = new Map<string, bigint>();
    for (const challenge of r.freed) {
      const payment = this.coins.payments.get(`${o.vnd} ${challenge}`);
      if (!payment || payment.via !== via || !o.held.includes(challenge)) {
        this.coins.odd(`${o.vnd} ${challenge}`, 'a payment that was held');
      }
      if (payment?.state !== 'held') continue;
      const { cur, amount } = payment;
      if (payment.change.length > 0) {
        payment.state = 'void';
        continue;
      }
      this.coins.free(payment);
      sums.set(`${HOLD}||${cur}`, (sums.get(`${HOLD}||${cur}`) ?? 0n) - amount);
      sums.set(`${FLOAT}||${cur}`, (sums.get(`${FLOAT}||${cur}`) ?? 0n) + amount);
    }
    book(evidence, { kind: 'ecash-void', ref: o.vnd, sums });
  }

  #redeem(
    evidence: Evidence,
    { o, r }: { o: v.InferOutput<typeof ecashRedeemOrder>; r: v.InferOutput<typeof ecashRedeemResult> },
    book: BookCoins,
  ): void {
    const { vnd, from, rid, prev } = o;
    const hash = objectHash(evidence.order, this.#crypto);
    const last = this.#last.get(vnd) ?? { n: 0n, hash: '' };
    const { credited, fee, batch } = r.redemption;
    if (prev !== last.hash || batch !== hash) this.coins.odd(hash, 'the batch after the last one');
    this.#last.set(vnd, { n: last.n + 1n, hash });
    this.batches.set(hash, { hash, vnd, n: last.n + 1n, prev, from_key: from, rid, credited, fee });
    let sum = 0n;
    for (const [n, { challengeId, amount, coins, cur, exp }] of o.claims.entries()) {
      const told = r.payments[n];
      if (told?.challengeId !== challengeId) this.coins.odd(hash, 'an answer for each claim');
      if (told?.alarm !== undefined) {
        const alarm = { batch: hash, n: BigInt(n), vnd, challenge: challengeId, why: told.alarm };
        this.alarms.set(`${hash} ${n}`, alarm);
      }
      if (!told || told.credited === 0n) continue;
      let worth = 0n;
      for (const { pk, ks } of coins) {
        this.coins.spend(pk, ks, { use: `pay ${vnd} ${challengeId}`, at: BigInt(evidence.at) });
        this.coins.count(ks, 'redeemed', 1n);
        worth += this.coins.valueOf(ks);
      }
      if (told.credited !== amount || worth !== amount) this.coins.odd(hash, `${worth} for claim ${n}`);
      const hashed = paymentHashOf({ challengeId, vnd, amount, cur, coins, exp }, this.#crypto);
      this.coins.payments.set(`${vnd} ${challengeId}`, {
        ...{ vnd, challenge: challengeId, cur, amount, hash: hashed, change: [] },
        coins: coins.map(({ ks, pk }) => ({ ks, pk })),
        receipt: '',
        until: BigInt(evidence.at) + HOLD_SECONDS,
        state: 'paid',
        ...{ via: '', paidAt: evidence.at },
      });
      sum += told.credited;
    }
    if (sum !== credited || fee !== 0n) this.coins.odd(hash, `${sum} credited`);
    const sums = new Map([
      [`${FLOAT}||${r.cur}`, -sum],
      [`vendor:${vnd}||${r.cur}`, sum],
    ]);
    const told = { account: `vendor:${vnd}`, cur: r.cur, amount: r.balance };
    book(evidence, { kind: 'ecash-redeem', ref: hash, sums, told });
  }
}
