// What a service gets to work with: the books inside an open transaction, the broker's keys and settings, the moment.
import type { Env, Order } from '@farthing/protocol';
import type { Keys } from '../keys.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { FaucetMeter } from './faucet-meter.ts';
import type { KeyWishes } from './key-wishes.ts';
import type { Settings } from './settings.ts';

export type Step = {
  readonly ledger: Ledger;
  readonly keys: Keys;
  readonly settings: Settings;
  readonly faucet: FaucetMeter;
  readonly keyWishes: KeyWishes;
  readonly env: Env;
  /** One line for the operator, without secrets. */
  readonly log: (line: string) => void;
};

/** A step that answers one order, whose signature was checked. */
export type OrderStep = Step & { readonly order: Order; readonly ahead?: Ahead };

/** Blind signatures that were made before the transaction, by output. They leave with its answer or not at all. */
export type Ahead = ReadonlyMap<string, string>;
