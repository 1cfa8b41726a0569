// Keeps a stream paid while it is delivered, for every host: watches it by companion requests (HEAD to its address), and
// pays the next units when the site has used those before. The site never holds more than the units of two steps.
import { PaymentProblem, type ProblemCode } from '@farthing/protocol';
import { PATIENCE_MS } from './broker.ts';
import { siteAnswer } from './site-answer.ts';
import type { Payment, PaymentRecord, Settled } from './types.ts';
import type { Wallet } from './wallet.ts';

/**
 * `running`: it is delivered and paid. `limit`: no more is paid, for the reason in `code`; the site holds the stream for a
 * while. `ended`: it is over. `lost`: the site answers no companion, or refuses one: no more is paid, and what the site
 * did not use returns with `recover()` or when its session is closed.
 */
export type MeterEvent = {
  readonly state: 'running' | 'limit' | 'ended' | 'lost';
  /** Base units that the site has taken. */
  readonly spentMicro: bigint;
  readonly units: number;
  readonly unit: string;
  readonly code?: ProblemCode;
};

export type MeterOptions = {
  readonly wallet: Pick<Wallet, 'payOn' | 'fundStream' | 'settle' | 'record' | 'subscribe'>;
  /** That opened the stream. */
  readonly payment: Payment;
  readonly fetch: typeof globalThis.fetch;
  /** Aborted when nobody listens any more. */
  readonly signal?: AbortSignal;
  readonly onMeter?: (event: MeterEvent) => void;
  readonly sleep?: (ms: number) => Promise<void>;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
};

export type Meter = {
  /** The last event: `ended` or `lost`. Rejects for faults of ours alone, such as `storage-fault`. */
  readonly done: Promise<MeterEvent>;
  /** Tries at once to go on after a limit; a change of the rules does so by itself. */
  resume(): void;
};

const WAIT_S = 20;
const TRIES = 5;
const FIRST_PAUSE_MS = 200;
const AT_LIMIT_MS = 10_000;
/** A step that is used up sooner is too small for the way that companions travel; one that lasts longer is too large. */
const SHORT_MS = 300;
const LONG_MS = 2_000;
/** Another chain is bought when this one lasts for so many steps. */
const STEPS_AHEAD = 4;
const MOST_UNITS = 64;
const MOST_MICRO = 5_000n;

/** @throws {RangeError} our own mistake: the payment is for no stream */
export function runMeter(options: MeterOptions): Meter {
  if (!options.payment.stream) throw new RangeError('payment: expected one of a stream');
  const metering = new Metering(options);
  return { done: metering.run(), resume: () => metering.resume() };
}

class Metering {
  readonly #options: MeterOptions;
  readonly #signal: AbortSignal;
  /** Shown again until it is answered, and then to see where the stream stands. */
  #latest: Payment;
  /** The last one that the site took. */
  #known: Payment;
  #isAtLimit = false;
  #funding: Promise<void> | undefined;
  #step = 1;
  #shown: Omit<MeterEvent, 'state' | 'code'> = { spentMicro: 0n, units: 0, unit: '' };
  #wake: () => void = () => {};

  constructor(options: MeterOptions) {
    this.#options = options;
    this.#signal = options.signal ?? new AbortController().signal;
    this.#known = options.payment;
    this.#latest = options.payment;
  }

  resume(): void {
    this.#wake();
  }

  async run(): Promise<MeterEvent> {
    try {
      return await this.#meter();
    } finally {
      await this.#funding;
    }
  }

