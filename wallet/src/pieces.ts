// Pieces of one purse: what a payment set aside goes back to, and what the end of a session does to its chains.
import type { Env } from '@farthing/protocol';
import type { Context } from './context.ts';
import type { Doc } from './documents.ts';
import type { PaidMany, PieceMethod } from './method.ts';
import { piecesOf } from './methods.ts';
import type { Coin } from './purse.ts';
import type { Sending } from './till.ts';
import type { Transaction } from './transaction.ts';

export type Stored = Doc<'purse'>['coins'];

/** The site knows the session now: later payments need not carry its opening. */
export function confirmed(coins: Stored, { many, idOf }: PieceMethod, { coin }: Sending): Stored {
  if (!many) return coins;
  const id = idOf(coin.piece);
  return coins.map((one) =>
    one.holder === undefined && idOf(one.piece) === id ? { ...one, piece: many.confirm(one.piece) } : one,
  );
}

/** Gives back to their chains what a payment set aside, newest first. What was shown stays shown. */
export function putBack(
  coins: Stored,
  { many, idOf }: PieceMethod,
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
export function returned(coins: Stored, { many, idOf }: PieceMethod, { coin, id, code, env }: Payee): Stored {
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
  const { many } = piecesOf(purse.method);
  if (!many) return;
  const coins = withoutSession(purse.coins, many, { piece: coin.piece, env: ctx.env() });
  tx.put('purse', key, { ...purse, coins });
}

/** Another copy of this wallet has spent from the chain: no more is lost on it, and the rest returns when it expires. */
export function endChain(tx: Transaction, { purse: key, coin }: Sending): void {
  const purse = tx.need('purse', key);
  const { many, idOf } = piecesOf(purse.method);
  if (!many) return;
  const id = idOf(coin.piece);
  const coins = purse.coins.map((one) => (idOf(one.piece) === id ? { ...one, ended: true, shared: true } : one));
  tx.put('purse', key, { ...purse, coins });
}
