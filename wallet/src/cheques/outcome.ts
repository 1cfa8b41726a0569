// What became of a cheque, when its site does not say: the broker knows, and it keeps the key of sealed goods.
import { decode, type JsonObject, makeOrder, printReceipt } from '@farthing/protocol';
import { type ChequeReceipt, chequeHash, chequeOutcomeResult, cheque as role } from '@farthing/protocol/wallet';
import { post } from '../broker.ts';
import type { Context } from '../context.ts';
import { release } from '../give-back.ts';
import { outcomeOf } from '../journal.ts';
import { needPayment, withPayment } from '../sent.ts';
import { settle } from '../settle.ts';
import type { Sent } from '../till.ts';
import type { Settled } from '../types.ts';
import { writtenIn } from './book.ts';
import { keepWord } from './words.ts';

/**
 * Asks the broker of a payment whose outcome is not known. One that it never saw stays open until it is too late for it: a minute
 * after the cheque has ended, as the broker refuses it for ever then. What a site served unasked it may claim for two days longer
 * than the certificate.
 * @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted`, `receipt-invalid`, `wallet-locked`
 */
export async function inquireCheque(ctx: Context, id: string): Promise<Settled> {
  const sent = await needPayment(ctx, id);
  const { cheque, cert } = writtenIn(sent.sending.coin.piece);
  const stays = () => withPayment(ctx, id, (_tx, now) => outcomeOf(now.record.state));
  if (sent.record.state !== 'pending') return stays();
  const members = { cheque: { ...cheque } as JsonObject, certExp: cert.exp };
  const order = makeOrder('cheque-outcome/1', members, ctx.secrets().seed, ctx.env());
  const broker = ctx.broker(cheque.brk);
  const posted = await post(ctx, broker, { path: '/v1/cheque/outcome', body: JSON.stringify(order) });
  if (posted.kind === 'refused') throw posted.problem;
  const { receipt } = decode(chequeOutcomeResult, posted.result, 'broker-untrusted');
  if (receipt) await keepWord(ctx, id, receipt);
  if (receipt?.result === 'paid') return settle(ctx, id, { status: 200, receipt: siteReceipt(ctx, sent, receipt) });
  if (receipt?.result !== 'refused') return stays();
  role.checkReceipt(receipt, { cheque, cert }, broker.keys.root, ctx.env());
  const { code = 'cheque-void' } = receipt;
  return withPayment(ctx, id, (tx, now) => {
    if (now.record.state !== 'pending') return outcomeOf(now.record.state);
    release(tx, ctx, now, { code, status: 402 });
    return 'not_charged';
  });
}

/** As the site would have said it. The engine checks the broker's word in it like in any other. */
function siteReceipt(ctx: Context, { sending }: Sent, receipt: ChequeReceipt): string {
  const { challenge, coin } = sending;
  const { key } = receipt;
  return printReceipt({
    status: 'success',
    method: challenge.method,
    timestamp: `${new Date(receipt.at * 1000).toISOString().slice(0, 19)}Z`,
    reference: chequeHash(writtenIn(coin.piece).cheque, ctx.env().crypto),
    challengeId: challenge.id,
    details: { receipt: { ...receipt }, ...(key === undefined ? {} : { key }) },
  });
}
