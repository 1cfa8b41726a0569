// Public shapes about what brokers bill.
import type { Currency } from '@farthing/protocol';
import type { Invoice } from '@farthing/protocol/wallet';
import type { PaymentState } from './types.ts';

/** What a broker billed in a period; genuine, and it follows the one before. */
export type BilledPeriod = {
  readonly brk: string;
  /** Counts the invoices of this account from 1. */
  readonly number: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly currency: Currency;
  readonly billedMicro: bigint;
  /** Owed after it on credit; to be paid by `dueAtMs`. */
  readonly owedMicro: bigint;
  readonly dueAtMs: number;
  readonly lines: readonly BilledLine[];
  /** As the broker signed it. */
  readonly paper: Invoice;
};

/** `count`: cheques, or sessions on credit. */
export type BilledLine = {
  readonly vnd: string;
  readonly kind: 'cheques' | 'sessions';
  readonly totalMicro: bigint;
  readonly count: number;
};

/** An invoice with those of this wallet's payments that were shown to stand on it. */
export type ProvenPeriod = BilledPeriod & { readonly payments: readonly BilledPayment[] };

/**
 * `receipt`: hash of the broker's receipt, which stands under the root of the line of its site. `state`: as this wallet has it; of a
 * payment that its site called free (`failed_not_charged`) and took all the same, the invoice is what tells.
 */
export type BilledPayment = {
  readonly id: string;
  readonly state: PaymentState;
  readonly vnd: string;
  readonly amountMicro: bigint;
  readonly atMs: number;
  readonly url?: string;
  readonly receipt: string;
};
