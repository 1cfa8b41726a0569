// What a method hands to the conformance suite and to the simulation: its roles, and a small world to run them in.
import type { Env, Intent, JsonObject, Price, VendorRole, WalletRole } from '../index.ts';

/** One of a suite: throws when it fails. */
export type Check = { readonly name: string; run(): void };

export const CURRENCY = 'usd-micro';

/** A claim as the vendor's store holds it: the total so far, with the evidence that the method wants to go with it. */
export type Due = { readonly total: bigint; readonly proof?: JsonObject; readonly deed?: JsonObject };

/** One broker as the method's broker role sees it, with its books in memory. */
export type FixtureBroker<Piece> = {
  /** Sells one piece of `value` at a vendor, debiting the buyer. */
  buy(buyer: string, vnd: string, value: bigint, env: Env): Piece;
  /** Pays cumulative claims of a vendor, keyed as the vendor role keyed them. Safe to repeat. */
  redeem(vnd: string, claims: ReadonlyMap<string, Due>, env: Env): void;
  /** What a customer gets back for a piece that the vendor released, or a session that it closed; safe to repeat. */
  cash(buyer: string, released: unknown, env: Env): void;
  balance(account: string): bigint;
  /** Throws when a conservation law is broken. */
  checkLaws(): void;
};

export type FixtureWorld<Keys, Piece> = {
  readonly vendors: readonly { readonly vnd: string; readonly keys: Keys }[];
  readonly broker: FixtureBroker<Piece>;
  /** Body with which a wallet gives a piece back, for the vendor's service of that name; absent without such a service. */
  readonly release?: { readonly service: string; body(piece: Piece, to: string, env: Env): import('../index.ts').Json };
};

export type MethodFixture<Keys, Piece> = {
  readonly vendor: VendorRole<Keys>;
  readonly wallet: WalletRole<Piece>;
  /** Payloads are not bound to their request: until they are consumed, TLS alone keeps them from other requests. */
  readonly unbound?: boolean;
  /** A fresh world with at least two vendors; each of `buyers` has `funds` at the broker. */
  world(options: { vendors: number; buyers: readonly string[]; funds: bigint; env: Env }): FixtureWorld<Keys, Piece>;
};

export const price = (amount: bigint): Price => ({ amount, currency: CURRENCY });

/** What single payments are made with: a charge, if the method has it, else a session of one. */
export const intentOf = ({ intents }: { intents: readonly Intent[] }): Intent =>
  intents.includes('charge') ? 'charge' : 'session';
