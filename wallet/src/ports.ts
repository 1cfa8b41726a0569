// What a host gives the engine: storage, the network, time and native code.
import type { Env, Json, Rsa, Stretch } from '@farthing/protocol';

/**
 * Storage of one wallet: documents by key. One engine owns it; several tabs or processes may share it.
 * Implementations: memory, IndexedDB with `durability: 'strict'` (extension), SQLite (Node).
 */
export interface WalletStore {
  read(keys: readonly string[]): Promise<(Json | undefined)[]>;
  /**
   * One atomic, durable step: reads the keys, calls `change` synchronously (perhaps more than once), writes what it
   * puts (`undefined` deletes). A throw writes nothing and is passed on. Keys that are put must be among `keys`.
   */
  update<Result>(
    keys: readonly string[],
    change: (docs: readonly (Json | undefined)[]) => Change<Result>,
  ): Promise<Result>;
  /** Documents whose key starts with the prefix, in key order, or backwards from `before` (exclusive) with `reverse`. */
  list(
    prefix: string,
    options?: { limit?: number; reverse?: boolean; before?: string },
  ): Promise<{ key: string; value: Json }[]>;
  /**
   * Erases what is left on disk of documents that were written over, as far as the storage can: called when secrets that lay
   * in the open were sealed. Absent where there is no way to.
   */
  scrub?(): Promise<void>;
}
export type Change<Result> = { readonly put: Readonly<Record<string, Json | undefined>>; readonly result: Result };

export type WalletPorts = {
  readonly store: WalletStore;
  readonly fetch: typeof globalThis.fetch;
  /** Called for each step, so that time and randomness are arguments. */
  readonly env: () => Env;
  /** Native RSA, where the host has some: coins are made and checked faster. */
  readonly rsa?: Rsa;
  /** The only kinds of money that this wallet pays with, by method; absent: all that it knows. */
  readonly only?: ReadonlySet<string>;
  /** `false`: coins for a site are prepared for one payment at a time, so that none of them stay behind. */
  readonly ahead?: false;
  /** Native Argon2id, likewise: a password takes a quarter of a second instead of one. */
  readonly stretch?: Stretch;
  /**
   * Memory that outlives the program's restarts but not the person's session, and is never on disk (`storage.session` of an
   * extension): an unlocked wallet keeps there what opens it. Without it each program asks for the password.
   */
  readonly session?: { read(): Promise<string | undefined>; write(text: string | undefined): Promise<void> };
};
