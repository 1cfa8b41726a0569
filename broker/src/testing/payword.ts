// PayWord by hand: chains, tickets, commitments and the claims for them, as wallets and sites would make them.
import { createHash } from 'node:crypto';
import {
  concat,
  fromBase64url,
  type JsonObject,
  limits,
  type Order,
  objectHash,
  sealBox,
  signObject,
  toBase64url,
} from '@farthing/protocol';
import { commit, commitSegments, type DayCert, makeChain, type OwnChain, type Ticket } from '@farthing/protocol/wallet';
import { type Bench, DAY_SECONDS, type Person, type Site, USD } from './client.ts';

/** What a site holds of a session: the deed, and who can make its words. */
export type Session = {
  readonly id: string;
  readonly deed: JsonObject;
  readonly unit: bigint;
  readonly first: number;
  word(i: number): string;
};
export type Claimed = { session: string; cum: string; last: JsonObject[]; deed?: JsonObject };

const bytes = (text: string): Uint8Array => fromBase64url(text) ?? new Uint8Array();

function step(tag: number, id: string, i: number, word: Uint8Array): Uint8Array {
  const index = new Uint8Array(4);
  new DataView(index.buffer).setUint32(0, i);
  return new Uint8Array(
    createHash('sha256')
      .update(concat(Uint8Array.of(tag), bytes(id), index, word))
      .digest(),
  );
}

export function wordOf({ anchor, tip }: OwnChain, i: number): string {
  let at = bytes(tip);
  for (let k = anchor.n; k > i; k--) at = step('x0' in anchor ? 2 : 1, anchor.id, k, at);
  return toBase64url(at);
}

/** The second lock at `i`. */
export function lockOf({ anchor, y1 = '' }: OwnChain, i: number): string {
  let at = bytes(y1);
  for (let k = 1; k < i; k++) at = step(3, anchor.id, k, at);
  return toBase64url(at);
}

export const chainOrder = (person: Person, chain: OwnChain, unit: bigint, more: JsonObject = {}): Order =>
  person.order('payword-buy/1', {
    anchor: chain.anchor,
    unit: unit.toString(),
    cur: USD,
    ttl: DAY_SECONDS,
    ...more,
  });

/** Buys a double-locked chain. */
export async function buyChain(person: Person, n: number, unit: bigint, locked = true): Promise<OwnChain> {
  const chain = makeChain(n, { locked }, person.bench.env());
  await person.bench.send('/v1/payword/buy', chainOrder(person, chain, unit));
  return chain;
}

export type Range = { vnd: string; first: number; last: number; auth?: 'hmac' | 'ed25519' };
export const ticketOrder = (person: Person, chain: OwnChain, { auth = 'ed25519', ...range }: Range): Order =>
  person.order('payword-tickets/1', { chainId: chain.anchor.id, auth, ...range });

export async function buyTicket(person: Person, chain: OwnChain, range: Range): Promise<Session> {
  const result = await person.bench.send('/v1/payword/tickets', ticketOrder(person, chain, range));
  return ticketSession(person.bench, chain, result['ticket'] as unknown as Ticket);
}

export function ticketSession(bench: Bench, chain: OwnChain, ticket: Ticket): Session {
  const y = chain.y1 === undefined ? {} : { y: lockOf(chain, ticket.from) };
  return {
    id: objectHash(ticket, bench.env().crypto),
    deed: { ticket, ...y },
    unit: BigInt(ticket.unit),
    first: ticket.from,
    word: (i) => wordOf(chain, i),
  };
}

export type Day = { readonly cert: DayCert; readonly seed: Uint8Array };

export const certOrder = (person: Person, vnd: string, limit: bigint, seed: Uint8Array): Order =>
  person.order('payword-cert/1', {
    vnd,
    pk: toBase64url(person.bench.env().crypto.publicKey(seed)),
    cur: USD,
    limit: limit.toString(),
  });

export async function certify(person: Person, vnd: string, limit: bigint): Promise<Day> {
  const seed = person.bench.env().random(32);
  const result = await person.bench.send('/v1/payword/cert', certOrder(person, vnd, limit, seed));
  return { cert: result['cert'] as unknown as DayCert, seed };
}

