// PayWord as the engine uses it: prepaid chains that pay many times. Their pieces move on with each payment, and what
// is left comes back when the session is closed.
import {
  amt0,
  brk,
  decode,
  type Env,
  fromBase64url,
  type Json,
  type JsonObject,
  limits,
  PaymentProblem,
  type PaymentRequest,
  type Receipt,
  toBase64url,
  tryDecode,
  verifyObject,
} from '@farthing/protocol';
import {
  type Close,
  chainIdOf,
  closeSchema,
  commit,
  deedId,
  makeChain,
  type PaywordPiece,
  paywordBuyResult,
  paywordCertResult,
  paywordCloseResult,
  paywordPieceSchema,
  paywordTicketsResult,
  paywordWallet,
  pieceOf,
  shownOf,
  wordsLeft,
} from '@farthing/protocol/wallet';
import * as v from 'valibot';
import type { PaidMany, PieceMethod } from './method.ts';
import type { Coin } from './purse.ts';

const asPiece = (piece: Json): PaywordPiece => decode(paywordPieceSchema, piece, 'storage-fault');
const terms = v.object({
  brokers: v.array(v.object({ id: brk })),
  fundings: v.array(v.string()),
  auths: v.array(v.string()),
  maxStep: v.number(),
  units: v.optional(v.pipe(v.number(), v.safeInteger()), 1),
});
const termsOf = (request: PaymentRequest) => tryDecode(terms, request.methodDetails);
const unitsOf = (request: PaymentRequest): bigint => BigInt(termsOf(request)?.units ?? 1);

const role = paywordWallet.sessions;
if (!role) throw new Error('payword has sessions');

/** A site that has ended the session, or will never take another word of this chain. */
const ENDED = new Set([
  'index-beyond',
  'index-used',
  'step-too-long',
  'word-wrong',
  'cert-forged',
  'cert-foreign',
  'cert-expired',
  'limit-reached',
  'session-full',
  'session-short',
  'session-unknown',
  'session-final',
]);

const isStream = (request: PaymentRequest): boolean => termsOf(request)?.units === 0;

/** A day key for one certificate: what is lost with it is one commitment. */
const daySchema = v.object({ seed: v.string(), pk: v.string() });

const credit: PaidMany['credit'] = {
  path: '/v1/payword/cert',
  typ: 'payword-cert/1',
  make(env) {
    const seed = env.random(32);
    return { seed: toBase64url(seed), pk: toBase64url(env.crypto.publicKey(seed)) };
  },
  members: ({ own, vnd, currency, unitMicro, count }) => ({
    vnd,
    pk: decode(daySchema, own, 'storage-fault').pk,
    cur: currency,
    limit: (unitMicro * BigInt(count)).toString(),
  }),
  certified(result, sale, { root, env }) {
    const { cert } = decode(paywordCertResult, result, 'broker-untrusted');
    const { seed, pk } = decode(daySchema, sale.own, 'storage-fault');
    const cap = sale.unitMicro * BigInt(sale.count);
    const lasts = cert.exp * 1000 - env.nowMs;
    const fits =
      cert.brk === sale.brk &&
      cert.vnd === sale.vnd &&
      cert.pk === pk &&
      cert.cur === sale.currency &&
      BigInt(cert.limit) >= cap &&
      lasts > 0 &&
      lasts <= limits.certLifeMs + limits.requestAgeMs + limits.clockSkewMs &&
      verifyObject(cert, root, cert.sig, env.crypto);
    const daySeed = fromBase64url(seed);
    if (!fits || !daySeed)
      throw new PaymentProblem('broker-untrusted', { detail: 'the certificate is not the one asked for' });
    const piece = commit(cert, { n: sale.count, unit: sale.unitMicro, cap, exp: cert.exp }, daySeed, env);
    return { piece, micro: cap, expiresAtMs: cert.exp * 1000, credit: true };
  },
};

const many: PaidMany = {
  credit,
  fundings(request) {
    const { fundings = [] } = termsOf(request) ?? {};
    return { credit: fundings.includes('credit'), prepaid: fundings.includes('prepaid') };
  },
  isStream,
  sessionOf: (piece) => asPiece(piece).session,
  owed: (piece) => BigInt(asPiece(piece).spent),
  ahead(json) {
    const piece = asPiece(json);
    return shownOf(piece) - BigInt(piece.spent);
  },
  mostUnits(json, request) {
    const piece = asPiece(json);
    const { unit, left } = wordsLeft(piece);
    const { maxStep } = termsOf(request) ?? { maxStep: 0 };
    const words = BigInt(left < maxStep ? left : maxStep);
    return Number((words * unit) / request.amount);
  },
  drawn: (receipt) => tryDecode(amt0, receipt.details['spent']) ?? 0n,
  advance: (piece, input) => role.advance(asPiece(piece), input),
  confirm: (piece) => role.confirm(asPiece(piece)),
  giveBack(piece, micro) {
    const before = asPiece(piece);
    return { ...before, spent: (BigInt(before.spent) - micro).toString() };
  },
  isOpen: (piece) => asPiece(piece).open,
  join(fresh, last) {
    const joined = role.join(asPiece(fresh), asPiece(last));
    return (joined.base ?? 0) < limits.sessionDeeds ? joined : undefined;
  },
  isJoining: (piece) => !asPiece(piece).open && asPiece(piece).base !== undefined,
  part(piece, { crypto }) {
    const { base: _, ...alone } = asPiece(piece);
    return { ...alone, session: deedId(alone.deed, crypto) };
  },
  close: (piece) => role.close(asPiece(piece)),
  ended: ENDED,
  readClosing,
  make: (n, env) => makeChain(n, { locked: false }, env) as unknown as JsonObject,
  undo: (own) => ({ closings: [], chainId: asChain(own).anchor.id, rest: 'refund' }),
  longest: limits.chainLength,
  auth: (request) => (termsOf(request)?.auths.includes('hmac') ? 'hmac' : 'ed25519'),
  buy: {
    path: '/v1/payword/buy',
    typ: 'payword-buy/1',
    members: ({ own, unitMicro, currency, ttlMs }) => ({
      anchor: asChain(own).anchor,
      unit: unitMicro.toString(),
      cur: currency,
      ttl: Math.floor(ttlMs / 1000),
    }),
  },
  bought(result, { own, unitMicro, currency, count }) {
    const { chain, balance, cur } = decode(paywordBuyResult, result, 'broker-untrusted');
    const { id } = asChain(own).anchor;
    const same = chain.id === id && chain.n === count && chain.unit === unitMicro && chain.next === 1 && !chain.closed;
    if (!same || cur !== currency) throw new PaymentProblem('broker-untrusted', { detail: 'another chain was sold' });
    return balance;
  },
  allot: {
    path: '/v1/payword/tickets',
    typ: 'payword-tickets/1',
    members: ({ own, vnd, count, auth }) => ({ chainId: asChain(own).anchor.id, vnd, first: 1, last: count, auth }),
  },
  allotted: readTicket,
};

