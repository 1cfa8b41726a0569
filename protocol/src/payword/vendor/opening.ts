// The vendor's check of what opens or tops up a session: certificate and commitment (credit), or ticket (prepaid).
// Signatures and anchors only; which session it belongs to, and whether its words were used, is decided on the row.
import type { Crypto, Env } from '../../core/crypto.ts';
import type { JsonObject } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import { isUnder } from '../../core/merkle.ts';
import type { Tally } from '../../core/method.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { objectHash, verifyMac, verifyObject } from '../../core/sign.ts';
import { down, leadsTo, up } from '../chain.ts';
import { type ChainEntry, leafOf } from '../segments.ts';
import { bytesOf, type Commitment, type DayCert, deedId, type Opening, sessionId, type Ticket } from '../wire.ts';
import type { PaywordKeys } from './keys.ts';
import { endOf } from './outcome.ts';
import { type ChainState, type DeedState, type Shown, wordText } from './session.ts';

/** A deed that is genuine: its chains, none of them revealed yet, and the word that came with it. */
export type Opened = {
  readonly brk: string;
  readonly cur: Commitment['cur'];
  readonly deed: DeedState;
  readonly chains: readonly Omit<ChainState, 'd'>[];
  /** `a` counts within the deed. */
  readonly shown: Shown;
  readonly tallies: readonly Tally[];
  /** For the broker. */
  readonly shows: JsonObject;
};

type CreditOpening = Extract<Opening, { commitment: unknown }>;
type TicketOpening = Extract<Opening, { ticket: unknown }>;

/** @throws {PaymentProblem} `cert-…`, `index-beyond`, `step-too-long`, `word-wrong`, `limit-reached` */
export const checkOpening = (opening: Opening, keys: PaywordKeys, env: Env): Opened =>
  'commitment' in opening ? checkCredit(opening, keys, env) : checkTicket(opening, keys, env);

const foreign = (detail: string) => new PaymentProblem('cert-foreign', { detail });
const forged = (detail: string) => new PaymentProblem('cert-forged', { detail });

function checkCredit({ commitment, cert, a, i, w, leaf, path }: CreditOpening, keys: PaywordKeys, env: Env): Opened {
  if (!keys.fundings.includes('credit')) throw foreign('this site gives no credit');
  if (commitment.vnd !== keys.vnd || cert.vnd !== keys.vnd) throw foreign('the commitment names another site');
  if (cert.use !== undefined) throw foreign('the certificate is for something else');
  for (const name of ['brk', 'sub', 'cur'] as const) {
    if (commitment[name] !== cert[name]) throw foreign(`${name}: commitment and certificate differ`);
  }
  checkDates(commitment, cert, env);
  if (keys.refused?.has(commitment.sub)) throw new PaymentProblem('limit-reached');
  if (BigInt(commitment.cap) > BigInt(cert.limit)) {
    throw new PaymentProblem('limit-reached', { detail: 'the cap is above the limit of the certificate' });
  }
  const entries = commitment.chains ?? [segment(commitment, { a, leaf, path }, env)];
  const chosen = commitment.chains ? a : 0;
  const chain = entries[chosen];
  if (!chain) throw new PaymentProblem('payload-invalid', { detail: 'a: expected one of the chains' });
  checkIndex({ i, n: chain.n, lo: 0 });
  checkCredentials(commitment, cert, keys, env);
  const id = deedId({ commitment, a }, env.crypto);
  const face = entries.reduce((sum, { n, unit }) => sum + BigInt(n) * BigInt(unit), 0n);
  const cap = face < BigInt(commitment.cap) ? face : BigInt(commitment.cap);
  return {
    brk: commitment.brk,
    cur: commitment.cur,
    deed: { id, cap: cap.toString(), spent: '0', exp: commitment.exp, sub: commitment.sub },
    chains: entries.map(({ id: chainId, n, unit, w0 }) => ({
      kind: 'payword',
      id: chainId,
      unit,
      lo: 0,
      n,
      hi: 0,
      at: w0,
      used: '0',
    })),
    shown: { a: chosen, kind: 'payword', i, word: w },
    tallies: [onceOf(id, commitment.exp), ...talliesOf(commitment, cert, { add: cap, crypto: env.crypto })],
    shows: { commitment, cert, ...(leaf && path ? { a, leaf, path } : {}) },
  };
}

function checkDates(commitment: Commitment, cert: DayCert, { nowMs }: Env): void {
  const late = nowMs > Math.min(commitment.exp, cert.exp) * 1000 + limits.clockSkewMs;
  if (late) throw new PaymentProblem('cert-expired');
  if (nowMs < cert.nbf * 1000 - limits.clockSkewMs || commitment.exp > cert.exp) {
    throw foreign('the certificate does not cover the life of the commitment');
  }
  if ((cert.exp - cert.nbf) * 1000 > limits.certLifeMs) throw foreign('a certificate lives for a day at most');
}

/** The chain of a segment, if it lies under the root of the commitment. */
function segment(
  { root, m }: Commitment,
  { a, leaf, path }: { a: number; leaf: ChainEntry | undefined; path: readonly string[] | undefined },
  { crypto }: Env,
): ChainEntry {
  if (!leaf || !path || root === undefined || m === undefined) {
    throw new PaymentProblem('payload-invalid', { detail: 'leaf, path: expected with a commitment to a root' });
  }
  const place = { index: a, count: m, path: path.map(bytesOf), root: bytesOf(root) };
  if (!isUnder(leafOf(leaf, crypto), place, crypto)) throw forged('the segment is not under the root');
  return leaf;
}

