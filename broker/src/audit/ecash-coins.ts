// The coins of an audit: which were signed and spent, what is held for whom, and what each keyset has out.
import { type Crypto, objectHash, toBase64url, utf8 } from '@farthing/protocol';
import type { ecashDepositOrder } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import type { Findings } from './findings.ts';
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
export type Totals = { issued: bigint; redeemed: bigint; held: bigint };

export class AuditedCoins {
  readonly totals = new Map<string, Totals>();
  readonly spent: Shelf<{ ks: string; use: string }>;
  readonly signatures: Shelf<string>;
  readonly payments: Shelf<Held>;
  /** Holds that must have ended by themselves, because their coins were used later: the journal has to say so. */
  readonly ended = new Set<string>();
  readonly #facts: ReadonlyMap<string, KeysetFacts>;
  readonly #findings: Findings;

  constructor(facts: ReadonlyMap<string, KeysetFacts>, { shelves, findings }: Auditing) {
    this.#facts = facts;
    this.spent = shelves.add('spent_coin');
    this.signatures = shelves.add('blind_signature');
    this.payments = shelves.add('coin_payment');
    this.#findings = findings;
  }

  /** A hold that the broker ended by itself. @returns false when it could not end then */
  holdEnd(ref: string, { cur, amount, atMs }: { cur: string; amount: bigint; atMs: bigint }): boolean {
    const payment = this.payments.get(ref);
    const fits = payment && payment.cur === cur && payment.amount === amount && payment.change.length === 0;
    if (!fits || atMs <= payment.until * 1000n) return false;
    if (this.ended.delete(ref)) return true;
    if (payment.state !== 'held') return false;
    this.free(payment);
    return true;
  }

  /** The payment that was given up with change outside, whose coins are now swapped. `at` in seconds. */
  voidedSet(coins: readonly { pk: string }[], at: bigint): Held | undefined {
    const [first] = coins;
    const [kind, vnd, challenge] = this.spent.get(first?.pk ?? '')?.use.split(' ') ?? [];
    const payment = kind === 'pay' ? this.payments.get(`${vnd} ${challenge}`) : undefined;
    if (!payment || payment.change.length === 0) return undefined;
    // A hold whose change is out ends without an entry: nothing moves.
    if (payment.state === 'held' && payment.until < at) payment.state = 'void';
    return payment.state === 'void' ? payment : undefined;
  }

  /** Outputs that were signed. @returns their value */
  made(outputs: readonly { ks: string; b: string }[], signatures: readonly string[]): bigint {
    if (outputs.length !== signatures.length) this.odd('-', 'a signature for each output');
    let value = 0n;
    for (const [i, { ks, b }] of outputs.entries()) {
      const name = `${ks} ${b}`;
      if (this.signatures.has(name)) this.odd(name, 'an output that is signed once');
      this.signatures.set(name, signatures[i] ?? '');
      this.count(ks, 'issued', 1n);
      value += this.valueOf(ks);
    }
    return value;
  }

  spend(pk: string, ks: string, { use, at }: { use: string; at: bigint }): void {
    const before = this.spent.get(pk);
    const [kind, ...name] = before?.use.split(' ') ?? [];
    const payment = kind === 'pay' ? this.payments.get(name.join(' ')) : undefined;
    // Its hold was over, and nobody but the sweep could have freed it.
    if (payment?.state === 'held' && payment.until < at && payment.change.length === 0) {
      this.endSilently(payment, name.join(' '));
    } else if (before) this.odd(pk, 'a coin that is spent once');
    this.spent.set(pk, { ks, use });
  }

  endSilently(payment: Held, name: string): void {
    this.free(payment);
    this.ended.add(name);
  }

  free(payment: Held): void {
    for (const { pk, ks } of payment.coins) {
      this.spent.delete(pk);
      this.count(ks, 'held', -1n);
    }
    payment.state = 'void';
  }

  move(ks: string, from: keyof Totals, to: keyof Totals): void {
    this.count(ks, from, -1n);
    this.count(ks, to, 1n);
  }

  count(ks: string, member: keyof Totals, sign: 1n | -1n): void {
    const totals = this.totals.get(ks) ?? { issued: 0n, redeemed: 0n, held: 0n };
    totals[member] += sign * this.valueOf(ks);
    this.totals.set(ks, totals);
  }

  valueOf(ks: string): bigint {
    const facts = this.#facts.get(ks);
    if (!facts) this.odd(ks, 'a keyset that this broker has signed');
    return facts?.value ?? 0n;
  }

  odd(row: string, expected: string): void {
    this.#findings.add({ table: 'stored_order', row, expected, found: 'signed evidence of something else' });
  }
}

type Named = Omit<v.InferOutput<typeof ecashDepositOrder>, 'typ' | 'from' | 'rid' | 'at' | 'hold' | 'sig' | 'issuer'>;

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
