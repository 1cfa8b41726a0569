// What the site's answer to a paid request means for the money (wire §4, §5): paid, not charged, or unknown. Nothing
// is given back on a guess.
import { PaymentProblem, type Receipt, readChallenges, readReceipt, readRequest } from '@farthing/protocol';
import { type Context, keepEvidence, move } from './context.ts';
import { keys } from './documents.ts';
import { keepFresh } from './fresh.ts';
import { lose, mayRepeat, release } from './give-back.ts';
import { methodOf, methods } from './methods.ts';
import { placeOf } from './offers.ts';
import { inPayment, isSpared, markAgain, recordIn, sentIn, unknown, withPayment } from './sent.ts';
import { acknowledge, bookMeter, settleStream } from './stream.ts';
import type { Sent } from './till.ts';
import { tillOf } from './tills.ts';
import type { Transaction } from './transaction.ts';
import type { Settled, SiteAnswer } from './types.ts';

export async function settle(ctx: Context, id: string, answer: SiteAnswer): Promise<Settled> {
  return inPayment(ctx, id, (tx, sent): Settled => {
    const outcome = settleAnswer(tx, ctx, sent, answer);
    const meter = outcome === 'paid' ? bookMeter(tx, ctx, sentIn(tx, id), answer) : undefined;
    return { record: recordIn(tx, id), outcome, ...(meter ? { meter } : {}) };
  });
}

function settleAnswer(tx: Transaction, ctx: Context, sent: Sent, answer: SiteAnswer): Settled['outcome'] {
  if (sent.sending.stream?.known !== undefined)
    return settleStream(tx, ctx, sent, { answer, paid: () => settleSuccess(tx, ctx, sent, answer) });
  if (sent.record.state === 'paid') return settleRepeat(tx, ctx, sent, answer);
  if (sent.record.state !== 'pending') return sent.record.state === 'failed_not_charged' ? 'not_charged' : 'paid';
  if (answer.status >= 200 && answer.status < 400) return settleSuccess(tx, ctx, sent, answer);
  const { code, consumed } = answer.problem ?? {};
  if (isSpared(answer)) {
    if (wantsProof(sent, answer)) return unknown(tx, ctx, sent, { delivered: false, code });
    release(tx, ctx, sent, { code, status: answer.status });
    return 'not_charged';
  }
  const gone = code !== undefined && methodOf(sent.sending.challenge.method).goneCodes.has(code);
  if (consumed === true && gone) return lose(tx, ctx, sent, { status: answer.status, code });
  return unknown(tx, ctx, sent, { delivered: false, code });
}

/** A credential that was settled before is only shown again. A site that will not honour it gets no second automatic payment. */
function settleRepeat(tx: Transaction, ctx: Context, sent: Sent, answer: SiteAnswer): Settled['outcome'] {
  if (answer.status >= 200 && answer.status < 400) keepFresh(tx, ctx, sent, answer);
  const again = tx.get('again', sent.sending.again);
  if (answer.status === 402 && again?.id === sent.id) {
    const code = answer.problem?.code ?? 'payment-required';
    tx.put('again', sent.sending.again, { ...again, state: 'failed', atMs: ctx.env().nowMs, code });
  }
  return 'paid';
}

/**
 * Another kind of money may take the place of this one, and a site that lies would have two payments. So it is asked for the
 * coin before (`resolve`): a site that gives it back has not spent it.
 */
function wantsProof(sent: Sent, { status, challenges = [], problem }: SiteAnswer): boolean {
  const { method } = sent.sending.challenge;
  if (status !== 402 || !canProve(method) || mayRepeat(sent, { status, code: problem?.code })) return false;
  return readChallenges(challenges).some((other) => other.method !== method && methods.has(other.method));
}

/** Money whose site signs that it gives it back. Sessions go on, coins and cheques only their broker can tell of. */
function canProve(name: string): boolean {
  const { money, many } = methodOf(name);
  return money === 'pieces' && many === undefined;
}

