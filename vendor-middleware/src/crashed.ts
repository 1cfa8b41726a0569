// Payments whose run was cut off between the first byte and its verdict. Whoever presents the change of such a payment
// has its receipt, so it went out with an answer below 400: the payment stands, and its claim can be booked.
import { limits, type Spend } from '@farthing/protocol';
import type { VendorStore } from './store/port.ts';

export class Crashed {
  readonly #store: VendorStore;
  readonly #idOf: Map<string, string>;

  private constructor(store: VendorStore, idOf: Map<string, string>) {
    this.#store = store;
    this.#idOf = idOf;
  }

  /** What an earlier run of the site left behind. */
  static async load(store: VendorStore): Promise<Crashed> {
    const open = await store.unsettled(limits.openReservations);
    return new Crashed(store, new Map(open.flatMap(({ id, mints }) => mints.map((key) => [key, id] as const))));
  }

  get isEmpty(): boolean {
    return this.#idOf.size === 0;
  }

  /** Call with instruments that were verified: only their holder can present them. */
  async settleBy(spends: readonly Spend[]): Promise<void> {
    for (const { key } of spends) {
      const id = this.#idOf.get(key);
      if (id === undefined) continue;
      await this.#store.settle(id, '', 'commit');
      this.#idOf.delete(key);
    }
  }
}