/** A commitment to `n` words of `unit`; `cap` is all of them when left out. */
export function commitTo(bench: Bench, day: Day, n: number, unit: bigint, cap = BigInt(n) * unit): Session {
  const { deed, tip } = commit(day.cert, { n, unit, cap, exp: day.cert.exp }, day.seed, bench.env());
  if (!('commitment' in deed)) throw new Error('expected a commitment');
  const { commitment, cert } = deed;
  const [chain] = commitment.chains ?? [];
  if (!chain) throw new Error('expected a chain');
  const id = objectHash(commitment, bench.env().crypto);
  const own = { anchor: { id: chain.id, n, w0: chain.w0 }, tip };
  return { id, deed: { commitment, cert }, unit, first: 1, word: (i) => wordOf(own, i) };
}

/** A commitment to `m` segments of `n` words, with one cap over all. */
export function commitParts(
  bench: Bench,
  day: Day,
  { m, n, unit, cap }: { m: number; n: number; unit: bigint; cap: bigint },
) {
  const pieces = commitSegments(day.cert, { m, n, unit, cap, exp: day.cert.exp }, day.seed, bench.env());
  return pieces.map(({ deed, tip }): Session => {
    if (!('commitment' in deed) || !deed.leaf) throw new Error('expected a segment');
    const { crypto } = bench.env();
    const segment = { typ: 'segment/1', commitment: objectHash(deed.commitment, crypto), a: deed.a };
    const own = { anchor: { id: deed.leaf.id, n, w0: deed.leaf.w0 }, tip };
    return { id: objectHash(segment, crypto), deed, unit, first: 1, word: (i) => wordOf(own, i) };
  });
}

/** The claim for all words up to `i`; `cum` may say something else. */
export function claimOf(
  session: Session,
  i: number,
  { cum, deed = true }: { cum?: bigint; deed?: boolean } = {},
): Claimed {
  const worth = BigInt(i - session.first + 1) * session.unit;
  return {
    session: session.id,
    cum: (cum ?? worth).toString(),
    last: [{ a: 0, i, w: session.word(i) }],
    ...(deed ? { deed: session.deed } : {}),
  };
}

const heads = new WeakMap<Site, string>();

export const wordsOrder = (site: Site, claims: readonly Claimed[], prev = heads.get(site) ?? ''): Order =>
  site.order('payword-redeem/1', { vnd: site.vnd, prev, claims: claims.map((claim) => ({ ...claim })) });

export type Paid = {
  sessions: { session: string; credited: string; alarm?: string; later?: boolean }[];
  balance: string;
};

export async function redeemWords(site: Site, ...claims: Claimed[]): Promise<Paid> {
  const order = wordsOrder(site, claims);
  const result = await site.bench.send('/v1/payword/redeem', order);
  heads.set(site, objectHash(order, site.bench.env().crypto));
  return result as unknown as Paid;
}

/** Signed by the site: so much was spent, words up to `i` were seen. */
export function closing(site: Site, session: Session, spent: bigint, i: number): JsonObject {
  const unsigned = {
    typ: 'close/1',
    vnd: site.vnd,
    session: session.id,
    last: [{ a: 0, i }],
    spent: spent.toString(),
    at: Math.floor(site.bench.env().nowMs / 1000),
  };
  return { ...unsigned, sig: signObject(unsigned, site.seed, site.bench.env().crypto) };
}

export const closeOrder = (
  person: Person,
  closings: JsonObject[],
  chain?: OwnChain,
  rest = chain ? 'refund' : 'keep',
): Order => person.order('payword-close/1', { closings, rest, ...(chain ? { chainId: chain.anchor.id } : {}) });

/** Shares a fresh K_VB with the broker. */
export function keyOrder(site: Site, key = site.bench.env().random(32)): Order {
  const box = sealBox(bytes(site.bench.public.box), key, `payword-key ${site.vnd}`, site.bench.env());
  return site.order('payword-key/1', { vnd: site.vnd, box: toBase64url(box) });
}

export const pollOrder = (site: Site, { sub }: DayCert, amount: bigint): Order =>
  site.order('payword-poll/1', { vnd: site.vnd, sub, cur: USD, amount: amount.toString() });

/** Past the end of all claims on what expires in a day. */
export const AFTER_WINDOW_MS = DAY_SECONDS * 1000 + limits.paywordWindowMs + 2 * limits.clockSkewMs;
