// What the engine asks of a payment method. Coins are opaque JSON to it, but for these functions.
import type {
  Currency,
  Description,
  Env,
  Intent,
  Json,
  JsonObject,
  PayInput,
  PaymentRequest,
  Receipt,
} from '@farthing/protocol';
import type { Coin } from './purse.ts';

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

/** What each kind of money says of itself. How payments take it is the till's (`till.ts`). */
type Terms = {
  readonly name: string;
  readonly intents: readonly Intent[];
  understand(request: PaymentRequest): { brokers: readonly { id: string; url: string }[]; api: string } | undefined;
  /** What one request costs, in base units; of a stream, one unit. */
  costOf(request: PaymentRequest): bigint;
  describe(): Description;
  /** Problem codes by which a site says that what was paid with is worth nothing any more. */
  readonly goneCodes: ReadonlySet<string>;
};

export type Method = PieceMethod | CoinMethod | ChequeMethod;

/** Coins of a broker: a payment takes several, and gets change as new ones. */
export type CoinMethod = Terms & { readonly money: 'coins'; readonly many?: never };

/** Orders on the account: a payment writes one, with a key that the broker certified for the site and the day. */
export type ChequeMethod = Terms & { readonly money: 'cheques'; readonly many?: never };

/** Money that was bought for one site: a payment takes one piece of it. */
export interface PieceMethod extends Terms {
  readonly money: 'pieces';
  /** Names the coin: no two of a purse are equal. */
  idOf(piece: Json): string;
  /** Index of the coin to pay with, or `undefined` when none covers the price. */
  pick(coins: readonly Coin[], ask: Pick<PayInput, 'request' | 'units'>, nowMs: number): number | undefined;
  pay(piece: Json, input: PayInput, env: Env): JsonObject;
  /** The coins that come back. @throws {PaymentProblem} `receipt-invalid` */
  accept(piece: Json, paid: PayInput & { receipt: Receipt }, env: Env): readonly Coin[];
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
export type BrokerCall<Input> = {
  readonly path: string;
  readonly typ: string;
  members(input: Input): JsonObject;
};
