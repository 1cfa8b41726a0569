// The contract of a till: how money of one kind is taken for a payment, and what becomes of it. The engine knows budgets,
// requests and outcomes; where money lies, and how much of it comes back, only its till knows.
import type { JsonObject, PayInput, Receipt } from '@farthing/protocol';
import type { Context } from './context.ts';
import type { Doc } from './documents.ts';
import type { Found } from './offers.ts';
import type { Transaction } from './transaction.ts';

export type StoredCoin = Doc<'purse'>['coins'][number];

type Entry = Doc<'journal'>;
export type Sending = NonNullable<Entry['sending']>;
/** A payment that was written down, and what it takes to send and settle it. */
export type Sent = { readonly id: string; readonly record: Entry['record']; readonly sending: Sending };

/** Money that was set aside for a payment, in the purse under the payment's id. */
export type Taken = {
  /** What the budgets are debited, in base units. */
  readonly amount: bigint;
  /** As the payment keeps it until it is settled; worth `amount` and what is to come back. */
  readonly held: StoredCoin;
  readonly payload: JsonObject;
  /** What the site is to be sent before, because it fits no header: the payload refers to it. */
  readonly posted?: string;
  /** Until then the same credential may read the page again. */
  readonly repeatUntilMs: number;
};

/** `keys`: documents that `take` touches, besides the counters of money. */
export type Taking = {
  readonly keys: readonly string[];
  /** `short`: no free money covers the price. `moved`: other steps were faster, look again. Both write nothing. */
  take(tx: Transaction, payment: { id: string; httpMethod: string }): Taken | 'short' | 'moved';
};

/** How the site said that nothing was charged; empty when the payment was never sent. */
export type Refusal = { readonly code?: string | undefined; readonly status?: number };

export type Need = {
  readonly site: string;
  /** Payments that wait for money of the same purse. */
  readonly waiting: number;
  /** How much would be good to have, and no more than that: what a stream needs. */
  readonly targetMicro?: bigint;
  readonly mostMicro?: bigint;
};

/** Each function but the first three is part of the one step that ends a payment. */
export interface Till {
  /** `ready`: free money covers the price now. `shortMicro`: what a top-up has to bring before it can be paid; 0: nothing. */
  able(ctx: Context, found: Found): Promise<{ readonly ready: boolean; readonly shortMicro: bigint }>;
  /** Reads what the step will need. Asks nobody. */
  plan(ctx: Context, found: Found, shown: PayInput): Promise<Taking>;
  /**
   * Gets money that covers the price: finishes what was begun before, else orders some.
   * @throws {PaymentProblem} `funds-short`, `broker-unreachable` (the order stays and is finished later), the broker's refusal
   */
  fund(ctx: Context, found: Found, need: Need): Promise<void>;
  /** Documents that the functions below touch, besides the purse and the counters of money. */
  keysOf(ctx: Context, sent: Sent): readonly string[];
  /**
   * Checks a receipt. @returns base units that come back, and what puts them away and takes the rest out of what is held
   * @throws {PaymentProblem} `receipt-invalid`
   */
  accept(
    tx: Transaction,
    ctx: Context,
    paid: { readonly sent: Sent; readonly input: PayInput & { readonly receipt: Receipt } },
  ): { readonly backMicro: bigint; put(): void };
  /** The payment was not charged: its money is free again. */
  release(tx: Transaction, ctx: Context, sent: Sent, refusal: Refusal): void;
  /** The site says that the money was spent before. @returns what was written off */
  lose(tx: Transaction, ctx: Context, sent: Sent): bigint;
}
