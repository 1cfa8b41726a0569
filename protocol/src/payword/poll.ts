// Polling (Jarecki, Odlyzko, FC'97): one payment in many is reported to the broker, so that a customer on credit cannot
// overspend at many sites at once by much, at about one message per T of money.
//
//   a payment `a` is reported with p = min(1, a/T); the broker adds a/p = max(a, T) to what it believes was spent
//   V sites in parallel learn of the limit L at their own next report: expected total ≤ L + V·T

/** `chance`: six random bytes. Exact in integers: 2^48 steps. */
export function isPollDue(chance: Uint8Array, amount: bigint, everyMicro: bigint): boolean {
  const drawn = chance.slice(0, 6).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return drawn * everyMicro < amount * 2n ** 48n;
}

/** What a report of `amount` stands for. */
export const estimate = (amount: bigint, everyMicro: bigint): bigint => (amount > everyMicro ? amount : everyMicro);
