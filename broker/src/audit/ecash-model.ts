// What the signed orders say of coins: which were made and spent, what is held for whom, and what each keyset has out. The
// signed records of keysets are taken from the file; everything else is replayed with sums of its own.
import { type Crypto, canonicalJson, limits, objectHash, toBase64url, utf8 } from '@farthing/protocol';
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
import { apply, type Evidence } from './evidence.ts';
import type { Cells, Findings } from './findings.ts';
import type { Auditing, Shelf } from './shelves.ts';

/** The signed record of a keyset, as far as money goes. */
export type KeysetFacts = { readonly cur: string; readonly value: bigint };
export type Held = {
  readonly vnd: string;
  readonly challenge: string;
  readonly cur: string;
  readonly amount: bigint;
  readonly hash: string;
  readonly coins: readonly { readonly ks: string; readonly pk: string }[];
  readonly change: readonly string[];
  /** The broker that presented it for a site of its own. */
  readonly via: string;
  receipt: string;
  until: bigint;
  state: 'held' | 'paid' | 'void' | 'swapped';
  /** Seconds; 0 before. */
  paidAt: number;
};
type Totals = { issued: bigint; redeemed: bigint; held: bigint };

/** account|sub|currency → amount; `told`: the balance that the answer tells, if it tells one. */
type Moved = {
  kind: string;
  ref: string;
  sums: Map<string, bigint>;
  told?: { account: string; cur: string; amount: bigint };
};
export type BookCoins = (evidence: Evidence, moved: Moved) => void;

type Named = Omit<v.InferOutput<typeof ecashDepositOrder>, 'typ' | 'from' | 'rid' | 'at' | 'hold' | 'sig' | 'issuer'>;

/** Who is paid: the site, or the broker that presented its coins. */
const payeeOf = (vnd: string, via: string): string => (via === '' ? `vendor:${vnd}` : `peer:${via}`);

const FLOAT = 'float:ecash';
const HOLD = 'hold:ecash';
const HOLD_SECONDS = BigInt(limits.coinHoldMs / 1000);

export class EcashModel {
  readonly totals = new Map<string, Totals>();
  readonly spent: Shelf<{ ks: string; use: string }>;
  readonly signatures: Shelf<string>;
  readonly payments: Shelf<Held>;
  readonly batches: Shelf<Cells>;
  readonly alarms: Shelf<Cells>;
  /** Holds that must have ended by themselves, because their coins were used later: the journal has to say so. */
  readonly ended = new Set<string>();
  readonly #facts: ReadonlyMap<string, KeysetFacts>;
  readonly #last = new Map<string, { n: bigint; hash: string }>();
  readonly #crypto: Crypto;
  readonly #findings: Findings;

  constructor(facts: ReadonlyMap<string, KeysetFacts>, { shelves, crypto, findings }: Auditing) {
    this.#facts = facts;
    this.spent = shelves.add('spent_coin');
    this.signatures = shelves.add('blind_signature');
    this.payments = shelves.add('coin_payment');
    this.batches = shelves.add('ecash_batch');
    this.alarms = shelves.add('ecash_alarm');
    this.#crypto = crypto;
    this.#findings = findings;
  }

