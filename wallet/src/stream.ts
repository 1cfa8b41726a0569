// The money of a stream: one payment that grows with each word. What the site may take is set aside before the word is
// sent, what it says that it took is spent, and the rest returns when the stream has ended.
import { type Json, PaymentProblem, type Receipt, readPaymentMeter } from '@farthing/protocol';
import { type Context, keepEvidence, move } from './context.ts';
import { type Doc, keys } from './documents.ts';

import { piecesOf } from './methods.ts';
import { confirmed, endChain, endSession, putBack, type Stored } from './pieces.ts';
import { giveBack } from './rules.ts';
import { isSpared, markAgain, unknown } from './sent.ts';
import type { Sending, Sent } from './till.ts';
import type { Transaction } from './transaction.ts';
import type { MeterReading, Settled, SiteAnswer } from './types.ts';

export type StreamState = NonNullable<Sending['stream']>;
type Purse = Doc<'purse'>;
/** A stream's payment as one step changes it. */
type Books = { record: Sent['record']; sending: Sending; stream: StreamState; purse: Purse };

function open(tx: Transaction, { record, sending }: Sent): Books {
  if (!sending.stream) throw new PaymentProblem('storage-fault', { detail: 'a payment that is no stream' });
  return { record, sending, stream: sending.stream, purse: tx.need('purse', sending.purse) };
}

function write(tx: Transaction, ctx: Context, id: string, { record, sending, stream, purse }: Books): void {
  tx.put('purse', sending.purse, purse);
  const balanceAfterMicro = ctx.total(tx);
  tx.put('journal', keys.journal(id), { record: { ...record, balanceAfterMicro }, sending: { ...sending, stream } });
}

/** The site took the word of the current credential: the first opens the stream, the others keep it running. */
export function acknowledge(tx: Transaction, ctx: Context, sent: Sent, receipt: Receipt): void {
  const { id } = sent;
  const books = open(tx, sent);
  const { sending, stream, purse } = books;
  const method = piecesOf(purse.method);
  const isFirst = stream.known === undefined;
  const drawn = method.many?.drawn(receipt) ?? 0n;
  const { code: _, ...record } = sent.record;
  const { details, ...common } = receipt;
  if (isFirst) {
    const siteKey = keys.site(record.site ?? '');
    const site = tx.get('site', siteKey);
    if (site) tx.put('site', siteKey, { ...site, lastPaidAtMs: ctx.env().nowMs });
    markAgain(tx, ctx, sent, { state: 'stale' });
  }
  write(tx, ctx, id, {
    purse: { ...purse, coins: confirmed(purse.coins, method, sending) },
    sending: { ...sending, delivered: true, phase: 'held' },
    stream: { ...stream, known: sending.header.value, ...(isFirst ? { baseMicro: drawn } : {}) },
    record: {
      ...record,
      state: 'paid',
      ...(isFirst ? { amountMicro: 0n, units: 0 } : {}),
      reference: receipt.reference,
      receipt: { ...details, ...common },
    },
  });
}

/** An answer to a stream that the site has opened: a companion's, or a repeat's. */
export function settleStream(
  tx: Transaction,
  ctx: Context,
  sent: Sent,
  { answer, paid }: { answer: SiteAnswer; paid: () => Settled['outcome'] },
): Settled['outcome'] {
  const { sending, record } = sent;
  const { over, known } = open(tx, sent).stream;
  if (over) return record.state === 'failed_not_charged' ? 'not_charged' : 'paid';
  const isRepeat = known === sending.header.value;
  if (answer.status >= 200 && answer.status < 400) {
    return isRepeat ? 'paid' : paid();
  }
  // The answer to a HEAD has no body to name its problem.
  const { code = answer.status === 410 ? 'session-final' : '', consumed } = answer.problem ?? {};
  const { many, goneCodes } = piecesOf(sending.challenge.method);
  const isGone = consumed === true && goneCodes.has(code);
  if (!isRepeat && (isGone || isSpared(answer))) {
    withdraw(tx, ctx, sent, { code, lost: isGone });
    return 'not_charged';
  }
  if (isRepeat && many?.ended.has(code)) endSession(tx, ctx, sending);
  return unknown(tx, ctx, sent, { delivered: false, code });
}

