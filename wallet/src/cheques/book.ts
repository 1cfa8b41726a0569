// Cheque books: day keys that the broker certified for a site, with the money that it keeps aside for what the site serves
// unasked. They lie in the site's purse, and so do the cheques whose outcome is not known yet.
import { type DayCert, daycertSchema, decode, h32, type Json, limits } from '@farthing/protocol';
import { type Cheque, chequeSchema, type cheque as role } from '@farthing/protocol/wallet';
import * as v from 'valibot';
import type { StoredCoin } from '../till.ts';

type Book = role.ChequeBook;

const bookSchema = v.object({ cert: daycertSchema, seed: h32 });
const writtenSchema = v.object({ cheque: chequeSchema, cert: daycertSchema, aside: v.boolean() });

/** `aside`: out of what was kept aside for the site, else straight from the account. */
export type Written = { readonly cheque: Cheque; readonly cert: DayCert; readonly aside: boolean };

/** What is aside in it comes back when the site can claim no more. */
export const bookCoin = (book: Book, micro: bigint): StoredCoin => ({
  piece: { cert: { ...book.cert }, seed: book.seed },
  micro,
  expiresAtMs: book.cert.exp * 1000 + limits.clockSkewMs + limits.chequeWindowMs,
});

export const bookIn = (piece: Json): Book => decode(bookSchema, piece, 'storage-fault');

export const writtenCoin = ({ cheque, cert, aside }: Written): StoredCoin => ({
  piece: { cheque: { ...cheque, ...(cheque.goods ? { goods: { ...cheque.goods } } : {}) }, cert: { ...cert }, aside },
  micro: BigInt(cheque.amount),
  expiresAtMs: cert.exp * 1000,
});

export const writtenIn = (piece: Json): Written => decode(writtenSchema, piece, 'storage-fault');

/** The coins with what a cheque took given back to its book. `undefined`: the book is gone. */
export function refilled(coins: readonly StoredCoin[], { cert: of }: Written, micro: bigint): StoredCoin[] | undefined {
  const isBook = ({ holder, piece }: StoredCoin) => {
    if (holder !== undefined) return false;
    const { cert } = bookIn(piece);
    return cert.sub === of.sub && cert.exp === of.exp;
  };
  if (!coins.some(isBook)) return undefined;
  return coins.map((coin) => (isBook(coin) ? { ...coin, micro: coin.micro + micro } : coin));
}

/** Books that cheques can be written in now, the fullest last. A book that is about to end is left alone. */
export function openBooks(
  coins: readonly StoredCoin[],
  nowMs: number,
): { readonly coin: StoredCoin; readonly book: Book }[] {
  return coins
    .filter(({ holder }) => holder === undefined)
    .map((coin) => ({ coin, book: bookIn(coin.piece) }))
    .filter(({ book }) => book.cert.exp * 1000 > nowMs + MARGIN_MS)
    .toSorted((a, b) => (a.coin.micro < b.coin.micro ? -1 : 1));
}
const MARGIN_MS = 60_000;
