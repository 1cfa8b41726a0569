// How much demo money left the faucet in the running hour. Memory only, bounded: demo money is worth nothing.
import { PaymentProblem } from '@farthing/protocol';

const WINDOW_MS = 3_600_000;
/** An account gets this many times the amount of one request in an hour. */
const REQUESTS = 5n;
/** Accounts served in an hour, all together: bounds the memory and what one flood can make. */
const ACCOUNTS = 10_000;
/** Of one account in an hour. */
const ORDERS = 1_000;

type Given = { readonly amount: bigint; readonly rids: Set<string> };

export class FaucetMeter {
  readonly #perAccount: bigint;
  #given = new Map<string, Given>();
  #windowMs = 0;

  constructor(faucetMicro: bigint) {
    this.#perAccount = faucetMicro * REQUESTS;
  }

  /** Counts what is given, once for each order. @throws {PaymentProblem} `faucet-limit` with the seconds until the next hour */
  take(account: string, { rid, amount }: { rid: string; amount: bigint }, nowMs: number): void {
    const windowMs = nowMs - (nowMs % WINDOW_MS);
    if (windowMs !== this.#windowMs) {
      this.#windowMs = windowMs;
      this.#given = new Map();
    }
    const given = this.#given.get(account) ?? { amount: 0n, rids: new Set() };
    if (given.rids.has(rid)) return;
    const isFull = given.rids.size >= ORDERS || (given.rids.size === 0 && this.#given.size >= ACCOUNTS);
    if (isFull || given.amount + amount > this.#perAccount) {
      throw new PaymentProblem('faucet-limit', { retryAfter: Math.ceil((windowMs + WINDOW_MS - nowMs) / 1000) });
    }
    this.#given.set(account, { amount: given.amount + amount, rids: given.rids.add(rid) });
  }
}
