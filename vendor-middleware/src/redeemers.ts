// One redeemer for each method that the site takes: a broker that refuses the claims of one does not hold up the others.
import type { Channel } from './channels.ts';
import { Redeemer, type RedeemerParts } from './redeemer.ts';

/** `claims`: paid since it was called; `waiting`: about how many are still to come. */
export type Redeeming = { readonly claims: number; readonly waiting: number };

export class Redeemers {
  readonly #parts: Omit<RedeemerParts, 'channel'>;
  readonly #all: Redeemer[];

  constructor(parts: Omit<RedeemerParts, 'channel'>, channels: readonly Channel[]) {
    this.#parts = parts;
    this.#all = channels.map((channel) => new Redeemer({ ...parts, channel }));
  }

  /** Claims of one more kind, from now on. */
  async add(channel: Channel): Promise<void> {
    const redeemer = new Redeemer({ ...this.#parts, channel });
    this.#all.push(redeemer);
    await redeemer.start();
  }

  /** More claims than the site may keep: it stops selling until the broker has paid. */
  get isFull(): boolean {
    return this.#all.some((redeemer) => redeemer.isFull);
  }

  /** What waits for the broker, of all kinds. */
  get waiting(): { readonly count: number; readonly sinceMs: number | undefined } {
    const all = this.#all.map((redeemer) => redeemer.waiting);
    const since = all.flatMap(({ sinceMs }) => (sinceMs === undefined ? [] : [sinceMs]));
    const sinceMs = since.length > 0 ? Math.min(...since) : undefined;
    return { count: all.reduce((sum, { count }) => sum + count, 0), sinceMs };
  }

  async start(): Promise<void> {
    for (const redeemer of this.#all) await redeemer.start();
  }

  /** There may be a new claim. */
  nudge(): void {
    for (const redeemer of this.#all) redeemer.nudge();
  }

  /** @throws {PaymentProblem} of the first that failed; the others went on */
  async redeemNow(onProgress?: (progress: Redeeming) => void): Promise<void> {
    let claims = 0;
    const told = (more: number) => {
      claims += more;
      onProgress?.({ claims, waiting: this.waiting.count });
    };
    const ended = await Promise.allSettled(this.#all.map((redeemer) => redeemer.redeemNow(told)));
    for (const result of ended) if (result.status === 'rejected') throw result.reason;
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((redeemer) => redeemer.close()));
  }
}
