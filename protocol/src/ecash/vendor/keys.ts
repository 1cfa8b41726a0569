// What a site holds for coins.

import type { Rsa } from '../../core/rsa.ts';
import type { KnownKeysets } from '../checks.ts';

/** Keysets as their broker listed them. `hash` names the list: a wallet that sees another one refuses (it may be tagged). */
export type CoinList = { readonly hash: string; readonly keysets: KnownKeysets };

/**
 * `everywhere`: coins that are good at every site, so that this broker is asked before anything is delivered. `locked`: coins
 * that are good at this site alone. `root`: the broker's root key, h32.
 */
export type EcashBroker = {
  readonly id: string;
  readonly url: string;
  readonly root: string;
  readonly everywhere?: CoinList;
  readonly locked?: CoinList;
  /** The site's own broker, when that one clears with this one and is asked in its place. */
  readonly via?: string;
};

export type EcashKeys = {
  readonly vnd: string;
  readonly api: string;
  readonly brokers: readonly EcashBroker[];
  /** Native RSA where the host has it. */
  readonly rsa?: Rsa;
};
