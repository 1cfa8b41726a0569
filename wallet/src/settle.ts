// What the site's answer to a paid request means for the money (wire §4, §5): paid, not charged, or unknown. Nothing
// is given back on a guess.
import {
  expiresAtMs,
  isProblemCode,
  type Json,
  PaymentProblem,
  type Receipt,
  readChallenges,
  readOpaque,
  readReceipt,
  readRequest,
} from '@farthing/protocol';
import { type Context, keepEvidence, move } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { toRecord } from './journal.ts';
import { type Coin, type Method, methodOf } from './methods.ts';
import { placeOf } from './offers.ts';
import { loseCoin } from './orders.ts';
import { giveBack } from './rules.ts';
import { readOne, type Transaction, transact } from './transaction.ts';
import type { Settled, SiteAnswer } from './types.ts';

type Entry = Doc<'journal'>;
export type Sending = NonNullable<Entry['sending']>;
type Sent = { readonly id: string; readonly record: Entry['record']; readonly sending: Sending };

/** A stored payment. @throws {PaymentProblem} `not-found` */
export async function needPayment(ctx: Context, id: string): Promise<Sent> {
  const entry = await readOne(ctx.store, 'journal', keys.journal(id));
  if (!entry?.sending) throw new PaymentProblem('not-found', { detail: `no payment ${id} in this wallet` });
  return { id, record: entry.record, sending: entry.sending };
}

/** One step over everything that a payment touches. `step` sees the payment as it is stored now. */
export async function withPayment(
  ctx: Context,
  id: string,
  step: (tx: Transaction, sent: Sent) => Settled['outcome'],
  moreKeys: readonly string[] = [],
): Promise<Settled> {
  const { record, sending } = await needPayment(ctx, id);
  const all = [
    keys.journal(id),
    keys.pending(id),
    keys.evidence(id),
    keys.budget,
    keys.site(record.site ?? ''),
    keys.fresh(originOf(record.url)),
    sending.again,
    sending.purse,
    ...ctx.moneyKeys(),
    ...moreKeys,
  ];
  const settled = await transact(ctx.store, all, (tx): Settled => {
    const now = tx.need('journal', keys.journal(id));
    if (!now.sending) throw new PaymentProblem('storage-fault');
    const outcome = step(tx, { id, record: now.record, sending: now.sending });
    return { record: toRecord(tx.need('journal', keys.journal(id)).record), outcome };
  });
  ctx.changed();
  return settled;
}

const originOf = (url: string | undefined): string => (url === undefined ? '' : new URL(url).origin);

