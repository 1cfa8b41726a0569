// One of Farthing's payment methods as the benchmark sees it. A new one is a folder here and a line in index.ts: no job
// knows a method by name. The parts are loaded one by one, so that a process holds what it needs and no more.
import { randomUUID } from 'node:crypto';
import type { Person } from '@farthing/broker/testing';
import type { Order } from '@farthing/protocol';
import type { FarthingOptions, VendorStore } from '@farthing/vendor';
import type { Payer, Setup } from '../walls/wall.ts';

export type Method = {
  readonly site: Pick<FarthingOptions, 'methods' | 'payword' | 'ecash' | 'cheque'>;
  /** For walls of a method that pays by the unit. */
  readonly unit?: string;
  /** The wallet's engine pays sites with it. */
  readonly wallets: boolean;
  /** Wallets pay single pages with it, as browsers do when somebody follows a link. */
  readonly pages: boolean;
  /** It can pay streams as they run. */
  readonly streams: boolean;
  /** What is checked off the event loop: so many of these in a payment of the page. */
  readonly proves?: { readonly thing: string; readonly each: number };
  /** In the load's process: who pays. */
  payer(): Promise<(url: string, setup: Setup) => Promise<Payer>>;
  /** Absent: all that it does takes somebody else. */
  kernels?(): Promise<() => readonly Kernel[]>;
  facts?(): Promise<readonly Fact[]>;
  /** Absent: it keeps nothing of its own, or what another method keeps. */
  past?(): Promise<Past>;
};

/** Work of the protocol alone, without HTTP and storage, to be repeated on one core. */
export type Kernel = {
  readonly name: string;
  /** What is counted. */
  readonly unit: string;
  /** How many of it one run does. */
  readonly per: number;
  run(): void;
};

/** A figure that is no time, such as bytes on the wire. */
export type Fact = { readonly name: string; readonly unit: string; readonly value: number };

/** What a site must not forget, as long as it is good. */
export type Past = {
  readonly thing: 'spent' | 'session';
  /** How many of them a large site has. */
  readonly many: number;
  /** Writes so many through the store's port, as payments stand there once they are over, only faster. */
  fill(store: VendorStore, count: number): Promise<void>;
};

// ── at the broker ───────────────────────────────────────────────────────────────────────────────────────────────────

export type Office = {
  /** Talks to the broker. Has more money than it can spend. */
  readonly rich: Person;
  /** Accounts with money, that sales go to in turn. Jobs add to it. */
  readonly buyers: readonly Person[];
  readonly quick: boolean;
  /** How often `round` is called at most. */
  readonly rounds: number;
};

export type Post = { readonly path: string; readonly order: Order };

/** Orders that can be sent: those of one lane follow each other. `done`: how many of the trade's units they are. */
export type Round = { readonly lanes: readonly (readonly Post[])[]; readonly done: number };

export type Trade = {
  /** Below `broker/<method>/`. */
  readonly name: string;
  readonly unit: string;
  /** What is done beside: so many of another unit with each. */
  readonly also?: { readonly name: string; readonly unit: string; readonly each: number };
  round(): Promise<Round>;
};

export type Trades = { readonly sales: Trade; readonly others: readonly Trade[] };

/** No broker registers a name twice. */
export const freshName = (kind: string): string => `${kind}-${randomUUID().slice(0, 8)}.example`;

/** Connections of a trade that has no order of its own. */
export const LANES = 64;
/** A claim is a total: it stands for as many payments as came since the last. As many as a coin of scrip pays here. */
export const PAYMENTS_OF_A_CLAIM = 20;

/** The items one after the other, to as many lanes as there are. */
export function spread<Item>(items: readonly Item[], lanes = LANES): Item[][] {
  const all = Array.from({ length: Math.min(lanes, items.length) }, (): Item[] => []);
  for (const [i, item] of items.entries()) all[i % all.length]?.push(item);
  return all;
}
