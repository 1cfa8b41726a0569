// The store port: everything a site must not forget. It is data, so that Redis scripts or SQL statements can carry out
// each step as one atomic, durable write. Only the rows of sessions change by pure functions: a store runs them inside its
// write, or compares and sets, and may run them again. Rows are never changed in place, by nobody. `testing/store-suite.ts` says what every store must do.
import type { ClaimStep, Deed, Evidence, Json, JsonObject, ProblemCode, Spend, Tally } from '@farthing/protocol';

/** All that one paid request changes, written in one step or not at all. */
export type Reservation = {
  /** The challenge's id (or a service call's): it pays once. */
  readonly id: string;
  /** Hash of the decoded credential: a repeat has the same. */
  readonly credential: string;
  /** Hash of method, path, query and body digest. */
  readonly target: string;
  /** Who serves it: see `owner.ts`. */
  readonly owner: string;
  readonly atMs: number;
  /** The outcome is kept at least until then; the sweep adds skew and retention. */
  readonly untilMs: number;
  /** What a repeat must get: the printed receipt, or a service's answer. */
  readonly outcome: string;
  /** `committed` at once: the payment stands before the handler runs. */
  readonly state: 'reserved' | 'committed';
  readonly spends: readonly Spend[];
  readonly tallies: readonly Tally[];
  readonly claims: readonly ClaimStep[];
  /** Instruments that the outcome hands out: see `unsettled`. */
  readonly mints: readonly string[];
  /** A payment inside a session: the row completes it. */
  readonly session?: SessionWrite;
};

/**
 * Reads the row `key` (`undefined`: none) and says what to write, in the same step as the reservation. What it throws
 * comes out of `reserve`, and nothing is written.
 */
export type SessionWrite = { readonly key: string; step(seen: Json | undefined): SessionWritten };

/** What the row decided; it replaces the same members of the reservation. Deeds and their tallies stay after a release. */
export type SessionWritten = Pick<Reservation, 'outcome' | 'untilMs' | 'claims'> & {
  readonly next: Json;
  /** Kept with the reservation, for its release. */
  readonly undo: Json;
  readonly deeds: readonly Deed[];
};

/** A change of a row beside payments, such as a meter reading: the row and the claims are written in one step. */
export type SessionChange = {
  readonly next: Json;
  readonly claims: readonly ClaimStep[];
  readonly untilMs: number;
};

/** A reservation as others find it. `loose`: its run ended without a verdict; the next repeat may run at once. */
export type Stored = Pick<Reservation, 'id' | 'credential' | 'target' | 'owner' | 'atMs' | 'outcome'> & {
  readonly state: 'reserved' | 'committed' | 'loose';
};

/**
 * The answer of the consuming write. `known`: the id exists already, whoever made it. `held`: an instrument is spent
 * or reserved by another payment `by`; `names` are those of all such instruments of this payment. `over`: the tally `key` would
 * pass its limit; `sum` is without this payment.
 */
export type Reserved =
  | { readonly kind: 'won'; readonly written?: SessionWritten }
  | { readonly kind: 'known'; readonly stored: Stored }
  | { readonly kind: 'held'; readonly code: ProblemCode; readonly names: readonly string[]; readonly by: Stored }
  | { readonly kind: 'over'; readonly code: ProblemCode; readonly key: string; readonly sum: bigint };

/** A claim's total so far. Totals only grow, so a claim that is sent twice credits nothing twice. */
export type ClaimTotal = { readonly key: string; readonly total: bigint };

/** `over`: nothing is disputed and nothing will be added, so that its evidence can go. */
export type ClaimPaid = ClaimTotal & { readonly over?: true };

/** With the evidence of the highest rank, and the deed under the same key. */
export type ClaimDue = ClaimTotal & { readonly evidence?: Evidence; readonly deed?: JsonObject };

/** `row` with what was kept as `undo` taken back. */
export type Undo = (row: Json, undo: Json) => Json;

/** What it cannot be asked, or does not answer, ends in `StoreAway`: see `away.ts`. */
export interface VendorStore {
  /** One atomic, durable write: resolves when it is on disk. Nothing is written unless it is `won`. */
  reserve(reservation: Reservation): Promise<Reserved>;
  find(id: string): Promise<Stored | undefined>;
  /** Reservations without a verdict, with what their outcomes hand out: read once, when a site starts. */
  unsettled(limit: number): Promise<{ readonly id: string; readonly mints: readonly string[] }[]>;
  /** Makes `to` the owner of an uncommitted reservation, if it still belongs to `from` and was not taken since `atMs`. */
  takeOver(id: string, take: { from: string; atMs: number; to: string; nowMs: number }): Promise<boolean>;
  /**
   * Ends an uncommitted reservation. `commit` books its claims, whoever delivered. `release` undoes spends and tallies
   * and forgets it, `loose` keeps all of it for a repeat: both only for the owner. False when nothing was changed.
   * `undo`: the row of a session after the release of a payment in it. Durable a little later than other writes may be:
   * what a crash cuts off is found as a payment without a verdict.
   */
  settle(id: string, owner: string, verdict: 'commit' | 'release' | 'loose', undo?: Undo): Promise<boolean>;

  /** The row of a session, as last written. */
  readSession(key: string): Promise<Json | undefined>;
  /**
   * One atomic, durable write of a row that exists: resolves with what `change` gave, `undefined` when there is no row.
   * What it throws comes out, and nothing is written.
   */
  changeSession<Change extends SessionChange>(key: string, change: (row: Json) => Change): Promise<Change | undefined>;

  /**
   * Totals that grew since they were last paid out, oldest first. `kind`: the start of their keys up to the first colon
   * (with it); `''` for keys without one.
   */
  claimsDue(limit: number, kind?: string): Promise<ClaimDue[]>;
  /** How many are due, of any kind or of one; counting may stop at `atMost`. */
  countDue(atMost: number, kind?: string): Promise<number>;
  /** One step: marks totals as paid out (never lowering one), writes `put`, if the document `key` still is `was`. */
  claimsPaid(
    paid: readonly ClaimPaid[],
    guard: { key: string; was: string | undefined; put: Readonly<Record<string, string | undefined>> },
  ): Promise<boolean>;

  /** Hands out `count` numbers that were never handed out under this name, and the first of them. Starts at 1. */
  lease(name: string, count: bigint): Promise<bigint>;
  /** Counts one use of a quota until it ends: true while at most `limit` were counted. */
  take(key: string, limit: number, untilMs: number): Promise<boolean>;

  readDoc(key: string): Promise<string | undefined>;
  /** Documents whose key starts with the prefix, in key order. */
  listDocs(prefix: string): Promise<{ key: string; value: string }[]>;
  /** Compare and set: writes (or with `undefined` deletes) only if the document still is `was`. */
  swapDoc(key: string, was: string | undefined, value: string | undefined): Promise<boolean>;

  /**
   * Forgets what ended: reservations with their spends, sessions, quotas, and claims with their deeds that are too late.
   * A step forgets about `limit` reservations and says how many; 0: nothing is left to do.
   */
  sweep(nowMs: number, limit: number): Promise<number>;
  close(): Promise<void>;
}
