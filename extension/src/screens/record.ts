// How one entry of the journal reads: its sign, its word, its colour.
import type { PaymentRecord } from '@farthing/wallet';
import type { Tone } from '../ui/parts.tsx';
import type { Key } from '../ui/t.ts';

/** Signed: what left is negative. What failed moved nothing, and buying site coins only changed its kind. */
export function amountOf({ kind, state, amountMicro }: PaymentRecord): bigint {
  if (state === 'failed_not_charged') return 0n;
  return kind === 'payment' ? -amountMicro : amountMicro;
}

/** Private coins that moved, and no site was paid with them. */
export const isCoinMove = ({ method, site }: PaymentRecord): boolean => method === 'ecash' && site === undefined;

export function kindKey(record: PaymentRecord): Key {
  const { kind, why } = record;
  if (!isCoinMove(record)) return KINDS[kind];
  if (kind === 'payment' && why !== 'gift') return 'kind_other_copy';
  return kind === 'refund' && why === 'deposit' ? 'kind_deposit' : COIN_KINDS[kind];
}
const KINDS = {
  payment: 'kind_payment',
  top_up: 'kind_top_up',
  purchase: 'kind_purchase',
  refund: 'kind_refund',
} as const;
const COIN_KINDS = {
  payment: 'kind_gift_given',
  top_up: 'kind_gift_received',
  purchase: 'kind_withdrawal',
  refund: 'kind_gift_back',
} as const;

/** A payment that went well needs no chip. */
export function stateChip({ state }: PaymentRecord): { key: Key; tone: Tone } | undefined {
  if (state === 'paid') return undefined;
  return CHIPS[state];
}
const CHIPS = {
  pending: { key: 'chip_pending', tone: 'warn' },
  failed_not_charged: { key: 'chip_failed', tone: 'bad' },
  paid_not_delivered: { key: 'chip_undelivered', tone: 'bad' },
  refunded: { key: 'chip_refunded', tone: 'ok' },
} as const;

export const stateKey = ({ state }: PaymentRecord): Key => (state === 'paid' ? 'chip_paid' : CHIPS[state].key);
