// The till of money that lies in pieces in a purse for each site: scrip, and chains of PayWord. A payment takes one piece.
import { type PayInput, PaymentProblem } from '@farthing/protocol';
import { move } from './context.ts';
import { creditRoom, isOn } from './credit.ts';
import { type Doc, keys } from './documents.ts';
import { fund } from './funding.ts';
import type { PaidMany } from './method.ts';
import { piecesOf } from './methods.ts';
import type { Found } from './offers.ts';
import { loseCoin } from './orders.ts';
import { confirmed, endChain, returned } from './pieces.ts';
import type { StoredCoin, Till } from './till.ts';
import { readOne } from './transaction.ts';

export const pieceTill: Till = {
  async able(ctx, found) {
    const [purse, money, credit] = await Promise.all([
      readOne(ctx.store, 'purse', found.purse),
      readOne(ctx.store, 'money', keys.money(found.brk)),
      readOne(ctx.store, 'credit', keys.credit),
    ]);
    const { request, stream, price } = found;
    const free = freeCoins(purse, found, credit);
    const ready = piecesOf(found.method.name).pick(free, { request, ...stream }, ctx.env().nowMs) !== undefined;
    const account = money?.accountMicro ?? 0n;
    const lent = found.fundings?.credit ? await creditRoom(ctx) : 0n;
    const isShort = !ready && account < price && lent < price;
    return { ready, shortMicro: isShort ? price - account : 0n };
  },

  async plan(ctx, found, shown) {
    const method = piecesOf(found.method.name);
    return {
      keys: [found.purse, keys.credit],
      take(tx, { id, httpMethod }) {
        const env = ctx.env();
        const purse = tx.get('purse', found.purse);
        const free = freeCoins(purse, found, tx.get('credit', keys.credit));
        const index = method.pick(free, shown, env.nowMs);
        const coin = index === undefined ? undefined : free[index];
        if (!purse || !coin) return 'short';
        const { amount, held, coins } = setAside(found, toppingUp(coin, free, found), { id, shown, httpMethod });
        tx.put('purse', found.purse, {
          ...purse,
          coins: purse.coins.flatMap((one) => (one === coin ? coins : [one])),
        });
        move(tx, found.brk, { coinsMicro: -held.micro, heldMicro: held.micro });
        return { amount, held, payload: method.pay(held.piece, shown, env), repeatUntilMs: coin.expiresAtMs };
      },
    };
  },

  fund,

  keysOf: () => [],

  accept(tx, ctx, { sent: { id, sending }, input }) {
    const purse = tx.need('purse', sending.purse);
    const method = piecesOf(purse.method);
    const change = method.accept(sending.coin.piece, input, ctx.env());
    const known = new Set(purse.coins.map(({ piece }) => method.idOf(piece)));
    if (change.some(({ piece }) => known.has(method.idOf(piece)))) {
      throw new PaymentProblem('receipt-invalid', { detail: 'the change is a coin that we have' });
    }
    const backMicro = change.reduce((sum, { micro }) => sum + micro, 0n);
    const put = () => {
      const rest = purse.coins.filter(({ holder }) => holder !== id);
      tx.put('purse', sending.purse, { ...purse, coins: [...confirmed(rest, method, sending), ...change] });
      move(tx, purse.brk, { heldMicro: -sending.coin.micro, coinsMicro: backMicro });
    };
    return { backMicro, put };
  },

  release(tx, ctx, { id, sending }, { code = '' }) {
    const purse = tx.need('purse', sending.purse);
    const method = piecesOf(purse.method);
    const coins = method.many
      ? returned(purse.coins, method, { coin: sending.coin, id, code, env: ctx.env() })
      : purse.coins.map(({ holder, ...coin }) => (holder === id || holder === undefined ? coin : { ...coin, holder }));
    tx.put('purse', sending.purse, { ...purse, coins });
    move(tx, purse.brk, { heldMicro: -sending.coin.micro, coinsMicro: sending.coin.micro });
  },

  lose(tx, _ctx, { id, sending }) {
    const lostMicro = loseCoin(tx, sending.purse, id);
    endChain(tx, sending);
    return lostMicro;
  },
};

