// What a method hands to the conformance suite and to the simulation: its roles, and a small world to run them in.
import type { Env, Price, VendorRole, WalletRole } from '../index.ts';

export const CURRENCY = 'usd-micro';

/** One broker as the method's broker role sees it, with its books in memory. */
export type FixtureBroker<Piece> = {
  /** Sells one piece of `value` at a vendor, debiting the buyer. */
  buy(buyer: string, vnd: string, value: bigint, env: Env): Piece;
  /** Pays cumulative claims of a vendor, keyed as the vendor role keyed them. Safe to repeat. */
  redeem(vnd: string, claims: ReadonlyMap<string, bigint>, env: Env): void;
  /** What a customer gets back for a piece that the vendor released; safe to repeat. */
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
  /** A fresh world with at least two vendors; each of `buyers` has `funds` at the broker. */
  world(options: { vendors: number; buyers: readonly string[]; funds: bigint; env: Env }): FixtureWorld<Keys, Piece>;
};

export const price = (amount: bigint): Price => ({ amount, currency: CURRENCY });
