// Goods that are not what was promised: the customer sends back the ciphertext, the broker opens it with the key that it kept and
// sees for itself. No person is needed, and the signed answer is the verdict.
import { createHash } from 'node:crypto';
import { nativeAead } from '@farthing/node-kit';
import { fromBase64url, type JsonObject, limits, Opener, PaymentProblem } from '@farthing/protocol';
import { type Cheque, type chequeDisputeOrder, chequeHash } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import type { PaidCheque } from '../ledger/cheque.ts';
import { account } from '../ledger/journal.ts';
import type { AheadStep } from './ahead-step.ts';
import { giveBack, leftOf, theirs } from './cheque.ts';
import type { Ahead, OrderStep, Step } from './step.ts';

type Order = v.InferOutput<typeof chequeDisputeOrder>;
type Disputed = { readonly row: PaidCheque; readonly key: string; readonly goods: NonNullable<Cheque['goods']> };

/**
 * Reads and opens the ciphertext, a record at a time, for who has paid for it and nobody else.
 * @throws {PaymentProblem} `cheque-unknown`, `dispute-over`, `ciphertext-wrong`, `body-too-large`
 */
export async function openAhead(order: Order, step: AheadStep): Promise<Ahead> {
  const { key, goods } = await step.read((now) => disputed(order, now));
  const { body } = step;
  if (!body) throw new PaymentProblem('ciphertext-wrong');
  const sealed = createHash('sha256');
  const plain = createHash('sha256');
  const opener = new Opener(fromBase64url(key) ?? new Uint8Array(), nativeAead);
  let size = 0;
  let isReadable = true;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limits.disputeBytes) throw new PaymentProblem('body-too-large');
    sealed.update(chunk);
    const records: Uint8Array[] | undefined = isReadable ? opener.push(chunk) : undefined;
    isReadable = records !== undefined;
    for (const record of records ?? []) plain.update(record);
  }
  if (sealed.digest('base64url') !== goods.ct) throw new PaymentProblem('ciphertext-wrong');
  const last = isReadable ? opener.end() : undefined;
  return { opened: last ? { pt: plain.update(last).digest('base64url') } : {} };
}

/** @throws {PaymentProblem} `cheque-unknown`, `dispute-over`, `balance-short`: the site has not the money to give back */
export function settleDispute(order: Order, step: OrderStep): JsonObject {
  const { from, rid } = order;
  const { ledger, ahead } = step;
  const { row, goods } = disputed(order, step);
  const pt = ahead?.opened?.pt;
  const verdict = pt === undefined ? 'unreadable' : pt === goods.pt ? 'as-promised' : 'differs';
  const back = verdict === 'as-promised' ? 0n : leftOf(row);
  ledger.cheques.setRefund({ ...row, refunded: row.refunded + back, verdict });
  if (back > 0n) giveBack(row, back, { kind: 'cheque-dispute', order: { from, rid } }, step);
  const { cur } = row;
  return {
    verdict,
    ...(pt === undefined ? {} : { opened: pt }),
    refunded: back.toString(),
    balance: ledger.journal.shown(row.account, cur),
    cur,
  };
}

function disputed(order: Order, step: Step): Disputed {
  const { from, cheque } = order;
  theirs(order, step);
  const row = step.ledger.cheques.get(cheque.vnd, cheque.epoid);
  if (row?.account !== account.user(from)) throw new PaymentProblem('cheque-unknown');
  if (row.hash !== chequeHash(cheque, step.env.crypto)) throw new PaymentProblem('cheque-conflict');
  const { key } = row.receipt;
  const { goods } = cheque;
  const isOpen = key !== undefined && goods !== undefined && row.verdict === undefined;
  if (!isOpen) throw new PaymentProblem('dispute-over');
  return { row, key, goods };
}
