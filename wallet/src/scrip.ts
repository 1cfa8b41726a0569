// Scrip as the engine uses it: whole pieces, checked member by member when the broker sold them, and given back to their site.
import {
  decode,
  type Env,
  type Json,
  type JsonObject,
  limits,
  PaymentProblem,
  tryDecode,
  verifyObject,
} from '@farthing/protocol';
import {
  type Release,
  releaseBody,
  releaseSchema,
  type ScripPiece,
  scripPieceSchema,
  scripResult,
  scripWallet,
} from '@farthing/protocol/wallet';
import type { PieceMethod, Sale, Sold } from './method.ts';
import type { Coin } from './purse.ts';

const asPiece = (piece: Json): ScripPiece => decode(scripPieceSchema, piece, 'storage-fault');
const toCoin = (piece: ScripPiece): Coin => ({
  piece,
  micro: BigInt(piece.scrip.val),
  expiresAtMs: piece.scrip.exp * 1000,
});

export const scrip: PieceMethod = {
  money: 'pieces',
  name: scripWallet.method,
  intents: scripWallet.intents,
  understand: (request) => scripWallet.understand(request),
  costOf: ({ amount }) => amount,
  idOf: (piece) => asPiece(piece).scrip.id,
  pick(coins, ask, nowMs) {
    const pieces = coins.map(({ piece }) => asPiece(piece));
    const chosen = scripWallet.pick(pieces, ask, nowMs);
    return chosen && pieces.indexOf(chosen);
  },
  pay: (piece, input, env) => scripWallet.pay(asPiece(piece), input, env),
  accept: (piece, paid, env) => scripWallet.accept(asPiece(piece), paid, env).map(toCoin),
  describe: () => scripWallet.describe(),
  goneCodes: new Set(['scrip-spent', 'scrip-expired']),
  buy: {
    path: '/v1/scrip/buy',
    typ: 'scrip-buy/1',
    members: ({ vnd, valueMicro, currency, count, ttlMs }) => ({
      vnd,
      val: valueMicro.toString(),
      cur: currency,
      count,
      ttl: Math.floor(ttlMs / 1000),
    }),
  },
  refund: {
    path: '/v1/scrip/refund',
    typ: 'scrip-refund/1',
    members: ({ release }) => ({ release, as: 'balance' }),
  },
  renew: {
    path: '/v1/scrip/renew',
    typ: 'scrip-renew/1',
    members: ({ release, ttlMs }) => ({ release, ttl: Math.floor(ttlMs / 1000) }),
  },
  sold: checkSold,
  release: {
    path: 'scrip/release',
    body: (piece, to, env) => releaseBody(asPiece(piece), to, env),
    read: readRelease,
  },
};

/** How far the end of a coin's life may lie from what was ordered: the order's age and the clocks. */
const LIFE_SLACK_MS = limits.requestAgeMs + limits.clockSkewMs;

function checkSold(result: JsonObject, sale: Sale, atMs: number): Sold {
  const { pieces, balance, cur } = decode(scripResult, result, 'broker-untrusted');
  const lie = (detail: string) => new PaymentProblem('broker-untrusted', { detail });
  if (cur !== sale.currency) throw lie(`balance in ${cur}, expected ${sale.currency}`);
  if (pieces.length !== sale.count) throw lie(`${pieces.length} pieces, expected ${sale.count}`);
  const seen = new Set<string>();
  const coins = pieces.map(({ scrip: piece, csec }) => {
    if (piece.vnd !== sale.vnd) throw lie('a piece for another site');
    if (BigInt(piece.val) !== sale.valueMicro) throw lie(`a piece of ${piece.val}, expected ${sale.valueMicro}`);
    if (piece.cur !== sale.currency) throw lie(`a piece in ${piece.cur}, expected ${sale.currency}`);
    if (piece.root !== piece.id || Object.keys(piece.props).length > 0) throw lie('a piece that is not fresh or plain');
    if (seen.has(piece.id) || seen.has(piece.cid)) throw lie('the same piece twice');
    if (Math.abs(piece.exp * 1000 - (atMs + sale.ttlMs)) > LIFE_SLACK_MS) throw lie('a piece of another life');
    seen.add(piece.id).add(piece.cid);
    return toCoin({ scrip: piece, csec, brk: sale.brk });
  });
  return { coins, balanceMicro: balance };
}

function readRelease(answer: unknown, expected: { piece: Json; to: string; vendorKey: string }, env: Env): JsonObject {
  const { scrip: given } = asPiece(expected.piece);
  const member = typeof answer === 'object' && answer !== null && 'release' in answer ? answer.release : undefined;
  const release: Release | undefined = tryDecode(releaseSchema, member);
  const fits =
    release &&
    release.vnd === given.vnd &&
    release.root === given.root &&
    release.left === given.val &&
    release.to === expected.to &&
    verifyObject(release, expected.vendorKey, release.sig, env.crypto);
  if (!fits) throw new PaymentProblem('release-invalid', { detail: 'the site did not release the whole of this coin' });
  return release;
}