const asChain = (own: Json) => decode(ownSchema, own, 'storage-fault');
const ownSchema = v.object({
  anchor: v.object({ id: v.string(), n: v.number(), w0: v.string() }),
  tip: v.string(),
});

function readTicket(
  result: JsonObject,
  sale: Parameters<PaidMany['allotted']>[1],
  { root, env }: { root: string; env: Env },
): Coin {
  const { ticket } = decode(paywordTicketsResult, result, 'broker-untrusted');
  const { anchor, tip } = asChain(sale.own);
  const { chain } = ticket;
  const same =
    ticket.brk === sale.brk &&
    ticket.vnd === sale.vnd &&
    ticket.cur === sale.currency &&
    ticket.unit === sale.unitMicro.toString() &&
    ticket.from === 1 &&
    ticket.to === sale.count &&
    ticket.exp * 1000 > env.nowMs &&
    'w0' in chain &&
    chain.id === anchor.id &&
    chain.n === anchor.n &&
    chain.w0 === anchor.w0;
  // A MAC is for the site to check: one that is wrong is refused there.
  const genuine = ticket.sig === undefined || verifyObject(ticket, root, ticket.sig, env.crypto);
  if (!same || !genuine || (ticket.mac !== undefined) !== (sale.auth === 'hmac')) {
    throw new PaymentProblem('broker-untrusted', { detail: 'the ticket is not for this chain and site' });
  }
  const expiresAtMs = ticket.exp * 1000;
  return { piece: pieceOf(ticket, { anchor, tip }, env), micro: sale.unitMicro * BigInt(sale.count), expiresAtMs };
}

/** @throws {PaymentProblem} `receipt-invalid`: not this site's signed word about what was shown of this chain */
function readClosing(
  receipt: Receipt,
  expected: { piece: Json; vnd: string; vendorKey: string },
  { crypto }: Env,
): JsonObject {
  const piece = asPiece(expected.piece);
  const id = deedId(piece.deed, crypto);
  const closings = tryDecode(v.array(closeSchema), receipt.details['closings']);
  const closing: Close | undefined = closings?.find(({ session }) => session === id);
  const fits =
    closing !== undefined &&
    closing.vnd === expected.vnd &&
    BigInt(closing.spent) <= shownOf(piece) &&
    verifyObject(closing, expected.vendorKey, closing.sig, crypto);
  if (!fits)
    throw new PaymentProblem('receipt-invalid', { detail: 'the site did not close this session as it was paid' });
  return { closings: [closing], chainId: chainIdOf(piece), rest: 'refund' };
}

export const payword: PieceMethod = {
  money: 'pieces',
  name: paywordWallet.method,
  intents: ['session'],
  understand(request) {
    const known = termsOf(request);
    // More units than one jump allows are no single payment.
    const isOne = known && known.units <= known.maxStep;
    return isOne ? paywordWallet.understand(request) : undefined;
  },
  costOf: (request) => request.amount * (isStream(request) ? 1n : unitsOf(request)),
  idOf: (piece) => chainIdOf(asPiece(piece)),
  pick(coins, ask, nowMs) {
    const able = coins.filter(({ ended }) => ended !== true);
    const pieces = able.map(({ piece }) => asPiece(piece));
    const chosen = paywordWallet.pick(pieces, ask, nowMs);
    const coin = chosen && able[pieces.indexOf(chosen)];
    return coin && coins.indexOf(coin);
  },
  pay: (piece, input, env) => paywordWallet.pay(asPiece(piece), input, env),
  /** Only checks: the piece has moved on when it was sent. */
  accept(piece, paid, env) {
    paywordWallet.accept(asPiece(piece), paid, env);
    return [];
  },
  describe: () => paywordWallet.describe(),
  goneCodes: new Set(['index-used']),
  refund: {
    path: '/v1/payword/close',
    typ: 'payword-close/1',
    members: ({ release }) => release,
  },
  sold(result, { currency }) {
    const { refunded, balance, cur } = decode(paywordCloseResult, result, 'broker-untrusted');
    if (cur !== currency) throw new PaymentProblem('broker-untrusted', { detail: `balance in ${cur}` });
    return { coins: [], balanceMicro: balance, backMicro: refunded };
  },
  many,
};
