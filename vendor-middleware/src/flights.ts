// Payments being served: those of this process end with a promise, those of others are looked at in the store.
import { setTimeout as pause } from 'node:timers/promises';
import { limits } from '@farthing/protocol';
import type { VendorStore } from './store/port.ts';

const POLL_MS = [10, 20, 40, 80, 160] as const;

export class Flights {
  /** With a promise once somebody waits. */
  readonly #own = new Map<string, PromiseWithResolvers<void> | undefined>();
  readonly #watched = new Map<string, Promise<void>>();
  readonly #store: VendorStore;
  #isIdle: (() => void) | undefined;

  constructor(store: VendorStore) {
    this.#store = store;
  }

  get isFull(): boolean {
    return this.#own.size >= limits.openReservations;
  }

  /** Is this process serving it? Then it is no stale reservation, however long it takes. */
  has(id: string): boolean {
    return this.#own.has(id);
  }

  start(id: string): void {
    this.#own.set(id, undefined);
  }

  /** After its verdict is in the store. */
  end(id: string): void {
    this.#own.get(id)?.resolve();
    this.#own.delete(id);
    if (this.#own.size === 0) this.#isIdle?.();
  }

  get count(): number {
    return this.#own.size;
  }

  /** Resolves when none is being served here, or after `withinMs`. */
  async idle(withinMs: number): Promise<void> {
    if (this.#own.size === 0) return;
    const stop = new AbortController();
    const ended = new Promise<void>((resolve) => {
      this.#isIdle = resolve;
    });
    await Promise.race([ended, pause(withinMs, undefined, { signal: stop.signal }).catch(() => {})]);
    stop.abort();
  }

  /** Resolves when the payment has ended, or after `withinMs`; the caller looks again. */
  async watch(id: string, withinMs: number): Promise<void> {
    const own = this.#ownEnd(id);
    const stop = new AbortController();
    const late = pause(withinMs, undefined, { signal: stop.signal }).catch(() => {});
    await Promise.race([own ?? this.#poll(id, withinMs), late]);
    stop.abort();
  }

  #ownEnd(id: string): Promise<void> | undefined {
    if (!this.#own.has(id)) return undefined;
    const waited = this.#own.get(id) ?? Promise.withResolvers<void>();
    this.#own.set(id, waited);
    return waited.promise;
  }

  /** One poll for all who wait for the same payment in this process. */
  #poll(id: string, withinMs: number): Promise<void> {
    const running = this.#watched.get(id);
    if (running) return running;
    const poll = this.#look(id, withinMs).finally(() => this.#watched.delete(id));
    this.#watched.set(id, poll);
    return poll;
  }

  async #look(id: string, withinMs: number): Promise<void> {
    const end = performance.now() + withinMs;
    for (let turn = 0; performance.now() < end; turn++) {
      await pause(POLL_MS[Math.min(turn, POLL_MS.length - 1)]);
      if ((await this.#store.find(id))?.state !== 'reserved') return;
    }
  }
}