/** The last word was refused: what it would have paid for is good again, or lost when it was shown by another wallet. */
function withdraw(tx: Transaction, ctx: Context, sent: Sent, { code, lost }: { code: string; lost: boolean }): void {
  const books = open(tx, sent);
  const { stream, sending, purse } = books;
  const { lastMicro, known = '' } = stream;
  const method = piecesOf(purse.method);
  const coins = lost
    ? takeFrom(purse.coins, sent.id, lastMicro, 'newest')
    : putBack(purse.coins, method, { holder: sent.id, micro: lastMicro });
  move(tx, purse.brk, { heldMicro: -lastMicro, ...(lost ? { lostMicro: lastMicro } : { coinsMicro: lastMicro }) });
  if (!lost) payBack(tx, sent, lastMicro);
  const lostMicro = (sent.record.lostMicro ?? 0n) + lastMicro;
  write(tx, ctx, sent.id, {
    purse: { ...purse, coins },
    sending: { ...sending, header: { ...sending.header, value: known }, phase: 'held' },
    stream: { ...stream, lastMicro: 0n, grantedMicro: stream.grantedMicro - lastMicro },
    record: lost ? { ...sent.record, lostMicro } : sent.record,
  });
  if (lost) endChain(tx, sending);
  else if (method.many?.ended.has(code)) endSession(tx, ctx, sending);
}

/**
 * What the site says of the session. It may be less than before: a unit that did not leave is no longer taken.
 * @throws {PaymentProblem} `receipt-invalid`: nothing was changed
 */
export function tell(tx: Transaction, ctx: Context, sent: Sent, reading: MeterReading): void {
  const books = open(tx, sent);
  const { stream, purse, record } = books;
  if (stream.over) return;
  const spent = reading.spentMicro > stream.baseMicro ? reading.spentMicro - stream.baseMicro : 0n;
  if (spent > stream.grantedMicro)
    throw new PaymentProblem('receipt-invalid', { detail: 'the meter shows what was not paid' });
  const more = spent - record.amountMicro;
  move(tx, purse.brk, { heldMicro: -more, spentMicro: more });
  const told: Books = {
    ...books,
    purse: { ...purse, coins: takeFrom(purse.coins, sent.id, more, 'oldest') },
    record: { ...record, amountMicro: spent, units: Number(spent / stream.priceMicro) },
  };
  const isOver = !reading.running && stream.known === books.sending.header.value;
  write(tx, ctx, sent.id, isOver ? finish(tx, sent, told) : told);
}

/** Nothing is delivered any more: what was set aside and not taken is good again. */
function finish(tx: Transaction, sent: Sent, books: Books): Books {
  const { purse, stream, record } = books;
  const left = stream.grantedMicro - record.amountMicro;
  const coins = putBack(purse.coins, piecesOf(purse.method), { holder: sent.id, micro: left });
  move(tx, purse.brk, { heldMicro: -left, coinsMicro: left });
  payBack(tx, sent, left);
  tx.drop(keys.pending(sent.id));
  return {
    ...books,
    purse: { ...purse, coins: coins.filter(({ holder }) => holder !== sent.id) },
    stream: { ...stream, over: true },
    record: { ...record, state: record.amountMicro === 0n ? 'failed_not_charged' : 'paid' },
  };
}

function payBack(tx: Transaction, { record, sending: { day } }: Sent, micro: bigint): void {
  const siteKey = keys.site(record.site ?? '');
  const site = tx.get('site', siteKey);
  if (site) tx.put('site', siteKey, giveBack(site, day, micro));
  const budget = tx.get('budget', keys.budget);
  if (budget) tx.put('budget', keys.budget, giveBack(budget, day, micro));
}

/** Takes an amount (when negative, puts one) out of what a stream has set aside. A site uses what was paid first. */
function takeFrom(coins: Stored, id: string, micro: bigint, from: 'oldest' | 'newest'): Stored {
  if (micro < 0n) return putInto(coins, id, -micro);
  let left = micro;
  const order = from === 'oldest' ? [...coins] : [...coins].reverse();
  const after = order.map((coin) => {
    if (coin.holder !== id) return coin;
    const part = coin.micro < left ? coin.micro : left;
    left -= part;
    return { ...coin, micro: coin.micro - part };
  });
  return from === 'oldest' ? after : after.reverse();
}

function putInto(coins: Stored, id: string, micro: bigint): Stored {
  const newest = coins.findLast(({ holder }) => holder === id);
  return coins.map((coin) => (coin === newest ? { ...coin, micro: coin.micro + micro } : coin));
}

/** Reads the meter of an answer and books it; a lie is kept as evidence, and believed in nothing. */
export function bookMeter(tx: Transaction, ctx: Context, sent: Sent, answer: SiteAnswer): MeterReading | undefined {
  const meter = readPaymentMeter(answer.meter);
  if (!meter || sent.sending.stream?.known === undefined) return undefined;
  const { spent, remaining, running } = meter;
  const reading = { spentMicro: spent, remainingMicro: remaining, running };
  try {
    tell(tx, ctx, sent, reading);
    return reading;
  } catch (error) {
    if (!(error instanceof PaymentProblem) || error.code !== 'receipt-invalid') throw error;
    const data: Json = { meter: answer.meter ?? '', credential: sent.sending.header.value };
    keepEvidence(tx, ctx.env(), { about: sent.id, what: error.message, data });
    return undefined;
  }
}
