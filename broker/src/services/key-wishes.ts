// Keys that orders wait for: remembered until the background makes them.
import type { Currency } from '@farthing/protocol';

/** A keyset that is wanted. `vnd` empty: its coins go everywhere. */
export type Wanted = { readonly cur: Currency; readonly denom: bigint; readonly vnd: string };

export class KeyWishes {
  readonly #wished = new Map<string, Wanted>();
  readonly #onWish: () => void;

  constructor(onWish: () => void) {
    this.#onWish = onWish;
  }

  /** To be made in the next round. */
  add(wanted: readonly Wanted[]): void {
    for (const one of wanted) this.#wished.set(`${one.cur} ${one.denom} ${one.vnd}`, one);
    this.#onWish();
  }

  /** What was wished since it was asked for last. */
  take(): Wanted[] {
    const taken = [...this.#wished.values()];
    this.#wished.clear();
    return taken;
  }
}
