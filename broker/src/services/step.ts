// What a service gets to work with: the books inside an open transaction, the broker's keys and settings, the moment.
import type { Logger } from '@farthing/node-kit';
import type { Env, JsonObject, Order, PaymentProblem } from '@farthing/protocol';
import type { Keys } from '../keys.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { PeerOrderRow } from '../ledger/peers.ts';
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
  readonly log: Logger;
};

/** A step that answers one order, whose signature was checked. */
export type OrderStep = Step & {
  readonly order: Order;
  /** What its signature covers: the order's name is the hash of it. */
  readonly signed: string;
  readonly ahead?: Ahead;
};

/** What is found out before the transaction, because it takes time or another broker. */
export type Ahead = {
  /** Blind signatures, by output. They leave with the answer or not at all. */
  readonly signatures?: ReadonlyMap<string, string>;
  readonly peer?: PeerSaid;
  /** Cheques whose signatures are good, by `nameOf`. */
  readonly genuine?: ReadonlySet<string>;
  /** A ciphertext was opened: digest of what came out, if anything did. */
  readonly opened?: { readonly pt?: string };
};

/** What another broker said to an order of ours. `refused`: it did nothing. */
export type PeerSaid =
  | { readonly kind: 'answered'; readonly ask: PeerOrderRow; readonly answer: string; readonly result: JsonObject }
  | { readonly kind: 'refused'; readonly problem: PaymentProblem };

/** What came with an order besides, as it comes. */
export type Body = AsyncIterable<Uint8Array>;
