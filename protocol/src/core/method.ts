// The contract of a payment method: three pure, synchronous roles. Hosts own clocks, storage, network and screens.
//
//   Challenge ── wallet.pay ──▶ payload ── vendor.verify ──▶ Verified ── (host reserves, commits) ──▶ claim ── broker
//
// Nothing calls back: a role returns what is to be written, the host writes it atomically and says who won.

import type { Challenge, Intent, PaymentRequest } from './challenge.ts';
import type { Env } from './crypto.ts';
import type { Json, JsonObject } from './json.ts';
import type { Currency } from './money.ts';
import type { ProblemCode } from './problems.ts';
import type { Receipt } from './receipt.ts';
import type { RsaPublicKey } from './rsa.ts';
import type { Goods } from './sealed.ts';

/** One HTTP request as payments see it. `target` is `GET /path?query`: what the wallet asked for, byte for byte. */
export type Target = { readonly target: string; readonly digest: string };

// ── vendor ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * With the intent `session`, `amount` is the price of one unit and `units` says how many this request takes at once:
 * one if absent, 0 for a stream that is metered as it is delivered. The request costs `amount × units`.
 * `goods`: what is bought is sealed, and the payment releases its key. The host offers them and puts the key into receipts.
 */
export type Price = {
  readonly amount: bigint;
  readonly currency: Currency;
  readonly units?: number;
  readonly goods?: Goods;
};

/**
 * An instrument that this payment consumes. Inserting its key is what decides the race; `code` is the loser's problem, whose
 * member `spent` lists the names of those that were lost.
 */
export type Spend = {
  readonly key: string;
  readonly untilMs: number;
  readonly code: ProblemCode;
  /** What the payer calls it, where a payment has several. */
  readonly name?: string;
};

/** A running total that must stay within a limit, such as the face value seen under one licence. */
export type Tally = {
  readonly key: string;
  readonly add: bigint;
  readonly limit: bigint;
  readonly code: ProblemCode;
  /** After that the store may forget it. */
  readonly untilMs?: number;
  /**
   * What to ask a broker when the sum would pass the limit: its answer is the limit from now on. `spent`: the sum without
   * this payment. Absent, or in a host that asks nobody: the payment is refused.
   */
  raise?(spent: bigint): BrokerAsk<bigint>;
};

/** An order that the host signs with the site's key, with these members, and sends to one of the site's brokers. */
export type BrokerOrder = {
  readonly brk: string;
  readonly path: string;
  readonly typ: string;
  readonly members: JsonObject;
};

/**
 * `result` is what the broker signed as its answer to this order. The broker gives the same answer to the same content,
 * whatever the order's id: hosts make the order again when they do not know what became of it.
 */
export type BrokerAsk<Answer> = BrokerOrder & {
  /** @throws {PaymentProblem} `broker-untrusted`: signed, but not an answer to what was asked */
  read(result: JsonObject): Answer;
};

/** What the vendor may redeem: totals per key only grow, so a repeated claim credits nothing twice. */
export type ClaimStep = {
  readonly key: string;
  readonly add: bigint;
  readonly untilMs: number;
  readonly evidence?: Evidence;
  /** The only step of its claim. Its evidence is kept once, and forgotten when the claim is paid. */
  readonly once?: true;
};

/** What the broker wants to see with a total. The store keeps, per claim key, the evidence of the highest rank. */
export type Evidence = { readonly rank: number; readonly proof: JsonObject };

/** All that a good payment changes at the vendor. The host writes all of it in one durable step, or none. */
export type Verified = {
  readonly spends: readonly Spend[];
  readonly tallies: readonly Tally[];
  readonly claims: readonly ClaimStep[];
  /** Instruments that the receipt hands out, such as change. Presenting one proves that the receipt went out. */
  readonly mints?: readonly string[];
  /** The stored outcome must live at least this long: the life of the instruments. */
  readonly untilMs: number;
  readonly reference: string;
  /** The method's members of the receipt: change and proofs. */
  readonly details: JsonObject;
  /** A payment inside a session: the rest of its outcome depends on what the store knows of the session. */
  readonly session?: SessionStep;
  /** What is still to be checked, in this order, before anything is written: only for hosts that said `checksProofs`. */
  readonly proofs?: readonly Proof[];
  /** The broker must agree before anything is written: only for hosts that said `asksBroker`. */
  readonly authorize?: Authorization;
};

