// Serials for what this site mints itself, leased from the store in blocks: none is ever used twice, also not after a
// crash, which loses the rest of a block.
import { limits } from '@farthing/protocol';
import type { VendorStore } from './store/port.ts';

const BLOCK = 10_000n;

export class Serials {
  readonly #store: VendorStore;
  #next = 0n;
  #end = 0n;
  #lease: Promise<void> | undefined;

  constructor(store: VendorStore) {
    this.#store = store;
  }

  /** Can `take` be called now, or must a block be leased first? */
  get isReady(): boolean {
    return this.#next < this.#end;
  }

  take(): bigint {
    if (!this.isReady) throw new Error('a block is leased before serials are taken');
    return this.#next++;
  }

  /** One lease for all who wait for it. */
  lease(): Promise<void> {
    this.#lease ??= this.#more().finally(() => {
      this.#lease = undefined;
    });
    return this.#lease;
  }

  async #more(): Promise<void> {
    const first = await this.#store.lease('serial', BLOCK);
    if (first + BLOCK > limits.scripSerial) throw new Error('the serials of this site are used up');
    this.#next = first;
    this.#end = first + BLOCK;
  }
}
