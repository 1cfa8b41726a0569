// A piece of the wallet: one chain of a commitment or ticket with its secret tip, and how far it was spent.
import * as v from 'valibot';
import { toBase64url } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { amt0, h32, u32 } from '../../core/decode.ts';
import type { JsonObject } from '../../core/json.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { up } from '../chain.ts';
import type { ChainEntry } from '../segments.ts';
import { bytesOf, chainEntry, commitmentSchema, daycertSchema, ticketSchema } from '../wire.ts';
import { Words, wordsOf } from './words.ts';

const creditDeed = v.strictObject({
  commitment: commitmentSchema,
  cert: daycertSchema,
  /** Which chain of the commitment this piece holds; of a root, with its place in the tree. */
  a: u32,
  leaf: v.exactOptional(chainEntry),
  path: v.exactOptional(v.array(h32)),
});
const prepaidDeed = v.strictObject({
  ticket: ticketSchema,
  /** y[1], the secret of the second lock; absent for a plain chain. */
  y1: v.exactOptional(h32),
});

/** What a wallet stores, a broker's answer leads to, or another device hands over. Holds secrets. */
export const pieceSchema = v.strictObject({
  deed: v.union([creditDeed, prepaidDeed]),
  /** w[n] or x[n]: random, never derived from a seed and a counter, which a restored backup would repeat. */
  tip: h32,
  /** The highest index that may have been sent. */
  at: u32,
  /** Base units that the words sent so far are owed for. */
  spent: v.pipe(
    v.string(),
    v.check((s) => v.safeParse(amt0, s).success, 'a decimal string of base units'),
  ),
  /** The site has acknowledged the opening: payments need not carry it any more. */
  open: v.boolean(),
  /** The session that it pays into: that of its deed, or the one that it tops up. */
  session: h32,
  /** Top-ups: how many chains that session had before. */
  base: v.exactOptional(u32),
});
export type PaywordPiece = v.InferOutput<typeof pieceSchema>;

/** A piece's chain, whatever it rests on. */
export type Range = {
  readonly id: string;
  readonly unit: bigint;
  readonly lo: number;
  readonly to: number;
  readonly n: number;
};

export function rangeOf({ deed }: PaywordPiece): Range {
  if ('ticket' in deed) {
    const { chain, from, to, unit } = deed.ticket;
    return { id: chain.id, unit: BigInt(unit), lo: from - 1, to, n: chain.n };
  }
  const entry = chainOf(deed);
  return { id: entry.id, unit: BigInt(entry.unit), lo: 0, to: entry.n, n: entry.n };
}

function chainOf({ commitment, a, leaf }: v.InferOutput<typeof creditDeed>): ChainEntry {
  const entry = commitment.chains ? commitment.chains[a] : leaf;
  if (!entry) throw new PaymentProblem('storage-fault', { detail: 'the piece names no chain' });
  return entry;
}

export const termsOf = ({ deed }: PaywordPiece) => ('ticket' in deed ? deed.ticket : deed.commitment);

/** All that the piece can ever pay. */
export function faceOf(piece: PaywordPiece): bigint {
  const { unit, lo, to } = rangeOf(piece);
  const words = unit * BigInt(to - lo);
  const cap = 'ticket' in piece.deed ? words : BigInt(piece.deed.commitment.cap);
  return cap < words ? cap : words;
}

/** Names the piece among those of one wallet. */
export const chainIdOf = (piece: PaywordPiece): string => rangeOf(piece).id;

/** What the site may take by the words that were shown, in base units. */
export const shownOf = (piece: PaywordPiece): bigint => authorityOf(piece, piece.at);

/** How many words can still be shown, and what each is worth. */
export function wordsLeft(piece: PaywordPiece): { left: number; unit: bigint } {
  const { lo, to, unit } = rangeOf(piece);
  return { left: to - Math.max(piece.at, lo), unit };
}

/** What the site may take once it knows word `i`, in base units. */
export function authorityOf(piece: PaywordPiece, i: number): bigint {
  const { unit, lo } = rangeOf(piece);
  const words = unit * BigInt(Math.max(i - lo, 0));
  const face = faceOf(piece);
  return words < face ? words : face;
}

/** How many chains the deed of a piece brings into its session. */
export const chainsOf = ({ deed }: PaywordPiece): number =>
  'ticket' in deed ? 1 : (deed.commitment.chains?.length ?? 1);

/** Number of the piece's chain in its session. */
export const numberOf = ({ deed, base = 0 }: PaywordPiece): number =>
  base + ('ticket' in deed || !deed.commitment.chains ? 0 : deed.a);

/** Shows word i; with the whole opening until the site is known to have it. */
export function payload(piece: PaywordPiece, i: number, crypto: Crypto): JsonObject {
  const { deed, session, base } = piece;
  const word = toBase64url(wordAt(piece, i, crypto));
  const locked = 'ticket' in deed && 'x0' in deed.ticket.chain;
  const shown = locked ? { x: word } : { w: word };
  if (piece.open) {
    return { action: 'pay', session, a: numberOf(piece), i, ...shown };
  }
  const action = base === undefined ? { action: 'open' } : { action: 'topup', session };
  if ('commitment' in deed) return { ...action, ...deed, i, ...shown };
  const { ticket, y1 } = deed;
  if (y1 === undefined) return { ...action, ticket, i, ...shown };
  const y = up(bytesOf(y1), bytesOf(ticket.chain.id), { from: 1, to: ticket.from }, crypto);
  return { ...action, ticket, i, ...shown, y: toBase64url(y) };
}

function wordAt(piece: PaywordPiece, i: number, crypto: Crypto): Uint8Array {
  const { id, n } = rangeOf(piece);
  const kind = 'ticket' in piece.deed && 'x0' in piece.deed.ticket.chain ? 'x' : 'payword';
  const make = () => new Words(bytesOf(piece.tip), { kind, id: bytesOf(id) }, n, crypto);
  return wordsOf(`${kind} ${id} ${n} ${piece.tip}`, make).at(i);
}
