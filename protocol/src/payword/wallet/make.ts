// Making chains: fresh random ids and tips, and the commitments or orders that give them value.
import { toBase64url } from '../../core/bytes.ts';
import type { Env } from '../../core/crypto.ts';
import { limits } from '../../core/limits.ts';
import { merkleTree } from '../../core/merkle.ts';
import { signObject } from '../../core/sign.ts';
import { up } from '../chain.ts';
import { type ChainEntry, leafOf } from '../segments.ts';
import { type Anchor, type Commitment, type DayCert, deedId, type Ticket } from '../wire.ts';
import type { PaywordPiece } from './piece.ts';
import { Words } from './words.ts';

/** A chain of one's own. `tip` and `y1` are its secrets. */
export type OwnChain = { readonly anchor: Anchor; readonly tip: string; readonly y1?: string };

/** @throws {RangeError} our own mistake: n outside of the limits */
export function makeChain(n: number, { locked }: { locked: boolean }, env: Env): OwnChain {
  const most = locked ? limits.chainLengthDouble : limits.chainLength;
  if (!Number.isSafeInteger(n) || n < 1 || n > most) throw new RangeError(`n: expected 1…${most}`);
  const [id, tip, y1] = [env.random(16), env.random(32), env.random(32)];
  const { anchor } = new Words(tip, { kind: locked ? 'x' : 'payword', id }, n, env.crypto);
  const common = { id: toBase64url(id), n };
  if (!locked) return { anchor: { ...common, w0: toBase64url(anchor) }, tip: toBase64url(tip) };
  const yEnd = toBase64url(up(y1, id, { from: 1, to: n + 1 }, env.crypto));
  return { anchor: { ...common, x0: toBase64url(anchor), yEnd }, tip: toBase64url(tip), y1: toBase64url(y1) };
}

/** `n` words of `unit`; `cap` bounds the vendor's claim, in base units. `exp` in seconds, not after the certificate's. */
export type Terms = { readonly n: number; readonly unit: bigint; readonly cap: bigint; readonly exp: number };

/** Credit: signs a commitment to one fresh chain with the day key. */
export function commit(cert: DayCert, promise: Terms, daySeed: Uint8Array, env: Env): PaywordPiece {
  const chain = makeChain(promise.n, { locked: false }, env);
  const commitment = sign(cert, { chains: [entryOf(chain, promise.unit)] }, promise, { daySeed, env });
  return fresh({ commitment, cert, a: 0 }, chain.tip, env);
}

/** Credit in `m` segments under one signature: each piece can be handed to another device. `cap` holds for all together. */
export function commitSegments(
  cert: DayCert,
  promise: Terms & { m: number },
  daySeed: Uint8Array,
  env: Env,
): PaywordPiece[] {
  const chains = Array.from({ length: promise.m }, () => makeChain(promise.n, { locked: false }, env));
  const entries = chains.map((chain) => entryOf(chain, promise.unit));
  const tree = merkleTree(
    entries.map((entry) => leafOf(entry, env.crypto)),
    env.crypto,
  );
  const under = { root: toBase64url(tree.root), m: promise.m };
  const commitment = sign(cert, under, promise, { daySeed, env });
  return chains.map(({ tip }, a) => {
    const leaf = entries[a];
    if (!leaf) throw new Error('as many entries as chains');
    return fresh({ commitment, cert, a, leaf, path: (tree.paths[a] ?? []).map((node) => toBase64url(node)) }, tip, env);
  });
}

/** Prepaid: a ticket that the broker allotted for a chain of ours. */
export const pieceOf = (ticket: Ticket, { tip, y1 }: OwnChain, env: Env): PaywordPiece => ({
  ...fresh({ ticket, ...(y1 === undefined ? {} : { y1 }) }, tip, env),
  at: ticket.from - 1,
});

const fresh = (deed: PaywordPiece['deed'], tip: string, { crypto }: Env): PaywordPiece => ({
  deed,
  tip,
  at: 0,
  spent: '0',
  open: false,
  session: deedId(deed, crypto),
});

function entryOf({ anchor }: OwnChain, unit: bigint): ChainEntry {
  if (!('w0' in anchor)) throw new Error('commitments hold plain chains');
  return { id: anchor.id, n: anchor.n, unit: unit.toString(), w0: anchor.w0 };
}

function sign(
  { brk, vnd, sub, cur }: DayCert,
  over: Pick<Commitment, 'chains' | 'root' | 'm'>,
  { cap, exp }: Terms,
  { daySeed, env }: { daySeed: Uint8Array; env: Env },
): Commitment {
  const unsigned = { typ: 'commitment/1' as const, brk, vnd, sub, cur, ...over, cap: cap.toString(), exp };
  return { ...unsigned, sig: signObject(unsigned, daySeed, env.crypto) };
}