  async #meter(): Promise<MeterEvent> {
    const { wallet, payment } = this.#options;
    const record = await wallet.record(payment.id);
    if (record) this.#show(record);
    this.#report('running');
    while (!this.#signal.aborted) {
      const sentAtMs = this.#nowMs;
      const settled = await this.#present();
      if (!settled) break;
      const { outcome, meter, record } = settled;
      if (outcome !== 'paid') return this.#watchOut(record.code ?? 'payment-required');
      if (!meter) return this.#stop('lost', 'receipt-invalid');
      if (!meter.running) return this.#report('ended');
      if (this.#latest !== this.#known && this.#latest !== this.#options.payment) this.#adapt(this.#nowMs - sentAtMs);
      this.#known = this.#latest;
      this.#report('running');
      if (meter.remainingMicro > BigInt(this.#low) * this.#unitMicro) {
        // Not held, by a site that is full or a proxy that takes the wish away: it is not asked without a pause.
        if (this.#nowMs - sentAtMs < FIRST_PAUSE_MS) await this.#sleep(FIRST_PAUSE_MS);
        continue;
      }
      if (!(await this.#payOn(meter.remainingMicro < this.#unitMicro))) break;
    }
    return this.#stop(this.#signal.aborted ? 'ended' : 'lost', 'outcome-unknown');
  }

  /** The site refused the last word: it is paid no more, and what it was paid before it may still use. */
  async #watchOut(code: ProblemCode): Promise<MeterEvent> {
    this.#latest = this.#known;
    this.#report('lost', code);
    while (!this.#signal.aborted) {
      const settled = await this.#present();
      if (!settled?.meter) break;
      if (!settled.meter.running) return this.#report('lost', code);
      await this.#woken();
    }
    return this.#stop('lost', code);
  }

  /** The next word, or none at a limit: then what is left is used up first. @returns false when the stream is over */
  async #payOn(usedUp: boolean): Promise<boolean> {
    const { wallet, payment } = this.#options;
    for (;;) {
      try {
        this.#latest = await wallet.payOn(payment.id, { units: this.#step });
        this.#isAtLimit = false;
        this.#fund();
        return true;
      } catch (error) {
        if (!(error instanceof PaymentProblem) || error.code === 'storage-fault') throw error;
        if (error.code === 'not-found') return false;
        this.#isAtLimit = true;
        if (!usedUp) return true;
        this.#report('limit', error.code);
      }
      if (!(await this.#woken())) return true;
      if (this.#signal.aborted) return false;
    }
  }

  /** While the stream runs: what cannot be bought now is asked for when it is needed. */
  #fund(): void {
    const { wallet, payment } = this.#options;
    this.#funding ??= wallet
      .fundStream(payment.id, { units: this.#step * STEPS_AHEAD })
      .catch(() => {})
      .finally(() => {
        this.#funding = undefined;
      });
  }

  /** Waits at a limit. @returns false when time has passed in which the stream may have ended */
  async #woken(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#wake = () => resolve(true);
    const end = this.#options.wallet.subscribe(this.#wake);
    this.#signal.addEventListener('abort', this.#wake);
    const timer = this.#options.sleep ? undefined : setTimeout(() => resolve(false), AT_LIMIT_MS);
    void this.#options.sleep?.(AT_LIMIT_MS).then(() => resolve(false));
    const woken = await promise;
    clearTimeout(timer);
    this.#signal.removeEventListener('abort', this.#wake);
    end();
    this.#wake = () => {};
    return woken;
  }

  /** Asks until the site says that nothing is delivered, so that what is left comes back at once. */
  async #stop(state: MeterEvent['state'], code: ProblemCode): Promise<MeterEvent> {
    let pauseMs = FIRST_PAUSE_MS;
    for (let left = TRIES; left > 0; left--) {
      const settled = await this.#send(0).catch(worldsFault);
      if (settled?.outcome === 'not_charged') this.#latest = this.#known;
      if (settled?.meter?.running === false) return this.#report(this.#signal.aborted ? 'ended' : state, code);
      if (left > 1) await this.#sleep(pauseMs);
      pauseMs *= 2;
    }
    return this.#report(state, code);
  }

  /** Sends the last credential until its outcome is known. `undefined`: it is not, or nobody listens any more. */
  async #present(): Promise<Settled | undefined> {
    let pauseMs = FIRST_PAUSE_MS;
    for (let left = TRIES; left > 0 && !this.#signal.aborted; left--) {
      const settled = await this.#send(WAIT_S).catch(worldsFault);
      if (settled && settled.outcome !== 'unknown') return settled;
      if (left > 1 && !this.#signal.aborted) await this.#sleep(pauseMs);
      pauseMs *= 2;
    }
    return undefined;
  }

  async #send(waitS: number): Promise<Settled> {
    const { id, url, header } = this.#latest;
    const { fetch, wallet } = this.#options;
    const prefer = { prefer: `wait=${waitS}, payment-low=${this.#low}` };
    const headers = { [header.name]: header.value, ...(waitS > 0 ? prefer : {}) };
    const late = AbortSignal.timeout(waitS * 1000 + PATIENCE_MS);
    const signal = waitS > 0 ? AbortSignal.any([this.#signal, late]) : late;
    let answer = { status: 0 };
    try {
      const response = await fetch(url, { method: 'HEAD', headers, redirect: 'manual', cache: 'no-store', signal });
      answer = await siteAnswer(response);
    } catch {
      // The reply is lost: the same credential is shown again.
    }
    const settled = await wallet.settle(id, answer);
    this.#show(settled.record);
    return settled;
  }

  #show({ amountMicro: spentMicro, units = 0, unit = '' }: PaymentRecord): void {
    this.#shown = { spentMicro, units, unit };
  }

  /** Twice as many units at a time while they are used up faster than companions travel, half as many when they last. */
  #adapt(lastedMs: number): void {
    const most = Math.min(MOST_UNITS, Math.max(1, Number(MOST_MICRO / this.#unitMicro)));
    if (lastedMs < SHORT_MS) this.#step = Math.min(this.#step * 2, most);
    else if (lastedMs > LONG_MS) this.#step = Math.max(1, Math.floor(this.#step / 2));
  }

  get #unitMicro(): bigint {
    const { unitMicro, amountMicro } = this.#options.payment;
    return unitMicro ?? amountMicro;
  }

  /** So many units are left when the next are paid. */
  get #low(): number {
    return this.#isAtLimit ? 0 : Math.floor(this.#step / 2);
  }

  get #nowMs(): number {
    const { now = () => performance.now() } = this.#options;
    return now();
  }

  #sleep(ms: number): Promise<void> {
    const { sleep = (wait: number) => new Promise<void>((done) => setTimeout(done, wait)) } = this.#options;
    return sleep(ms);
  }

  #report(state: MeterEvent['state'], code?: ProblemCode): MeterEvent {
    const told = state === 'limit' || state === 'lost' ? code : undefined;
    const event = { state, ...this.#shown, ...(told === undefined ? {} : { code: told }) };
    this.#options.onMeter?.(event);
    return event;
  }
}

/** Lets the world's faults pass. */
function worldsFault(error: unknown): undefined {
  if (!(error instanceof PaymentProblem) || error.code === 'storage-fault') throw error;
}