  /** What a replay from here on has to know beside the shelves. */
  get kept() {
    return { totals: this.totals, ended: this.ended, last: this.#last };
  }

  get isUsed(): boolean {
    return this.signatures.size + this.batches.size > 0;
  }

  /** @returns whether it is an order about coins */
  take(evidence: Evidence, book: BookCoins): boolean {
    return (
      apply(ecashLockOrder, keysetsResult, evidence, () => {}) ||
      apply(ecashWithdrawOrder, ecashWithdrawResult, evidence, (o, r) => {
        const value = this.#made(o.outputs, r.signatures);
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

  /** A hold that the broker ended by itself. @returns false when it could not end then */
  holdEnd(ref: string, { cur, amount, atMs }: { cur: string; amount: bigint; atMs: bigint }): boolean {
    const payment = this.payments.get(ref);
    const fits = payment && payment.cur === cur && payment.amount === amount && payment.change.length === 0;
    if (!fits || atMs <= payment.until * 1000n) return false;
    if (this.ended.delete(ref)) return true;
    if (payment.state !== 'held') return false;
    this.#free(payment);
    return true;
  }

  #swap(
    evidence: Evidence,
    { o, r }: { o: v.InferOutput<typeof ecashSwapOrder>; r: v.InferOutput<typeof ecashSwapResult> },
    book: BookCoins,
  ): void {
    const use = `swap ${o.from} ${o.rid}`;
    const worth = this.#made(o.outputs, r.signatures);
    const voided = this.#voidedSet(o.coins, BigInt(evidence.at));
    if (voided) {
      if (worth !== voided.amount) this.#odd(use, `coins for ${voided.amount}`);
      for (const { pk, ks } of voided.coins) {
        this.spent.set(pk, { ks, use });
        this.#count(ks, 'held', -1n);
        this.#count(ks, 'redeemed', 1n);
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
      this.#spend(pk, ks, { use, at: BigInt(evidence.at) });
      this.#count(ks, 'redeemed', 1n);
      given += this.#valueOf(ks);
    }
    if (given !== worth) this.#odd(use, `coins for ${given}`);
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
      this.#spend(pk, ks, { use, at: BigInt(evidence.at) });
      this.#count(ks, 'redeemed', 1n);
      worth += this.#valueOf(ks);
    }
    if (r.credited !== worth) this.#odd(use, `${worth} credited`);
    const sums = new Map([
      [`${FLOAT}||${cur}`, -worth],
      [`user:${from}||${cur}`, worth],
    ]);
    const told = { account: `user:${from}`, cur: r.cur, amount: r.balance };
    book(evidence, { kind: 'ecash-credit', ref: '', sums, told });
  }

  #voidedSet(coins: readonly { pk: string }[], at: bigint): Held | undefined {
    const [first] = coins;
    const [kind, vnd, challenge] = this.spent.get(first?.pk ?? '')?.use.split(' ') ?? [];
    const payment = kind === 'pay' ? this.payments.get(`${vnd} ${challenge}`) : undefined;
    if (!payment || payment.change.length === 0) return undefined;
    // A hold whose change is out ends without an entry: nothing moves.
    if (payment.state === 'held' && payment.until < at) payment.state = 'void';
    return payment.state === 'void' ? payment : undefined;
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
    const known = this.payments.get(name);
    const at = BigInt(evidence.at);
    if (known && (known.hash !== hash || known.via !== via)) this.#odd(name, 'the payment that was answered before');
    if (known?.state === 'held' && known.until < at && canonicalJson(r.receipt) !== known.receipt) {
      if (known.change.length > 0) known.state = 'void';
      else this.#endSilently(known, name);
    }
    if (known && known.state !== 'void') return;
    const isHeld = known !== undefined && known.change.length > 0;
    let worth = 0n;
    for (const { pk, ks } of coins) {
      worth += this.#valueOf(ks);
      if (isHeld) {
        if (!hold) this.#move(ks, 'held', 'redeemed');
        continue;
      }
      this.#spend(pk, ks, { use: `pay ${name}`, at });
      this.#count(ks, hold ? 'held' : 'redeemed', 1n);
    }
    const back = known ? change.reduce((sum, { ks }) => sum + this.#valueOf(ks), 0n) : this.#made(change, r.change);
    if (worth !== amount + back) this.#odd(name, `coins worth ${amount + back}`);
    this.payments.set(name, {
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
      const payment = this.payments.get(`${vnd} ${challenge}`);
      if (payment?.state === 'paid' && via !== '' && r.paidAt?.[n] !== payment.paidAt) {
        this.#odd(`${vnd} ${challenge}`, `paid at ${payment.paidAt}`);
      }
      if (!payment || payment.via !== via || !o.held.includes(challenge))
        this.#odd(`${vnd} ${challenge}`, 'a payment that was held');
      if (payment?.state !== 'held') continue;
      for (const { ks } of payment.coins) this.#move(ks, 'held', 'redeemed');
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
      const payment = this.payments.get(`${o.vnd} ${challenge}`);
      if (!payment || payment.via !== via || !o.held.includes(challenge)) {
        this.#odd(`${o.vnd} ${challenge}`, 'a payment that was held');
      }
      if (payment?.state !== 'held') continue;
      const { cur, amount } = payment;
      if (payment.change.length > 0) {
        payment.state = 'void';
        continue;
      }
      this.#free(payment);
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
    if (prev !== last.hash || batch !== hash) this.#odd(hash, 'the batch after the last one');
    this.#last.set(vnd, { n: last.n + 1n, hash });
    this.batches.set(hash, { hash, vnd, n: last.n + 1n, prev, from_key: from, rid, credited, fee });
    let sum = 0n;
    for (const [n, { challengeId, amount, coins, cur, exp }] of o.claims.entries()) {
      const told = r.payments[n];
      if (told?.challengeId !== challengeId) this.#odd(hash, 'an answer for each claim');
      if (told?.alarm !== undefined) {
        const alarm = { batch: hash, n: BigInt(n), vnd, challenge: challengeId, why: told.alarm };
        this.alarms.set(`${hash} ${n}`, alarm);
      }
      if (!told || told.credited === 0n) continue;
      let worth = 0n;
      for (const { pk, ks } of coins) {
        this.#spend(pk, ks, { use: `pay ${vnd} ${challengeId}`, at: BigInt(evidence.at) });
        this.#count(ks, 'redeemed', 1n);
        worth += this.#valueOf(ks);
      }
      if (told.credited !== amount || worth !== amount) this.#odd(hash, `${worth} for claim ${n}`);
      const hashed = paymentHashOf({ challengeId, vnd, amount, cur, coins, exp }, this.#crypto);
      this.payments.set(`${vnd} ${challengeId}`, {
        ...{ vnd, challenge: challengeId, cur, amount, hash: hashed, change: [] },
        coins: coins.map(({ ks, pk }) => ({ ks, pk })),
        receipt: '',
        until: BigInt(evidence.at) + HOLD_SECONDS,
        state: 'paid',
        ...{ via: '', paidAt: evidence.at },
      });
      sum += told.credited;
    }
    if (sum !== credited || fee !== 0n) this.#odd(hash, `${sum} credited`);
    const sums = new Map([
      [`${FLOAT}||${r.cur}`, -sum],
      [`vendor:${vnd}||${r.cur}`, sum],
    ]);
    const told = { account: `vendor:${vnd}`, cur: r.cur, amount: r.balance };
    book(evidence, { kind: 'ecash-redeem', ref: hash, sums, told });
  }

  /** Outputs that were signed. @returns their value */
  #made(outputs: readonly { ks: string; b: string }[], signatures: readonly string[]): bigint {
    if (outputs.length !== signatures.length) this.#odd('-', 'a signature for each output');
    let value = 0n;
    for (const [i, { ks, b }] of outputs.entries()) {
      const name = `${ks} ${b}`;
      if (this.signatures.has(name)) this.#odd(name, 'an output that is signed once');
      this.signatures.set(name, signatures[i] ?? '');
      this.#count(ks, 'issued', 1n);
      value += this.#valueOf(ks);
    }
    return value;
  }

  #spend(pk: string, ks: string, { use, at }: { use: string; at: bigint }): void {
    const before = this.spent.get(pk);
    const [kind, ...name] = before?.use.split(' ') ?? [];
    const payment = kind === 'pay' ? this.payments.get(name.join(' ')) : undefined;
    // Its hold was over, and nobody but the sweep could have freed it.
    if (payment?.state === 'held' && payment.until < at && payment.change.length === 0) {
      this.#endSilently(payment, name.join(' '));
    } else if (before) this.#odd(pk, 'a coin that is spent once');
    this.spent.set(pk, { ks, use });
  }

  #endSilently(payment: Held, name: string): void {
    this.#free(payment);
    this.ended.add(name);
  }

  #free(payment: Held): void {
    for (const { pk, ks } of payment.coins) {
      this.spent.delete(pk);
      this.#count(ks, 'held', -1n);
    }
    payment.state = 'void';
  }

  #move(ks: string, from: keyof Totals, to: keyof Totals): void {
    this.#count(ks, from, -1n);
    this.#count(ks, to, 1n);
  }

  #count(ks: string, member: keyof Totals, sign: 1n | -1n): void {
    const totals = this.totals.get(ks) ?? { issued: 0n, redeemed: 0n, held: 0n };
    totals[member] += sign * this.#valueOf(ks);
    this.totals.set(ks, totals);
  }

  #valueOf(ks: string): bigint {
    const facts = this.#facts.get(ks);
    if (!facts) this.#odd(ks, 'a keyset that this broker has signed');
    return facts?.value ?? 0n;
  }

  #odd(row: string, expected: string): void {
    this.#findings.add({ table: 'stored_order', row, expected, found: 'signed evidence of something else' });
  }
}

/** As the service names a payment: everything that its coins were signed over. */
export function paymentHashOf(
  { challengeId, vnd, amount, cur, coins, change = [], exp }: Named,
  crypto: Crypto,
): string {
  const names = coins.map(({ pk }) => pk).sort();
  const set = toBase64url(crypto.sha256(utf8(`farthing/coin-set/1\0${names.join(',')}`)));
  const named = {
    typ: 'coin-payment/1',
    ...{ challengeId, vnd, amount: amount.toString(), cur, exp, coins: set },
    change: change.map(({ ks, b }) => ({ ks, b })),
  };
  return objectHash(named, crypto);
}