/** The signature of the commitment; that of the certificate once a day and customer. */
function checkCredentials(commitment: Commitment, cert: DayCert, keys: PaywordKeys, { crypto }: Env): void {
  const root = keys.brokers.find(({ id }) => id === cert.brk)?.root;
  if (!root) throw foreign('this site does not take this broker');
  if (!isCertified(cert, root, crypto)) throw forged('the certificate is not signed by its broker');
  if (!verifyObject(commitment, cert.pk, commitment.sig, crypto)) {
    throw forged('the commitment is not signed by the certified key');
  }
}

/** Certificates that verified, newest last: a customer shows the same one all day. */
const verified = new WeakMap<Crypto, Set<string>>();
const KEPT = 10_000;

function isCertified(cert: DayCert, root: string, crypto: Crypto): boolean {
  const known = verified.get(crypto) ?? new Set<string>();
  verified.set(crypto, known);
  const name = `${root} ${objectHash(cert, crypto)} ${cert.sig}`;
  if (known.has(name)) return true;
  if (!verifyObject(cert, root, cert.sig, crypto)) return false;
  for (const oldest of known) {
    if (known.size < KEPT) break;
    known.delete(oldest);
  }
  known.add(name);
  return true;
}

/** What one pseudonym may promise in a day; segments of one commitment share its cap. */
function talliesOf(commitment: Commitment, cert: DayCert, { add, crypto }: { add: bigint; crypto: Crypto }): Tally[] {
  const common = { add, code: 'limit-reached' as const, untilMs: endOf(cert.exp) };
  const day = { ...common, key: `payword-day:${cert.sub}:${cert.exp}`, limit: BigInt(cert.perDay) };
  if (commitment.chains) return [day];
  const root = { ...common, key: `payword-root:${sessionId(commitment, crypto)}`, limit: BigInt(commitment.cap) };
  return [day, root];
}

/** A deed serves one session. */
const onceOf = (id: string, exp: number): Tally => ({
  key: `payword-deed:${id}`,
  add: 1n,
  limit: 1n,
  code: 'index-used',
  untilMs: endOf(exp),
});

/** Bounds before signatures and hashes; how far the word may jump depends on the row. */
function checkIndex({ i, n, lo }: { i: number; n: number; lo: number }): void {
  if (i > n || i <= lo) throw new PaymentProblem('index-beyond', { members: { acceptedIndex: lo } });
}

function checkTicket(opening: TicketOpening, keys: PaywordKeys, env: Env): Opened {
  const { ticket, i } = opening;
  const { chain, from, to, unit } = ticket;
  if (!keys.fundings.includes('prepaid')) throw foreign('this site takes no tickets');
  if (ticket.vnd !== keys.vnd) throw foreign('the ticket names another site');
  if (env.nowMs > ticket.exp * 1000 + limits.clockSkewMs) throw new PaymentProblem('cert-expired');
  checkIndex({ i, n: to, lo: from - 1 });
  if (!isGenuine(ticket, keys, env)) throw forged('the ticket does not verify');
  const locks = 'x' in opening;
  if (locks !== 'x0' in chain) throw new PaymentProblem('payload-invalid', { detail: 'x, y: with a double lock only' });
  const word = 'x' in opening ? opening.x : opening.w;
  const kind = locks ? 'x' : 'payword';
  const id = deedId({ ticket }, env.crypto);
  const start = 'x' in opening ? openLock(opening, env) : 'w0' in chain ? chain.w0 : '';
  return {
    brk: ticket.brk,
    cur: ticket.cur,
    deed: {
      id,
      cap: (BigInt(to - from + 1) * BigInt(unit)).toString(),
      spent: '0',
      exp: ticket.exp,
    },
    chains: [{ kind, id: chain.id, unit, lo: from - 1, n: to, hi: from - 1, at: start, used: '0' }],
    shown: { a: 0, kind, i, word },
    tallies: [onceOf(id, ticket.exp)],
    shows: { ticket, ...('y' in opening ? { y: opening.y } : {}) },
  };
}

function isGenuine(ticket: Ticket, keys: PaywordKeys, { crypto }: Env): boolean {
  const broker = keys.brokers.find(({ id }) => id === ticket.brk);
  if (!broker) throw foreign('this site does not take this broker');
  if (ticket.mac !== undefined) return broker.key !== undefined && verifyMac(ticket, ticket.mac, broker.key, crypto);
  return ticket.sig !== undefined && verifyObject(ticket, broker.root, ticket.sig, crypto);
}

/** Checks both locks against their anchors, n + 1 hashes in all. @returns the word x[from − 1], where the range starts */
function openLock({ ticket, i, x, y }: Extract<TicketOpening, { x: string }>, { crypto }: Env): string {
  const { chain, from } = ticket;
  if (!('x0' in chain)) return '';
  const id = bytesOf(chain.id);
  const start = down(bytesOf(x), { kind: 'x', id }, { from: i, to: from - 1 }, crypto);
  const good =
    leadsTo(start, { kind: 'x', id }, { from: from - 1, to: 0, anchor: bytesOf(chain.x0) }, crypto) &&
    wordText(up(bytesOf(y), id, { from, to: chain.n + 1 }, crypto)) === chain.yEnd;
  if (!good) throw new PaymentProblem('word-wrong');
  return wordText(start);
}