export async function settle(ctx: Context, id: string, answer: SiteAnswer): Promise<Settled> {
  return withPayment(ctx, id, (tx, sent) => {
    if (sent.record.state === 'paid') return settleRepeat(tx, ctx, sent, answer);
    if (sent.record.state !== 'pending') return sent.record.state === 'failed_not_charged' ? 'not_charged' : 'paid';
    if (answer.status >= 200 && answer.status < 400) return settleSuccess(tx, ctx, sent, answer);
    const { code, consumed } = answer.problem ?? {};
    if (consumed === false && answer.status < 500) {
      release(tx, ctx, sent, code);
      return 'not_charged';
    }
    const gone = code !== undefined && methodOf(sent.sending.challenge.method).goneCodes.has(code);
    if (consumed === true && gone) return lose(tx, ctx, sent, { status: answer.status, code });
    return unknown(tx, ctx, sent, { delivered: false, code });
  });
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

function settleSuccess(tx: Transaction, ctx: Context, sent: Sent, answer: SiteAnswer): Settled['outcome'] {
  const { sending } = sent;
  if (answer.receipt === undefined) return unknown(tx, ctx, sent, { delivered: true });
  try {
    const { receipt, change } = checkReceipt(ctx, sent, answer.receipt);
    pay(tx, ctx, sent, { receipt, change });
    keepFresh(tx, ctx, sent, answer);
    return 'paid';
  } catch (error) {
    if (!(error instanceof PaymentProblem)) throw error;
    const data = { receipt: answer.receipt, credential: sending.header.value };
    keepEvidence(tx, ctx.env(), { about: sent.id, what: error.message, data });
    return unknown(tx, ctx, sent, { delivered: true, code: error.code });
  }
}

/** @throws {PaymentProblem} `receipt-invalid` */
function checkReceipt(
  ctx: Context,
  { record, sending }: Sent,
  text: string,
): { receipt: Receipt; change: readonly Coin[] } {
  const { challenge, coin, digest, httpMethod: method } = sending;
  const receipt = readReceipt(text);
  const request = readRequest(challenge);
  if (!receipt || !request) throw new PaymentProblem('receipt-invalid', { detail: 'it cannot be read' });
  // Stock servers leave challengeId out; the method's own proof binds the receipt to the challenge all the same.
  const foreign = receipt.challengeId !== '' && receipt.challengeId !== challenge.id;
  if (foreign || receipt.method !== challenge.method) {
    throw new PaymentProblem('receipt-invalid', { detail: 'it belongs to another payment' });
  }
  const { target } = placeOf({ url: record.url ?? '', method, site: record.site ?? '' });
  const change = methodOf(challenge.method).accept(
    coin.piece,
    { challenge, request, target, digest, receipt },
    ctx.env(),
  );
  const back = change.reduce((sum, { micro }) => sum + micro, 0n);
  if (back + record.amountMicro !== coin.micro) {
    throw new PaymentProblem('receipt-invalid', { detail: 'price and change do not add up to the coin' });
  }
  return { receipt, change };
}

function pay(tx: Transaction, ctx: Context, sent: Sent, got: { receipt: Receipt; change: readonly Coin[] }): void {
  const { id, record, sending } = sent;
  const purse = tx.need('purse', sending.purse);
  const method = methodOf(purse.method);
  const known = new Set(purse.coins.map(({ piece }) => method.idOf(piece)));
  const { receipt, change } = got;
  if (change.some(({ piece }) => known.has(method.idOf(piece)))) {
    throw new PaymentProblem('receipt-invalid', { detail: 'the change is a coin that we have' });
  }
  const rest = purse.coins.filter(({ holder }) => holder !== id);
  tx.put('purse', sending.purse, { ...purse, coins: [...confirmed(rest, method, sending), ...change] });
  const back = change.reduce((sum, { micro }) => sum + micro, 0n);
  move(tx, purse.brk, { heldMicro: -sending.coin.micro, coinsMicro: back, spentMicro: record.amountMicro });
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

type Stored = Doc<'purse'>['coins'];

/** The site knows the session now: later payments need not carry its opening. */
function confirmed(coins: Stored, { many, idOf }: Method, { coin }: Sending): Stored {
  if (!many) return coins;
  const id = idOf(coin.piece);
  return coins.map((one) =>
    one.holder === undefined && idOf(one.piece) === id ? { ...one, piece: many.confirm(one.piece) } : one,
  );
}

type Payee = { readonly coin: Coin; readonly id: string; readonly code: string };

/** What a payment set aside goes back to its chain, which the site may have ended. Its words stay shown. */
function returned(coins: Stored, { many, idOf }: Method, { coin, id, code }: Payee): Stored {
  if (!many) return coins;
  const chain = idOf(coin.piece);
  const isRest = (one: Stored[number]) => one.holder === undefined && idOf(one.piece) === chain;
  // The chain has expired meanwhile: what comes back expires with it.
  if (!coins.some(isRest)) {
    return coins.map(({ holder, ...one }) => {
      if (holder === id) return { ...one, ended: true };
      return holder === undefined ? one : { ...one, holder };
    });
  }
  return coins
    .filter(({ holder }) => holder !== id)
    .map((one) => {
      if (!isRest(one)) return one;
      const piece = many.giveBack(one.piece, coin.micro);
      return { ...one, piece, micro: one.micro + coin.micro, ...(many.ended.has(code) ? { ended: true } : {}) };
    });
}

/** Another copy of this wallet has spent from the chain: no more is lost on it, and the rest returns when it expires. */
function endChain(tx: Transaction, { purse: key, coin }: Sending): void {
  const purse = tx.need('purse', key);
  const { many, idOf } = methodOf(purse.method);
  if (!many) return;
  const id = idOf(coin.piece);
  const coins = purse.coins.map((one) => (idOf(one.piece) === id ? { ...one, ended: true } : one));
  tx.put('purse', key, { ...purse, coins });
}

/** The coin is good again and the budgets get their money back. */
function release(tx: Transaction, ctx: Context, sent: Sent, code: string | undefined): void {
  const { id, sending } = sent;
  const purse = tx.need('purse', sending.purse);
  const method = methodOf(purse.method);
  const coins = method.many
    ? returned(purse.coins, method, { coin: sending.coin, id, code: code ?? '' })
    : purse.coins.map(({ holder, ...coin }) => (holder === id || holder === undefined ? coin : { ...coin, holder }));
  tx.put('purse', sending.purse, { ...purse, coins });
  move(tx, purse.brk, { heldMicro: -sending.coin.micro, coinsMicro: sending.coin.micro });
  notCharged(tx, ctx, sent, code);
}

/** Ends a payment that moved no money; the coin has been dealt with. */
export function notCharged(tx: Transaction, ctx: Context, sent: Sent, code: string | undefined): void {
  const { id, record, sending } = sent;
  const siteKey = keys.site(record.site ?? '');
  const site = tx.get('site', siteKey);
  if (site) tx.put('site', siteKey, giveBack(site, sending.day, record.amountMicro));
  const budget = tx.get('budget', keys.budget);
  if (budget) tx.put('budget', keys.budget, giveBack(budget, sending.day, record.amountMicro));
  tx.drop(keys.pending(id));
  // A challenge that was kept from an earlier page may have died; the fresh one may be paid without asking, once.
  // The same holds for a session that the site had acknowledged and has ended since.
  const many = methodOf(sending.challenge.method).many;
  const over = code !== undefined && many?.ended.has(code) === true && many.isOpen(sending.coin.piece);
  const stale = over || (sending.preempted && code !== undefined && STALE.has(code));
  markAgain(tx, ctx, sent, { state: stale ? 'stale' : 'failed', ...(code === undefined ? {} : { code }) });
  tx.put('journal', keys.journal(id), {
    record: {
      ...record,
      state: 'failed_not_charged',
      ...(isProblemCode(code) ? { code } : {}),
      balanceAfterMicro: ctx.total(tx),
    },
    sending,
  });
}
const STALE = new Set(['challenge-expired', 'challenge-mismatch', 'challenge-reused']);

/**
 * The site says that another credential spent this coin. It is worth nothing any more; if the site lies, its word is
 * the evidence, and what it never claims comes back from the broker. The budgets get nothing back.
 */
function lose(
  tx: Transaction,
  ctx: Context,
  sent: Sent,
  { status, code }: { status: number; code: string },
): Settled['outcome'] {
  const { id, record, sending } = sent;
  const lostMicro = loseCoin(tx, sending.purse, id);
  endChain(tx, sending);
  const data: Json = { credential: sending.header.value, status, code };
  keepEvidence(tx, ctx.env(), { about: id, what: 'the site says that the coin was spent before', data });
  tx.drop(keys.pending(id));
  markAgain(tx, ctx, sent, { state: 'failed', code });
  tx.put('journal', keys.journal(id), {
    record: {
      ...record,
      state: 'paid_not_delivered',
      ...(isProblemCode(code) ? { code } : {}),
      lostMicro,
      balanceAfterMicro: ctx.total(tx),
    },
    sending,
  });
  return 'paid';
}

function unknown(
  tx: Transaction,
  ctx: Context,
  sent: Sent,
  { delivered, code }: { delivered: boolean; code?: string | undefined },
): Settled['outcome'] {
  const { id, record, sending } = sent;
  markAgain(tx, ctx, sent, { state: 'unknown' });
  tx.put('journal', keys.journal(id), {
    record: { ...record, ...(isProblemCode(code) ? { code } : {}) },
    sending: { ...sending, phase: 'unknown', delivered: sending.delivered || delivered },
  });
  return 'unknown';
}

/** Only the payment that the entry names may change it: a later one for the same request has its own outcome. */
function markAgain(
  tx: Transaction,
  ctx: Context,
  { id, sending }: Sent,
  change: { state: Doc<'again'>['state']; code?: string },
): void {
  const again = tx.get('again', sending.again);
  if (again?.id === id) tx.put('again', sending.again, { ...again, ...change, atMs: ctx.env().nowMs });
}

const MOST_FRESH = 16;

/** One challenge for each scope: it pays the next page of this site with the first request. */
function keepFresh(tx: Transaction, ctx: Context, { record, sending }: Sent, answer: SiteAnswer): void {
  const key = keys.fresh(originOf(record.url));
  const paidTo = readRequest(sending.challenge)?.recipient;
  const nowMs = ctx.env().nowMs;
  let offers = (tx.get('fresh', key)?.offers ?? []).filter((offer) => offer.expiresAtMs > nowMs);
  // A session is paid with its opening challenge until that expires.
  const still = sending.challenge.intent === 'session' ? [sending.challenge] : [];
  for (const challenge of [...still, ...readChallenges(answer.challenges ?? [])]) {
    const { s: scope, p: pattern } = readOpaque(challenge);
    const expires = expiresAtMs(challenge);
    const usable =
      challenge.method === sending.challenge.method &&
      challenge.intent === sending.challenge.intent &&
      challenge.digest === undefined &&
      readRequest(challenge)?.recipient === paidTo;
    if (!usable || scope === undefined || pattern === undefined || expires === undefined || expires <= nowMs) continue;
    const { httpMethod } = sending;
    offers = offers.filter((offer) => offer.httpMethod !== httpMethod || offer.scope !== scope);
    offers.unshift({ challenge, httpMethod, scope, pattern, expiresAtMs: expires });
  }
  tx.put('fresh', key, { offers: offers.slice(0, MOST_FRESH) });
}

/** The host knows that this payment was never sent: everything is given back. */
export async function unsent(ctx: Context, id: string): Promise<void> {
  await withPayment(ctx, id, (tx, sent) => {
    if (sent.record.state === 'pending' && sent.sending.phase === 'held') {
      release(tx, ctx, sent, undefined);
      if (tx.get('again', sent.sending.again)?.id === id) tx.drop(sent.sending.again);
    }
    return 'not_charged';
  });
}
