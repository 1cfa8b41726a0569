// What a site holds to take cheques.
import type { DayCert } from '../../core/daycert.ts';
import type { Currency } from '../../core/money.ts';
import type { Capture } from '../wire.ts';

export type ChequeBroker = { readonly id: string; readonly url: string; readonly root: string };

export type ChequeKeys = {
  readonly vnd: string;
  readonly api: string;
  readonly brokers: readonly ChequeBroker[];
  readonly currencies: readonly Currency[];
  /** How the site lets itself be paid. */
  readonly captures: readonly Capture[];
  /** What it lets one customer of a broker spend in a day before the broker is asked, in base units. */
  readonly offlineMax: bigint;
  /** How well a customer must be identified: 0 password and code, 1 passkey, 2 a wallet's key. */
  readonly minLevel: 0 | 1 | 2;
  /** Certificates that were found genuine, by their texts: a customer shows the same one all day. */
  readonly genuine?: { get(text: string): DayCert | undefined; set(text: string, cert: DayCert): unknown };
};
