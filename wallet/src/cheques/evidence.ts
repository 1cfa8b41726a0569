// What this wallet can show of a payment by cheque: its papers as they were received.
import { isObject, PaymentProblem, parseJson, readRequest, tryDecode } from '@farthing/protocol';
import { type ChequeEvidence, type ChequeReceipt, chequeReceiptSchema, judgeEvidence } from '@farthing/protocol/wallet';
import type { Context } from '../context.ts';
import { sealedIn } from '../goods/sealed.ts';
import { vouchFor } from '../offers.ts';
import { needPayment } from '../sent.ts';
import type { Sent } from '../till.ts';
import { writtenIn } from './book.ts';
import { wordsIn } from './words.ts';

/** @throws {PaymentProblem} `not-found`; `method-unsupported`: it was not paid with a cheque; `site-unvouched` */
export async function chequeEvidence(ctx: Context, id: string): Promise<ChequeEvidence> {
  const { sending, record } = await needPayment(ctx, id);
  const { challenge, coin } = sending;
  if (challenge.method !== 'cheque') {
    throw new PaymentProblem('method-unsupported', { detail: 'only cheques leave papers that others can judge' });
  }
  const { cheque, cert } = writtenIn(coin.piece);
  const { vnd, brk } = cheque;
  const broker = ctx.broker(brk);
  const { origin } = new URL(record.url ?? '');
  const vendor = await vouchFor(ctx, { broker, brk, vnd, origin, offline: true });
  const request = readRequest(challenge);
  const offer = request && sealedIn({ request });
  const shown = typeof record.receipt === 'object' && record.receipt !== null ? record.receipt : {};
  const receipt = tryDecode(chequeReceiptSchema, 'receipt' in shown ? shown['receipt'] : undefined);
  const evidence: ChequeEvidence = {
    ...{ typ: 'cheque-evidence/1', broker: broker.keys, vendor },
    papers: {
      ...{ typ: 'dispute/1', cheque, cert, receipts: differing(receipt, wordsIn(sending)) },
      ...(offer ? { offer } : {}),
      ...verdictIn(sending),
    },
  };
  // Nobody is handed papers that prove nothing.
  judgeEvidence(evidence, { crypto: ctx.env().crypto });
  return evidence;
}

/** That of the site first; at most four. */
function differing(first: ChequeReceipt | undefined, words: readonly ChequeReceipt[]): ChequeReceipt[] {
  const all = first ? [first, ...words.filter(({ sig }) => sig !== first.sig)] : words;
  return all.slice(0, 4);
}

/** What the broker said of goods that it was shown. */
function verdictIn({ dispute, verdict }: Sent['sending']): Pick<ChequeEvidence['papers'], 'verdict'> {
  const order = parseJson(dispute ?? '');
  return isObject(order) && isObject(verdict) ? { verdict: { order, answer: verdict } } : {};
}
