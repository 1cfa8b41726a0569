// What the broker has signed about a cheque, whoever brought it: two words that contradict each other are evidence.
import { type Json, PaymentProblem, tryDecode } from '@farthing/protocol';
import { type ChequeReceipt, chequeReceiptSchema, cheque as role } from '@farthing/protocol/wallet';
import type { Context } from '../context.ts';
import { keys } from '../documents.ts';
import { inPayment } from '../sent.ts';
import type { Sent } from '../till.ts';
import { writtenIn } from './book.ts';

/** As many as evidence holds. */
const MOST = 4;

/**
 * Kept also when it is not what it should be.
 * @throws {PaymentProblem} `receipt-invalid`: the broker did not sign it, or not about this cheque
 */
export async function keepWord(ctx: Context, id: string, word: ChequeReceipt): Promise<void> {
  await inPayment(ctx, id, (tx, { record, sending }) => {
    const written = writtenIn(sending.coin.piece);
    const { root } = ctx.broker(written.cheque.brk).keys;
    if (!role.isWordAbout(word, written, root, ctx.env())) {
      throw new PaymentProblem('receipt-invalid', { detail: 'it is not the broker’s word about this cheque' });
    }
    const words = wordsIn(sending);
    if (words.some(({ sig }) => sig === word.sig) || words.length >= MOST) return;
    const all = [...words, word].map((one): Json => ({ ...one }));
    tx.put('journal', keys.journal(id), { record, sending: { ...sending, words: all } });
  });
}

export const wordsIn = ({ words = [] }: Sent['sending']): ChequeReceipt[] =>
  words.flatMap((word) => tryDecode(chequeReceiptSchema, word) ?? []);