function settleSuccess(tx: Transaction, ctx: Context, sent: Sent, answer: SiteAnswer): Settled['outcome'] {
  const { sending } = sent;
  if (answer.receipt === undefined) return unknown(tx, ctx, sent, { delivered: true });
  try {
    const { receipt, put } = checkReceipt(tx, ctx, sent, answer.receipt);
    if (sending.stream) {
      acknowledge(tx, ctx, sent, receipt);
    } else {
      put();
      pay(tx, ctx, sent, receipt);
    }
    keepFresh(tx, ctx, sent, answer);
    return 'paid';
  } catch (error) {
    if (!(error instanceof PaymentProblem)) throw error;
    // Locked meanwhile: the same credential gets the same receipt, when its change can be read.
    if (error.code === 'wallet-locked') return unknown(tx, ctx, sent, { delivered: true });
    const data = { receipt: answer.receipt, credential: sending.header.value };
    keepEvidence(tx, ctx.env(), { about: sent.id, what: error.message, data });
    return unknown(tx, ctx, sent, { delivered: true, code: error.code });
  }
}

/** @throws {PaymentProblem} `receipt-invalid` */
function checkReceipt(tx: Transaction, ctx: Context, sent: Sent, text: string): { receipt: Receipt; put(): void } {
  const { record, sending } = sent;
  const { challenge, coin, digest, stream, httpMethod: method } = sending;
  const receipt = readReceipt(text);
  const request = readRequest(challenge);
  if (!receipt || !request) throw new PaymentProblem('receipt-invalid', { detail: 'it cannot be read' });
  // Stock servers leave challengeId out; the method's own proof binds the receipt to the challenge all the same.
  const foreign = receipt.challengeId !== '' && receipt.challengeId !== challenge.id;
  if (foreign || receipt.method !== challenge.method) {
    throw new PaymentProblem('receipt-invalid', { detail: 'it belongs to another payment' });
  }
  const { target } = placeOf({ url: record.url ?? '', method, site: record.site ?? '' });
  const units = stream && { units: stream.units };
  const input = { challenge, request, target, digest, receipt, ...units };
  const { backMicro, put } = tillOf(challenge.method).accept(tx, ctx, { sent, input });
  if (backMicro + (stream?.lastMicro ?? record.amountMicro) !== coin.micro) {
    throw new PaymentProblem('receipt-invalid', { detail: 'price and change do not add up to the coin' });
  }
  return { receipt, put };
}

function pay(tx: Transaction, ctx: Context, sent: Sent, receipt: Receipt): void {
  const { id, record, sending } = sent;
  const method = methodOf(sending.challenge.method);
  move(tx, tx.need('purse', sending.purse).brk, { spentMicro: record.amountMicro });
  const siteKey = keys.site(record.site ?? '');
  const site = tx.get('site', siteKey);
  if (site) tx.put('site', siteKey, { ...site, lastPaidAtMs: ctx.env().nowMs });
  tx.drop(keys.pending(id));
  // In a session each request is a purchase of its own; only one whose outcome is not known is shown again.
  markAgain(tx, ctx, sent, { state: method.many ? 'stale' : 'paid' });
  const { details, ...common } = receipt;
  const { change: _, ...proofs } = details;
  const { code: __, ...clean } = record;
  tx.put('journal', keys.journal(id), {
    record: {
      ...clean,
      state: 'paid',
      reference: receipt.reference,
      receipt: { ...proofs, ...common },
      balanceAfterMicro: ctx.total(tx),
    },
    sending: { ...sending, delivered: true },
  });
}

/** The host knows that this payment was never sent: everything is given back. */
export async function unsent(ctx: Context, id: string): Promise<void> {
  await withPayment(ctx, id, (tx, sent) => {
    if (sent.record.state === 'pending' && sent.sending.phase === 'held') {
      release(tx, ctx, sent, {});
      if (tx.get('again', sent.sending.again)?.id === id) tx.drop(sent.sending.again);
    }
    return 'not_charged';
  });
}
