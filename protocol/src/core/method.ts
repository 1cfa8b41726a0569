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

/** One HTTP request as payments see it. `target` is `GET /path?query`: what the wallet asked for, byte for byte. */
export type Target = { readonly target: string; readonly digest: string };

// ── vendor ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Price = { readonly amount: bigint; readonly currency: Currency };

/** An instrument that this payment consumes. Inserting its key is what decides the race; `code` is the loser's problem. */
export type Spend = { readonly key: string; readonly untilMs: number; readonly code: ProblemCode };

/** A running total that must stay within a limit, such as the face value seen under one licence. */
export type Tally = { readonly key: string; readonly add: bigint; readonly limit: bigint; readonly code: ProblemCode };

/** What the vendor may redeem: totals per key only grow, so a repeated claim credits nothing twice. */
export type ClaimStep = { readonly key: string; readonly add: bigint; readonly untilMs: number };

/** All that a good payment changes at the vendor. The host writes all of it in one durable step, or none. */
export type Verified = {
  readonly spends: readonly Spend[];
  readonly tallies: readonly Tally[];
  readonly claims: readonly ClaimStep[];
  /** The stored outcome must live at least this long: the life of the instruments. */
  readonly untilMs: number;
  readonly reference: string;
  /** The method's members of the receipt: change and proofs. */
  readonly details: JsonObject;
};

/** `serial` is a number that this vendor never used before, below `limits.scripSerial`; hosts lease them in blocks. */
export type VendorEnv = Env & { readonly serial: bigint };

export type VerifyInput = {
  readonly challenge: Challenge;
  readonly payload: JsonObject;
  readonly price: Price;
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
}

// ── wallet ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Message keys for screens, so that no screen knows a method. Texts live in the locale files. */
export type Description = { readonly kind: string; readonly siteLearns: string; readonly brokerLearns: string };

export type PayInput = { readonly challenge: Challenge; readonly request: PaymentRequest } & Target;

export interface WalletRole<Piece> {
  readonly method: string;
  readonly intents: readonly Intent[];
  /** Is this offer one that the role can pay, given money? Brokers that could sell the money for it, first preferred. */
  understand(request: PaymentRequest): { brokers: readonly { id: string; url: string }[]; api: string } | undefined;
  /** Base units that a piece can pay now; 0 when it has expired. */
  value(piece: Piece, nowMs: number): bigint;
  expiresAtMs(piece: Piece): number;
  /** The piece to pay this with, or `undefined` when none covers it. */
  pick(pieces: readonly Piece[], request: PaymentRequest, nowMs: number): Piece | undefined;
  pay(piece: Piece, input: PayInput, env: Env): JsonObject;
  /**
   * Takes change out of a receipt after checking it against what was paid.
   * @throws {PaymentProblem} `receipt-invalid`: change is missing, forged, or of another value
   */
  accept(piece: Piece, paid: PayInput & { receipt: Receipt }, env: Env): readonly Piece[];
  describe(): Description;
}
