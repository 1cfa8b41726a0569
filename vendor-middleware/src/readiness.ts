// Whether a site should be sent paying visitors, and its end: no new payments, and those that run come to theirs.
import { setTimeout as pause } from 'node:timers/promises';
import type { Flights } from './flights.ts';
import type { Redeemers } from './redeemers.ts';
import type { VendorStore } from './store/port.ts';

/** `store`: it does not answer; `claims`: as many as may wait for the broker; `draining`: the site is being closed. */
export type Unready = 'store' | 'claims' | 'draining';
export type Ready = { readonly ok: boolean; readonly reasons: readonly Unready[] };

/** A store that takes longer is lost for who waits. */
const STORE_MS = 2_000;
/** Handlers of paid requests get so long; a run that is cut off is resolved by a repeat of its credential. */
const DRAIN_MS = 5_000;

type Parts = { readonly store: VendorStore; readonly redeemer: Redeemers; readonly flights: Flights };

export class Readiness {
  readonly #parts: Parts;
  #isDraining = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Payments that nobody has seen yet are refused, unharmed; those that were paid before are answered again. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  async ready(): Promise<Ready> {
    const said: [Unready, boolean][] = [
      ['store', !(await this.#answers())],
      ['claims', this.#parts.redeemer.isFull],
      ['draining', this.#isDraining],
    ];
    const reasons = said.flatMap(([reason, isSo]) => (isSo ? [reason] : []));
    return { ok: reasons.length === 0, reasons };
  }

  /** Resolves when no payment is being served any more, or after some seconds. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    await this.#parts.flights.idle(DRAIN_MS);
  }

  async #answers(): Promise<boolean> {
    const stop = new AbortController();
    const late = pause(STORE_MS, false, { signal: stop.signal, ref: false }).catch(() => false);
    const read = this.#parts.store.readDoc('ready').then(
      () => true,
      () => false,
    );
    return Promise.race([read, late]).finally(() => stop.abort());
  }
}
