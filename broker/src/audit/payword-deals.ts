// Chains and deals as signed deeds describe them, and the hashes between their words.
import {
  type Crypto,
  concat,
  fromBase64url,
  type Json,
  objectHash,
  toBase64url,
  verifyObject,
} from '@farthing/protocol';
import type { paywordCertResult, paywordClaim, paywordTicketsResult } from '@farthing/protocol/broker';
import type * as v from 'valibot';

export type Cert = v.InferOutput<typeof paywordCertResult>['cert'];
export type Claim = v.InferOutput<typeof paywordClaim>;
export type Deed = NonNullable<Claim['deed']>;
type Ticket = v.InferOutput<typeof paywordTicketsResult>['ticket'];

export type Chain = {
  account: string;
  cur: string;
  unit: bigint;
  n: number;
  anchor: string;
  next: number;
  tickets: bigint;
  credited: bigint;
  refunded: bigint;
  exp: number;
  closed: boolean;
  /** Their sessions. */
  readonly deals: string[];
};
export type Link = {
  kind: 'payword' | 'x';
  id: string;
  unit: bigint;
  first: number;
  last: number;
  n: number;
  hi: number;
  word: string;
  yEnd: string | null;
};
export type Deal = {
  /** Id of a ticket's chain. */
  chain: string | undefined;
  source: string;
  vnd: string;
  cur: string;
  feeBps: bigint;
  exp: number;
  cap: bigint;
  claimable: bigint;
  credited: bigint;
  /** Of it, on invoices. */
  invoiced: bigint;
  closed: boolean;
  bounds: { key: string; limit: string }[];
  doc: { [member: string]: Json };
  links: Link[];
};
/** In force for the orders after number `after`. */
export type TermsRow = { after: number; feeBps: bigint; poll: bigint };

export function dealOfTicket(ticket: Ticket, feeBps: bigint): Deal {
  const { from: first, to: last, vnd, cur, exp, chain } = ticket;
  const unit = BigInt(ticket.unit);
  const cap = BigInt(last - first + 1) * unit;
  const [kind, word, yEnd] =
    'x0' in chain ? (['x', chain.x0, chain.yEnd] as const) : (['payword', chain.w0, null] as const);
  return {
    chain: chain.id,
    source: chain.id,
    vnd,
    cur,
    feeBps,
    exp,
    cap,
    claimable: cap,
    credited: 0n,
    invoiced: 0n,
    closed: false,
    bounds: [],
    doc: { ticket },
    links: [{ kind, id: chain.id, unit, first, last, n: chain.n, hi: 0, word, yEnd }],
  };
}

/** `undefined` when the certified key did not sign it, or when it is the deed of another session. */
export function dealOfCommitment(
  deed: Extract<Deed, { cert: Cert }>,
  known: { account: string; cert: Cert; session: string; feeBps: bigint },
  crypto: Crypto,
): Deal | undefined {
  const { commitment, leaf, a = 0 } = deed;
  const { account, cert, session, feeBps } = known;
  if (!verifyObject(commitment, cert.pk, commitment.sig, crypto)) return undefined;
  const name = objectHash(commitment, crypto);
  const segment = { typ: 'segment/1', commitment: name, a };
  if (session !== (commitment.chains ? name : objectHash(segment, crypto))) return undefined;
  const bounds = [{ key: `day:${commitment.sub}:${cert.exp}`, limit: cert.perDay }];
  if (!commitment.chains) bounds.push({ key: `root:${name}`, limit: commitment.cap });
  const cap = BigInt(commitment.cap);
  const entries = commitment.chains ?? (leaf ? [leaf] : []);
  return {
    chain: undefined,
    source: account,
    vnd: commitment.vnd,
    cur: commitment.cur,
    feeBps,
    exp: commitment.exp,
    cap,
    claimable: cap,
    credited: 0n,
    invoiced: 0n,
    closed: false,
    bounds,
    doc: { ...deed, cert },
    links: entries.map(({ id, n, unit, w0 }) => {
      return { kind: 'payword', id, unit: BigInt(unit), first: 1, last: n, n, hi: 0, word: w0, yEnd: null };
    }),
  };
}

/** Hashes a word from one index down to another. */
export function wordBelow(
  word: string,
  { kind, id }: Pick<Link, 'kind' | 'id'>,
  { from, to }: { from: number; to: number },
  crypto: Crypto,
): string {
  let at = fromBase64url(word) ?? new Uint8Array();
  const head = concat(Uint8Array.of(kind === 'x' ? 2 : 1), fromBase64url(id) ?? new Uint8Array());
  for (let i = from; i > to; i--) {
    const index = new Uint8Array(4);
    new DataView(index.buffer).setUint32(0, i);
    at = crypto.sha256(concat(head, index, at));
  }
  return toBase64url(at);
}

/** The deed that the broker knows, with the word of the second lock that the claim showed. */
export function shown({ doc }: Deal, { deed }: Claim): Deal['doc'] {
  if (!('ticket' in doc) || 'y' in doc || !deed || !('y' in deed) || deed.y === undefined) return doc;
  return { ...doc, y: deed.y };
}
