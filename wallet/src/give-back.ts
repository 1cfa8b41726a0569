// What happens to the money of a payment that was not charged, or whose coin is gone.
import { type Env, isProblemCode, type Json } from '@farthing/protocol';
import { type Context, keepEvidence, move } from './context.ts';
import { type Doc, keys } from './documents.ts';
import type { Method, PaidMany } from './method.ts';
import { methodOf } from './methods.ts';
import { loseCoin } from './orders.ts';
import type { Coin } from './purse.ts';
import { giveBack } from './rules.ts';
import { markAgain, type Sending, type Sent } from './sent.ts';
import type { Transaction } from './transaction.ts';
import type { Settled } from './types.ts';

export type Stored = Doc<'purse'>['coins'];

/** The site knows the session now: later payments need not carry its opening. */
export function confirmed(coins: Stored, { many, idOf }: Method, { coin }: Sending): Stored {
  if (!many) return coins;
  const id = idOf(coin.piece);
  return coins.map((one) =>
    one.holder === undefined && idOf(one.piece) === id ? { ...one, piece: many.confirm(one.piece) } : one,
  );
}

/** Gives back to their chains what a payment set aside, newest first. What was shown stays shown. */
export function putBack(
  coins: Stored,
  { many, idOf }: Method,
  { holder, micro }: { holder: string; micro: bigint },
): Stored {
  let left = micro;
  const back = new Map<string, bigint>();
  const chains = new Set(coins.filter((coin) => coin.holder === undefined).map(({ piece }) => idOf(piece)));
  const kept = [...coins].reverse().flatMap((coin) => {
    if (coin.holder !== holder || left === 0n) return [coin];
    const part = coin.micro < left ? coin.micro : left;
    left -= part;
    const chain = idOf(coin.piece);
    const held = { ...coin, micro: coin.micro - part };
    // The chain has expired meanwhile: what comes back expires with it.
    if (!chains.has(chain))
      return [{ piece: coin.piece, micro: part, expiresAtMs: coin.expiresAtMs, ended: true }, held];
    back.set(chain, (back.get(chain) ?? 0n) + part);
    return [held];
  });
  return kept.reverse().map((coin) => {
    const part = coin.holder === undefined ? back.get(idOf(coin.piece)) : undefined;
    return part && many ? { ...coin, piece: many.giveBack(coin.piece, part), micro: coin.micro + part } : coin;
  });
}

type Payee = { readonly coin: Coin; readonly id: string; readonly code: string; readonly env: Env };

/** What a payment set aside goes back to its chain, which the site may have ended. Its words stay shown. */
function returned(coins: Stored, { many, idOf }: Method, { coin, id, code, env }: Payee): Stored {
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
  const back = coins
    .filter(({ holder }) => holder !== id)
    .map((one) =>
      isRest(one) ? { ...one, piece: many.giveBack(one.piece, coin.micro), micro: one.micro + coin.micro } : one,
    );
  return many.ended.has(code) ? withoutSession(back, many, { piece: coin.piece, env }) : back;
}

/** The site has ended a session: its chains wait for their end, but for one that it never took. */
export function withoutSession(
  coins: Stored,
  many: PaidMany,
  { piece, env }: { piece: Coin['piece']; env: Env },
): Stored {
  const session = many.sessionOf(piece);
  return coins.map((one) => {
    if (one.holder !== undefined || many.sessionOf(one.piece) !== session) return one;
    return many.isJoining(one.piece) ? { ...one, piece: many.part(one.piece, env) } : { ...one, ended: true };
  });
}

/** The site takes no more in the session of this payment. */
export function endSession(tx: Transaction, ctx: Context, { purse: key, coin }: Sending): void {
  const purse = tx.need('purse', key);
  const { many } = methodOf(purse.method);
  if (!many) return;
  const coins = withoutSession(purse.coins, many, { piece: coin.piece, env: ctx.env() });
  tx.put('purse', key, { ...purse, coins });
}

/** Another copy of this wallet has spent from the chain: no more is lost on it, and the rest returns when it expires. */
export function endChain(tx: Transaction, { purse: key, coin }: Sending): void {
  const purse = tx.need('purse', key);
  const { many, idOf } = methodOf(purse.method);
  if (!many) return;
  const id = idOf(coin.piece);
  const coins = purse.coins.map((one) => (idOf(one.piece) === id ? { ...one, ended: true, shared: true } : one));
  tx.put('purse', key, { ...purse, coins });
}

/** The coin is good again and the budgets get their money back. */
export function release(tx: Transaction, ctx: Context, sent: Sent, refusal: Refusal): void {
  const { id, sending } = sent;
  const purse = tx.need('purse', sending.purse);
  const method = methodOf(purse.method);
  const coins = method.many
    ? returned(purse.coins, method, { coin: sending.coin, id, code: refusal.code ?? '', env: ctx.env() })
    : purse.coins.map(({ holder, ...coin }) => (holder === id || holder === undefined ? coin : { ...coin, holder }));
  tx.put('purse', sending.purse, { ...purse, coins });
  move(tx, purse.brk, { heldMicro: -sending.coin.micro, coinsMicro: sending.coin.micro });
  notCharged(tx, ctx, sent, refusal);
}

/** How the site said that nothing was charged; empty when the wallet knows by itself. */
type Refusal = { readonly code?: string | undefined; readonly status?: number };

/** Ends a payment that moved no money; the coin has been dealt with. */
export function notCharged(tx: Transaction, ctx: Context, sent: Sent, { code, status }: Refusal): void {
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
  const over =
    code !== undefined &&
    many?.ended.has(code) === true &&
    (many.isOpen(sending.coin.piece) || many.isJoining(sending.coin.piece));
  // A page that failed may be tried again: the site did not refuse the payment.
  const failed = status !== undefined && status !== 402 && code === undefined;
  const stale = over || failed || (sending.preempted && code !== undefined && STALE.has(code));
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
export function lose(
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