/**
 * A payment that its broker decides. The host asks after `proofs`, unless it knows the payment, and writes what the answer
 * says; a handler that fails lets it send `giveUp`, and only what was given up there is released here. What a crash leaves
 * behind is repaired by the same credential: it is the same question. A payment nobody comes back for ends at the broker.
 * Without `giveUp` it is paid when the broker agrees, whatever becomes of the handler.
 */
export type Authorization = BrokerAsk<Approved> & { readonly giveUp?: BrokerOrder };
/** What the answer puts in place of the same members of `Verified`. */
export type Approved = Pick<Verified, 'claims' | 'details'>;

/**
 * A signature that a host checks instead of the role, so that its event loop goes on meanwhile. `code` is the problem when it
 * is not good. `rsa-pss`: RSASSA-PSS with SHA-384 and a salt of 48 bytes, as RFC 9474 has it.
 */
export type Proof = {
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  readonly code: ProblemCode;
} & (
  | { readonly scheme: 'ed25519'; readonly key: Uint8Array }
  | { readonly scheme: 'rsa-pss'; readonly key: RsaPublicKey }
);

/**
 * `serial` is a number that this vendor never used before, below `limits.scripSerial`; hosts lease them in blocks.
 * `checksProofs`: the host checks `Verified.proofs`. Without it roles check everything before they return.
 * `asksBroker`: the host heeds `Verified.authorize`. Without it roles refuse what a broker would have to decide.
 */
export type VendorEnv = Env & { readonly serial: bigint; readonly checksProofs?: true; readonly asksBroker?: true };

export type VerifyInput = {
  readonly challenge: Challenge;
  readonly payload: JsonObject;
  readonly price: Price;
  /** Opens `price.goods`, h32: for methods whose broker keeps it. */
  readonly key?: string;
} & Target;

/** What a wallet asks of a vendor besides pages, such as the release of scrip. `id` names the answer for repeats. */
export type ServiceAnswer = { readonly id: string; readonly answer: JsonObject } & Pick<Verified, 'spends' | 'untilMs'>;

export interface VendorRole<Keys> {
  readonly method: string;
  readonly intents: readonly Intent[];
  /** Members of `methodDetails` for a price; `undefined` when these keys cannot take such a payment. */
  details(keys: Keys, price: Price, env: Env): JsonObject | undefined;
  /** @throws {PaymentProblem} everything that is wrong with the payload, cheap checks first */
  verify(input: VerifyInput, keys: Keys, env: VendorEnv): Verified;
  /** By path below `methodDetails.api`. @throws {PaymentProblem} */
  readonly services: { readonly [path: string]: (body: Json, keys: Keys, env: Env) => ServiceAnswer };
  /** Absent in methods where every payment stands alone. */
  readonly sessions?: SessionRole<Keys>;
}

// ── sessions: one opening, many payments ────────────────────────────────────────────────────────────────────────────
//
// A session is one JSON row at the vendor. Signatures are checked in `verify`, without the row; what depends on the row
// is a pure function that the store runs inside its atomic write. It changes nothing but what it returns, so it may run
// twice (a compare-and-set that lost), and it refuses by throwing. `applied` in session.ts makes both kinds one shape.

/** `seen` is the row as stored, `undefined` when there is none. @throws {PaymentProblem} nothing is written then */
export type SessionStep = { readonly key: string; step(seen: Json | undefined): Stepped };

/** What a payment writes in one step, with the parts that the session's row decided. */
export type Stepped = Pick<Verified, 'claims' | 'untilMs' | 'reference' | 'details'> & {
  /** The row afterwards: compact JSON, under 1 KB. It is kept until `untilMs`, like the outcome. */
  readonly next: Json;
  /** For `SessionRole.undo`, should the handler fail: kept with the reservation. */
  readonly undo: Json;
  readonly deeds: readonly Deed[];
  /** A question to the broker that may be asked in the background; a refusal goes to `SessionRole.stop`. */
  readonly ask?: Question;
};

/**
 * What the broker must be shown with claims of this key. It and its tallies are written with the row, and stay whatever
 * becomes of the handler: they come once, when the row first knows the deed.
 */
export type Deed = {
  readonly key: string;
  readonly deed: JsonObject;
  readonly tallies: readonly Tally[];
  readonly untilMs: number;
};
/** `party`: whom it is about. A no ends this session, and all that the site would take of the same party for the day. */
export type Question = BrokerOrder & { readonly party: string };

/**
 * One of the streams of a session, as it speaks to the row. `id`: a name that no other stream has. `done`: units that left
 * since it spoke last, of those that it took; the others stay taken.
 */
export type StreamProgress = { readonly id: string; readonly done: number };

