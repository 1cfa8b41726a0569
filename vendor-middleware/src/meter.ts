// The meter of one running stream: takes units out of its session's row before they are delivered, tells the row which were,
// and that the stream still runs. Its writes follow each other, so that each unit is told once.
import { randomBytes } from 'node:crypto';
import { type JsonObject, limits, type Metered, PaymentProblem, type Price } from '@farthing/protocol';
import type { Sessions } from './methods.ts';
import type { Site } from './site.ts';

/** Claims of a long stream go to the broker on the way. */
const NUDGE_MS = 5000;
const BEAT_MS = limits.streamLeaseMs / 3;

type Parts = { readonly site: Site; readonly key: string; readonly role: Sessions; readonly price: Price };

export class Meter {
  readonly #parts: Parts;
  readonly #id = randomBytes(9).toString('base64url');
  readonly #beat: NodeJS.Timeout;
  #writing: Promise<unknown> = Promise.resolve();
  #delivered = 0;
  #told = 0;
  #details: JsonObject = {};
  /** By the clock that never jumps, and by the one that other processes see. */
  #leaseEnd = { steadyMs: 0, clockMs: 0 };
  #nudgedAtMs = performance.now();
  #end: 'closed' | 'left' | 'fault' | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.site.meters.add(this);
    this.#beat = setInterval(() => void this.take(0).catch(() => {}), BEAT_MS);
    this.#beat.unref();
  }

  /** Units that left. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Members of a receipt, as of the last write. */
  get details(): JsonObject {
    return this.#details;
  }

  /** Nothing more can be taken. */
  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** What was taken and did not leave was given back. */
  get hasLeft(): boolean {
    return this.#end === 'left';
  }

  /** False after a stall or a jump of the clock: what was taken may have been given back. */
  get holds(): boolean {
    const { steadyMs, clockMs } = this.#leaseEnd;
    return performance.now() < steadyMs && this.#parts.site.env().nowMs < clockMs;
  }

  /** One of the units that were taken is on its way. */
  count(): void {
    this.#delivered++;
  }

  /**
   * Takes up to so many units, durably. `undefined`: the session has ended, and nothing was taken.
   * @throws {Error} the store's fault
   */
  take(units: number): Promise<Metered | undefined> {
    return this.#inTurn(async () => {
      if (this.#end) return undefined;
      const { site, role, price, key } = this.#parts;
      try {
        const metered = await this.#change((stream) => (row) => role.meter(row, { price, units, stream }, site.env()));
        if (metered?.ask) site.questions.ask(metered.ask, { key, role });
        if (!metered) this.#end = 'closed';
        else if (metered.units > 0) site.bells.ring(key);
        return metered;
      } catch (error) {
        // Closed by the customer, expired, or stopped by the broker: nothing was written.
        if (!(error instanceof PaymentProblem)) throw error;
        this.#end = 'closed';
        return undefined;
      }
    });
  }

  /** Gives back what was taken and did not leave. Nothing may leave any more. */
  async leave(): Promise<void> {
    clearInterval(this.#beat);
    const { site, key, role } = this.#parts;
    site.meters.delete(this);
    await this.#inTurn(async () => {
      // After a fault nobody knows what is on the row: the stream is not heard of again, and what it held is free then.
      if (this.#end === 'fault' || this.#end === 'left') return;
      this.#end = 'left';
      await this.#change((stream) => (row) => role.leave(row, stream, site.env()));
    });
    site.bells.ring(key);
    site.redeemer.nudge();
  }

  async #change<Change extends Pick<Metered, 'next' | 'claims' | 'untilMs' | 'details'>>(
    changeOf: (stream: { id: string; done: number }) => (row: Metered['next']) => Change,
  ): Promise<Change | undefined> {
    const { site, key } = this.#parts;
    const done = this.#delivered - this.#told;
    const startedMs = performance.now();
    const clockMs = site.env().nowMs;
    try {
      const made = await site.store.changeSession(key, changeOf({ id: this.#id, done }));
      if (!made) return undefined;
      this.#told += done;
      this.#details = made.details;
      this.#leaseEnd = { steadyMs: startedMs + limits.streamLeaseMs, clockMs: clockMs + limits.streamLeaseMs };
      if (made.claims.length > 0 && startedMs - this.#nudgedAtMs > NUDGE_MS) {
        this.#nudgedAtMs = startedMs;
        site.redeemer.nudge();
      }
      return made;
    } catch (error) {
      if (!(error instanceof PaymentProblem)) this.#end = 'fault';
      throw error;
    }
  }

  #inTurn<Value>(run: () => Promise<Value>): Promise<Value> {
    const turn = this.#writing.then(run);
    this.#writing = turn.catch(() => {});
    return turn;
  }
}
