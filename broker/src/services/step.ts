// What a service gets to work with: the books inside an open transaction, the broker's keys and settings, the moment.
import type { Env, Order } from '@farthing/protocol';
import type { Keys } from '../keys.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { FaucetMeter } from './faucet-meter.ts';
import type { Period } from './invoices.ts';
import type { EcashSettings, KeyMaker } from './keysets.ts';

export type Settings = {
  readonly name: string;
  /** Test mode: demo money, open registration, loopback origins. */
  readonly test: boolean;
  readonly registration: 'open' | 'invite';
  /** Demo money one request may ask for, in base units. */
  readonly faucetMicro: bigint;
  /** Credit that any account gets when it asks for a certificate: test mode only, else the operator grants each line. */
  readonly creditMicro: bigint;
  /** What the broker keeps of PayWord claims, in hundredths of a percent. */
  readonly paywordFeeBps: number;
  /** Credit: a site reports one payment in so many base units. */
  readonly pollMicro: bigint;
  /** Absent: this broker makes no coins. */
  readonly ecash?: EcashSettings;
  /** Credit: how often customers get an invoice, and how many days they have to pay it. */
  readonly invoicePeriod: Period;
  readonly invoiceDueDays: number;
};

export type Step = {
  readonly ledger: Ledger;
  readonly keys: Keys;
  readonly settings: Settings;
  readonly faucet: FaucetMeter;
  readonly keyMaker: KeyMaker;
  readonly env: Env;
  /** One line for the operator, without secrets. */
  readonly log: (line: string) => void;
};

/** A step that answers one order, whose signature was checked. */
export type OrderStep = Step & { readonly order: Order; readonly ahead?: Ahead };

/** Blind signatures that were made before the transaction, by output. They leave with its answer or not at all. */
export type Ahead = ReadonlyMap<string, string>;

export const secondsOf = (ms: number): number => Math.floor(ms / 1000);
