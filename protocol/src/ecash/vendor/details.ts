// What a site says in its challenge of the coins that it takes.
import type { Env } from '../../core/crypto.ts';
import type { JsonObject } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { Price } from '../../core/method.ts';
import type { KnownKeysets } from '../checks.ts';
import { phaseOf } from '../keyset.ts';
import type { EcashBroker, EcashKeys } from './keys.ts';

/** Brokers out of whose coins the price can be made now, with the hash of each list that can. */
export function details({ api, brokers }: EcashKeys, price: Price, { nowMs }: Env): JsonObject | undefined {
  const able = brokers.map((broker) => offerOf(broker, price, nowMs)).filter((offer) => offer !== undefined);
  if (able.length === 0) return undefined;
  const named = able.slice(0, limits.brokers);
  return { api, brokers: named, maxCoins: limits.coinsInHeader, maxByReference: limits.coinsByReference };
}

function offerOf({ id, url, everywhere, locked }: EcashBroker, price: Price, nowMs: number): JsonObject | undefined {
  const any = everywhere && isMadeWithChange(price.amount, valuesOf(everywhere.keysets, price, nowMs));
  const own = locked && isMadeOfFour(price.amount, valuesOf(locked.keysets, price, nowMs));
  if (!any && !own) return undefined;
  return { id, url, ...(any ? { keysets: everywhere.hash } : {}), ...(own ? { locked: locked.hash } : {}) };
}

const valuesOf = (keysets: KnownKeysets, { currency }: Price, nowMs: number): Set<bigint> =>
  new Set(
    [...keysets.values()]
      .filter(({ record }) => record.cur === currency && phaseOf(record, nowMs) === 'spend')
      .map(({ value }) => value),
  );

/** Coins by reference, less their change: any multiple of the divisor that all values share. */
function isMadeWithChange(amount: bigint, values: ReadonlySet<bigint>): boolean {
  let [divisor, largest] = [0n, 0n];
  for (const value of values) {
    divisor = greatestDivisor(divisor, value);
    if (value > largest) largest = value;
  }
  return divisor > 0n && amount > 0n && amount % divisor === 0n && amount <= largest * BigInt(limits.coinsByReference);
}

const greatestDivisor = (a: bigint, b: bigint): bigint => (b === 0n ? a : greatestDivisor(b, a % b));

/** Is it the sum of one to four of these values? Locked coins give no change. Two and two: the broker may list hundreds. */
function isMadeOfFour(amount: bigint, values: ReadonlySet<bigint>): boolean {
  const some = [0n, ...values];
  const pairs = new Set(some.flatMap((one) => some.map((other) => one + other)));
  return amount > 0n && [...pairs].some((pair) => pairs.has(amount - pair));
}
