// How much demo money left the faucet in the running hour. Memory only, bounded: demo money is worth nothing.
import { PaymentProblem } from '@farthing/protocol';

const WINDOW_MS = 3_600_000;
/** An account gets this many times the amount of one request in an hour. */
const REQUESTS = 5n;
/** Accounts served in an hour, all together: bounds the memory and what one flood can make. */
const ACCOUNTS = 10_000;

export class FaucetMeter {
  readonly #perAccount: bigint;
  #given = new Map<string, bigint>();
  #windowMs = 0;

  constructor(faucetMicro: bigint) {
    this.#perAccount = faucetMicro * REQUESTS;
  }

  /** Counts what is given. @throws {PaymentProblem} `faucet-limit` with the seconds until the next hour */
  take(account: string, amount: bigint, nowMs: number): void {
    const windowMs = nowMs - (nowMs % WINDOW_MS);
    if (windowMs !== this.#windowMs) {
      this.#windowMs = windowMs;
      this.#given = new Map();
    }
    const given = this.#given.get(account);
    const full = given === undefined && this.#given.size >= ACCOUNTS;
    if (full || (given ?? 0n) + amount > this.#perAccount) {
      throw new PaymentProblem('faucet-limit', { retryAfter: Math.ceil((windowMs + WINDOW_MS - nowMs) / 1000) });
    }
    this.#given.set(account, (given ?? 0n) + amount);
  }
}