/**
 * Units that may be delivered now, and what is written first. Only what a stream reports as done is claimed: what it took
 * and never delivered is free again when it leaves, or is not heard of for `limits.streamLeaseMs`.
 */
export type Metered = Pick<Stepped, 'next' | 'claims' | 'untilMs' | 'details' | 'ask'> & {
  readonly units: number;
  /** Units that could be taken after these. */
  readonly left: number;
  /** What to ask the wallet for, when units were wanted and there are none. */
  readonly need?: JsonObject;
};

export interface SessionRole<Keys> {
  /**
   * Names a payload inside a session: the id of its stored outcome, in place of the challenge's id, because one challenge
   * serves the whole session. `key` is the row. `code` is the problem of another payment under the same id.
   * `undefined`: not such a payload.
   */
  identify(payload: JsonObject, env: Env): { id: string; key: string; code: ProblemCode } | undefined;
  /** The row after a payment whose handler failed: its instrument is good again, once. */
  undo(row: Json, undo: Json): Json;
  /**
   * Takes up to `units` at `price.amount` each out of what was paid ahead; 0 only says that the stream is running.
   * @throws {PaymentProblem} closed, expired, too many streams
   */
  meter(row: Json, want: { price: Price; units: number; stream: StreamProgress }, keys: Keys, env: Env): Metered;
  /** The stream has ended, whatever became of the session: what it took and did not deliver is free again. */
  leave(row: Json, stream: StreamProgress, env: Env): Pick<Metered, 'next' | 'claims' | 'untilMs' | 'details'>;
  /** Nothing more is accepted on credit: the broker said no to a question. */
  stop(row: Json): Json;
  /** Ends the session, by the site or because it was idle: signed closings for the broker and the wallet. */
  close(row: Json, keys: Keys, env: Env): { readonly next: Json; readonly closings: readonly JsonObject[] };
  /** For screens and sweeps. Amounts in base units. */
  view(row: Json, env: Env): SessionView;
}

export type SessionView = {
  readonly currency: Currency;
  readonly authorized: bigint;
  readonly spent: bigint;
  readonly final: boolean;
  /** When it counts as idle, if nothing more is paid. */
  readonly idleAtMs: number;
  /** A stream of it is being delivered, by any process of the site. */
  readonly running: boolean;
  readonly untilMs: number;
};

// ── wallet ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Message keys for screens, so that no screen knows a method. Texts live in the locale files. */
export type Description = { readonly kind: string; readonly siteLearns: string; readonly brokerLearns: string };

/** `units`: how many units of a session to pay with this request; what the challenge says if absent. */
export type PayInput = {
  readonly challenge: Challenge;
  readonly request: PaymentRequest;
  readonly units?: number;
} & Target;

export interface WalletRole<Piece> {
  readonly method: string;
  readonly intents: readonly Intent[];
  /** Is this offer one that the role can pay, given money? Brokers that could sell the money for it, first preferred. */
  understand(request: PaymentRequest): { brokers: readonly { id: string; url: string }[]; api: string } | undefined;
  /** Base units that a piece can pay now; 0 when it has expired. */
  value(piece: Piece, nowMs: number): bigint;
  expiresAtMs(piece: Piece): number;
  /** The piece to pay this with, or `undefined` when none covers it. */
  pick(pieces: readonly Piece[], ask: Pick<PayInput, 'request' | 'units'>, nowMs: number): Piece | undefined;
  pay(piece: Piece, input: PayInput, env: Env): JsonObject;
  /**
   * Takes change out of a receipt after checking it against what was paid.
   * @throws {PaymentProblem} `receipt-invalid`: change is missing, forged, or of another value
   */
  accept(piece: Piece, paid: PayInput & { receipt: Receipt }, env: Env): readonly Piece[];
  describe(): Description;
  readonly sessions?: WalletSessions<Piece>;
}

/**
 * Pieces that pay many times. Without these functions such a piece works like any other: `pay` uses it up and `accept`
 * gives back what is left. With them it need not wait for its receipt: the host writes `advance` with the payload.
 */
export interface WalletSessions<Piece> {
  /** The piece once `pay` of this input may have been sent. Later receipts are only checked by `accept`. */
  advance(piece: Piece, input: PayInput): Piece;
  /** The piece, perhaps advanced since, after a receipt for it was accepted: the site knows the session. */
  confirm(piece: Piece): Piece;
  /** Makes a fresh piece a top-up of the session that `last`, its piece that was added last, pays into. */
  join(fresh: Piece, last: Piece): Piece;
  /** Payload that ends the session; the receipt carries the site's signed closings. */
  close(piece: Piece): JsonObject;
}
