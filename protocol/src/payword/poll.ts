// Polling (Jarecki, Odlyzko, FC'97): one payment in many is reported to the broker, so that a customer on credit cannot
// overspend at many sites at once by much, at about one message per T of money.
//
//   a payment `a` is reported with p = min(1, a/T); the broker adds a/p = max(a, T) to what it believes was spent
//   V sites in parallel learn of the limit L at their own next report: expected total L + (V − 1)·T

/** `chance`: six random bytes. Exact in integers: 2^48 steps. */
export function isPollDue(chance: Uint8Array, amount: bigint, everyMicro: bigint): boolean {
  const drawn = chance.slice(0, 6).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return drawn * everyMicro < amount * 2n ** 48n;
}

/** What a report of `amount` stands for. */
export const estimate = (amount: bigint, everyMicro: bigint): bigint => (amount > everyMicro ? amount : everyMicro);

export type Exposure = { readonly meanMicro: bigint; readonly p99Micro: bigint };

/** The 99th percentile of the normal distribution. */
const Z99 = 2.3263;

/**
 * What a customer spends who cheats at all sites at once, in payments that are small beside T: k = ⌈L/T⌉ + V − 1 reports
 * until the last site has heard the broker's no, each after T of money on average. A sum of k such stretches has the gamma
 * distribution; its 99th percentile is that of Wilson and Hilferty (1931). Base units.
 */
export function exposure(about: { limitMicro: bigint; everyMicro: bigint; sites: number }): Exposure {
  const { limitMicro, everyMicro, sites } = about;
  const reports = Number((limitMicro + everyMicro - 1n) / everyMicro) + sites - 1;
  const p99 = reports * (1 - 1 / (9 * reports) + Z99 / (3 * Math.sqrt(reports))) ** 3;
  return { meanMicro: BigInt(reports) * everyMicro, p99Micro: BigInt(Math.ceil(p99 * Number(everyMicro))) };
}
