// Goods that are not what was promised: the broker opens the ciphertext with the key that it kept, and gives the money back when it
// sees the same.
import {
  canonicalJson,
  decode,
  type Json,
  type JsonObject,
  limits,
  makeOrder,
  type Order,
  PaymentProblem,
  parseJson,
  readAnswer,
  toBase64url,
  utf8,
} from '@farthing/protocol';
import { chequeDisputeResult } from '@farthing/protocol/wallet';
import { problemOf, readBounded } from '../broker.ts';
import { type Context, move } from '../context.ts';
import { keys } from '../documents.ts';
import { inPayment, needPayment, recordIn, sentIn } from '../sent.ts';
import type { Disputed } from '../types.ts';
import { writtenIn } from './book.ts';

/**
 * Shows the broker what was bought with a payment. Again, it says the same, and nothing more comes back.
 * @throws {PaymentProblem} `method-unsupported`: not paid with a cheque; `body-too-large`; the broker's refusal
 */
export async function disputeGoods(ctx: Context, id: string, ciphertext: Blob): Promise<Disputed> {
  const { sending } = await needPayment(ctx, id);
  if (sending.challenge.method !== 'cheque') {
    throw new PaymentProblem('method-unsupported', {
      detail: 'only the broker of a cheque has seen what was promised',
    });
  }
  if (ciphertext.size > limits.disputeBytes) throw new PaymentProblem('body-too-large');
  const { brk } = writtenIn(sending.coin.piece).cheque;
  const { result, answer } = await ask(ctx, brk, { body: await storedOrder(ctx, id), ciphertext });
  const { verdict, refunded } = decode(chequeDisputeResult, result, 'broker-untrusted');
  const record = await inPayment(ctx, id, (tx, { record: before, sending: stored }) => {
    tx.put('journal', keys.journal(id), { record: before, sending: { ...stored, verdict: answer } });
    const sent = sentIn(tx, id);
    if (refunded > 0n && sent.record.state === 'paid') {
      move(tx, brk, { seq: 1n, accountMicro: refunded, spentMicro: -refunded });
      const now = { ...sent.record, state: 'refunded' as const, balanceAfterMicro: ctx.total(tx) };
      tx.put('journal', keys.journal(id), { record: now, sending: sent.sending });
    }
    return recordIn(tx, id);
  });
  return { verdict, refundedMicro: refunded, record };
}

/** Stored before it is sent: a lost verdict is asked for again with the same bytes. */
function storedOrder(ctx: Context, id: string): Promise<string> {
  return inPayment(ctx, id, (tx, { record, sending }) => {
    const { cheque, cert } = writtenIn(sending.coin.piece);
    const members = { cheque: { ...cheque } as JsonObject, certExp: cert.exp };
    const dispute =
      sending.dispute ?? canonicalJson(makeOrder('cheque-dispute/1', members, ctx.secrets().seed, ctx.env()));
    tx.put('journal', keys.journal(id), { record, sending: { ...sending, dispute } });
    return dispute;
  });
}

async function ask(
  ctx: Context,
  brk: string,
  { body, ciphertext }: { body: string; ciphertext: Blob },
): Promise<{ result: JsonObject; answer: Json }> {
  const { url, keys: broker } = ctx.broker(brk);
  let response: Response;
  try {
    response = await ctx.ports.fetch(`${url}/v1/cheque/dispute`, {
      ...{ method: 'POST', redirect: 'error', credentials: 'omit', cache: 'no-store', body: ciphertext },
      headers: { 'content-type': 'application/octet-stream', 'farthing-order': toBase64url(utf8(body)) },
      signal: AbortSignal.timeout(limits.disputeMs),
    });
  } catch {
    throw new PaymentProblem('broker-unreachable', { detail: `no answer from ${new URL(url).origin}` });
  }
  const json = parseJson(await readBounded(response));
  if (response.status !== 200) throw problemOf({ status: response.status, json });
  const result = readAnswer(json, JSON.parse(body) as Order, { brk, root: broker.root }, ctx.env().crypto);
  return { result, answer: json as Json };
}
