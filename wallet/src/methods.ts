// The payment methods that this wallet can use: the one place of the engine that knows any of them. Coins are opaque
// JSON everywhere else; a new method is one more entry of `methods`.
import {
  type Currency,
  type Description,
  decode,
  type Env,
  type Intent,
  type Json,
  type JsonObject,
  limits,
  type PayInput,
  PaymentProblem,
  type PaymentRequest,
  type Receipt,
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
import { payword } from './payword.ts';
import type { Coin } from './purse.ts';

export type { Coin } from './purse.ts';

/** What to order from the broker, and what it owes in return. `ttlMs` is the life that was paid for. */
export type Sale = {
  readonly brk: string;
  readonly vnd: string;
  readonly currency: Currency;
  readonly valueMicro: bigint;
  readonly count: number;
  readonly ttlMs: number;
};
/** `backMicro`: what came to the account, where that can differ from what the coin was worth. */
export type Sold = { readonly coins: readonly Coin[]; readonly balanceMicro: bigint; readonly backMicro?: bigint };

/** A chain that pays `count` times `unitMicro`; `own` holds its secrets. */
export type ChainSale = Pick<Sale, 'brk' | 'vnd' | 'currency' | 'count' | 'ttlMs'> & {
  readonly own: Json;
  readonly unitMicro: bigint;
  readonly auth: 'hmac' | 'ed25519';
};

export interface Method {
  readonly name: string;
  readonly intents: readonly Intent[];
  understand(request: PaymentRequest): { brokers: readonly { id: string; url: string }[]; api: string } | undefined;
  /** What one request costs, in base units; of a stream, one unit. */
  costOf(request: PaymentRequest): bigint;
  /** Names the coin: no two of a purse are equal. */
  idOf(piece: Json): string;
  /** Index of the coin to pay with, or `undefined` when none covers the price. */
  pick(coins: readonly Coin[], ask: Pick<PayInput, 'request' | 'units'>, nowMs: number): number | undefined;
  pay(piece: Json, input: PayInput, env: Env): JsonObject;
  /** The coins that come back. @throws {PaymentProblem} `receipt-invalid` */
  accept(piece: Json, paid: PayInput & { receipt: Receipt }, env: Env): readonly Coin[];
  describe(): Description;
  /** Problem codes by which a site says that a coin is worth nothing any more. */
  readonly goneCodes: ReadonlySet<string>;
  readonly buy?: BrokerCall<Sale>;
  readonly refund: BrokerCall<{ release: JsonObject }>;
  readonly renew?: BrokerCall<{ release: JsonObject; ttlMs: number }>;
  /**
   * Checks what the broker sold, member by member. `atMs`: when the order was made.
   * @throws {PaymentProblem} `broker-untrusted`
   */
  sold(result: JsonObject, sale: Sale, atMs: number): Sold;
  /** Giving a coin back to its site. */
  readonly release?: {
    readonly path: string;
    body(piece: Json, to: string, env: Env): JsonObject;
    /** @throws {PaymentProblem} `release-invalid`: not this site's signed word about the whole of this coin */
    read(answer: unknown, expected: { piece: Json; to: string; vendorKey: string }, env: Env): JsonObject;
  };
  readonly many?: PaidMany;
}

/** Coins that pay many times: bought as a chain, moved on with each payment, closed to get the rest back. */
export interface PaidMany {
  /** What the site takes for this offer. */
  fundings(request: PaymentRequest): { readonly credit: boolean; readonly prepaid: boolean };
  /** A chain that is promised: the broker certifies the key that signs it, and bills what the site claims of it. */
  readonly credit: BrokerCall<ChainSale> & {
    make(env: Env): JsonObject;
    /** @throws {PaymentProblem} `broker-untrusted` */
    certified(result: JsonObject, sale: ChainSale, broker: { root: string; env: Env }): Coin;
  };
  /** Is this paid unit by unit while it is delivered? */
  isStream(request: PaymentRequest): boolean;
  /** Names the session that the piece pays into: several pieces may. */
  sessionOf(piece: Json): string;
  /** Base units that the words which were shown are owed for. */
  owed(piece: Json): bigint;
  /** Base units that the words which were shown let the site take, beyond what they are owed for: a stream takes them. */
  ahead(piece: Json): bigint;
  /** The most units of a stream that one payment of this piece can pay. */
  mostUnits(piece: Json, request: PaymentRequest): number;
  /** What the site says that it has taken in the session, in base units. */
  drawn(receipt: Receipt): bigint;
  /** The piece once `pay` of this input may have been sent: to be written with the payload. */
  advance(piece: Json, input: PayInput): Json;
  /** The piece, perhaps advanced since, after the site has acknowledged a payment. */
  confirm(piece: Json): Json;
  /** The piece after the site said that a payment was not charged. What was shown stays shown. */
  giveBack(piece: Json, micro: bigint): Json;
  /** Has the site acknowledged the piece? */
  isOpen(piece: Json): boolean;
  /** The piece as a top-up of the session that `last`, its newest piece, pays into; `undefined` when that is full. */
  join(fresh: Json, last: Json): Json | undefined;
  /** Was it made a top-up that the site has not acknowledged yet? */
  isJoining(piece: Json): boolean;
  /** The piece on its own again: the site has ended the session, and never took it. What was shown stays shown. */
  part(piece: Json, env: Env): Json;
  /** The payload that ends the session. */
  close(piece: Json): JsonObject;
  /** Problem codes after which the site takes no more from this chain. */
  readonly ended: ReadonlySet<string>;
  /** What the broker wants to see to pay back the rest of the piece. @throws {PaymentProblem} `receipt-invalid` */
  readClosing(receipt: Receipt, expected: { piece: Json; vnd: string; vendorKey: string }, env: Env): JsonObject;
  make(count: number, env: Env): JsonObject;
  /** What the broker wants to see to take back a chain that no site was told of. */
  undo(own: Json): JsonObject;
  readonly longest: number;
  auth(request: PaymentRequest): ChainSale['auth'];
  readonly buy: BrokerCall<ChainSale>;
  /** The balance. @throws {PaymentProblem} `broker-untrusted` */
  bought(result: JsonObject, sale: ChainSale): bigint;
  readonly allot: BrokerCall<ChainSale>;
  /** @throws {PaymentProblem} `broker-untrusted` */
  allotted(result: JsonObject, sale: ChainSale, broker: { root: string; env: Env }): Coin;
}
type BrokerCall<Input> = {
  readonly path: string;
  readonly typ: string;
  members(input: Input): JsonObject;
};

const asPiece = (piece: Json): ScripPiece => decode(scripPieceSchema, piece, 'storage-fault');
const toCoin = (piece: ScripPiece): Coin => ({
  piece,
  micro: BigInt(piece.scrip.val),
  expiresAtMs: piece.scrip.exp * 1000,
});

const scrip: Method = {
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

/** By name, preferred first. */
export const methods: ReadonlyMap<string, Method> = new Map([scrip, payword].map((method) => [method.name, method]));

/** @throws {PaymentProblem} `storage-fault` */
export function methodOf(name: string): Method {
  const method = methods.get(name);
  if (!method) throw new PaymentProblem('storage-fault', { detail: `coins of an unknown method ${name}` });
  return method;
}