/**
 * Sets money aside for a payment: the whole coin, or of a chain the price. The chain itself moves on at once, so that
 * no word is shown for two requests, and others can pay with it meanwhile.
 */
function setAside(
  { method, price, challenge, url, stream }: Found,
  coin: StoredCoin,
  { id, shown, httpMethod }: { id: string; shown: PayInput; httpMethod: string },
): { amount: bigint; held: StoredCoin; coins: StoredCoin[] } {
  const { many } = method;
  if (!many) return { amount: price, held: coin, coins: [{ ...coin, holder: id }] };
  const { piece, micro, expiresAtMs } = coin;
  const next = many.advance(piece, shown);
  const amount = many.owed(next) - many.owed(piece);
  const lent = coin.credit ? { credit: true } : {};
  const held = { piece, micro: amount, expiresAtMs, ...lent, ...(stream ? { stream: true } : {}) };
  const last = { challenge, url, httpMethod };
  const rest = { ...coin, piece: next, micro: micro - amount, last };
  return { amount, held, coins: [rest, { ...held, holder: id }] };
}

/**
 * Coins that a payment may take. A stream shares its session with no other payment, so that it knows what it used; nor
 * with what one before it left of another chain, which the site takes first; and it begins in none that takes no more
 * chains, because it would stop where this one ends.
 */
export function freeCoins(
  purse: Doc<'purse'> | undefined,
  { method, stream }: Pick<Found, 'method' | 'stream'>,
  credit: Doc<'credit'> | undefined,
) {
  const coins = purse?.coins ?? [];
  const free = coins.filter((coin) => coin.holder === undefined && (coin.credit !== true || isOn(credit)));
  const { many } = method;
  if (!many) return free;
  const held = coins.filter((coin) => coin.holder !== undefined && (stream !== undefined || coin.stream === true));
  const busy = new Set(held.map(({ piece }) => many.sessionOf(piece)));
  const able = free.filter(({ piece }) => !busy.has(many.sessionOf(piece)));
  return stream === undefined ? able : able.filter((coin) => !isFull(many, coin) && !isAhead(many, coin, coins));
}

/** Does the session of a chain take no other after it? */
const isFull = (many: PaidMany, { piece }: StoredCoin): boolean => many.join(piece, piece) === undefined;

/** May the site take something of another chain, in the session that this one pays into? */
const isAhead = (many: PaidMany, { piece }: StoredCoin, coins: readonly StoredCoin[]): boolean =>
  coins.some(
    (one) => one.piece !== piece && many.sessionOf(one.piece) === many.sessionOf(piece) && many.ahead(one.piece) > 0n,
  );

/** A chain that the site does not know yet tops up the session that it keeps for us, where that can take it. */
export function toppingUp(
  coin: StoredCoin,
  coins: readonly StoredCoin[],
  { method: { many }, stream }: Pick<Found, 'method' | 'stream'>,
): StoredCoin {
  if (!many || many.isOpen(coin.piece) || many.isJoining(coin.piece)) return coin;
  const others = coins.filter((one) => one !== coin && one.ended !== true);
  const joining = others.filter(({ piece }) => many.isJoining(piece)).map(({ piece }) => many.sessionOf(piece));
  const open = others.filter(({ piece }) => many.isOpen(piece) && !joining.includes(many.sessionOf(piece)));
  const last = open.at(-1);
  const piece = last && many.join(coin.piece, last.piece);
  if (piece === undefined) return coin;
  const joined = { ...coin, piece };
  const isForStreams = !isFull(many, joined) && !isAhead(many, joined, coins);
  return stream === undefined || isForStreams ? joined : coin;
}
