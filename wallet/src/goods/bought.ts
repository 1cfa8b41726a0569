// What was bought sealed: the promise that was paid for, the key that came with the receipt, and the file that it went into. All of
// it is here, so a lost file is opened again from a ciphertext that anybody may fetch.
import { readRequest, type SealedOffer } from '@farthing/protocol';
import type { Context } from '../context.ts';
import { type Doc, keys } from '../documents.ts';
import { toRecord } from '../journal.ts';
import { listDocs, readOne, transact } from '../transaction.ts';
import type { PaymentRecord } from '../types.ts';
import { sealedIn } from './sealed.ts';

export type BoughtGoods = {
  readonly record: PaymentRecord;
  readonly offer: SealedOffer;
  /** Opens the ciphertext. Absent until the receipt has come (`resolve`). */
  readonly key?: string;
  /** Where a program saved them last. */
  readonly file?: string;
};

/** Newest first; what was not charged is not among them. */
export async function boughtGoods(ctx: Context): Promise<BoughtGoods[]> {
  const entries = await listDocs(ctx.store, 'journal', 'journal/', { reverse: true });
  const found: BoughtGoods[] = [];
  for (const { doc } of entries) {
    const offer = doc.record.state === 'failed_not_charged' ? undefined : offerOf(doc);
    if (!offer) continue;
    const key = keyIn(doc.record.receipt);
    const saved = await readOne(ctx.store, 'saved', keys.saved(doc.record.id));
    const file = saved && { file: saved.file };
    found.push({ record: toRecord(doc.record), offer, ...(key === undefined ? {} : { key }), ...file });
  }
  return found;
}

/** Remembers where the goods of a payment are. */
export async function savedGoods(ctx: Context, paymentId: string, file: string): Promise<void> {
  const { nowMs } = ctx.env();
  const saved = keys.saved(paymentId);
  await transact(ctx.store, [saved], (tx) => tx.put('saved', saved, { file, atMs: nowMs }));
}

function offerOf({ sending }: Doc<'journal'>): SealedOffer | undefined {
  const request = sending && readRequest(sending.challenge);
  return request && sealedIn({ request });
}

/** What the receipt of sealed goods carries. */
export function keyIn(receipt: unknown): string | undefined {
  const key = typeof receipt === 'object' && receipt !== null && 'key' in receipt ? receipt.key : undefined;
  return typeof key === 'string' ? key : undefined;
}
