// RSA on whole numbers (RFC 8017 §5), in plain JavaScript: what a browser or a phone needs to blind, to unblind and to check.
// A host with native RSA passes its own `Rsa` in; the private operation belongs to brokers alone and is native there.

/** `bits` is the length of `n`. Public exponents are 65537 (methods §4). */
export type RsaPublicKey = { readonly n: bigint; readonly e: bigint; readonly bits: number };

/** The public operation m^e mod n: the only part of RSA that is worth replacing by native code. `m` below n. */
export type Rsa = { raise(m: bigint, key: RsaPublicKey): bigint };

export const portableRsa: Rsa = { raise: (m, { n, e }) => modPow(m, e, n) };

/** @param modulus big-endian, with its highest bit set */
export function publicKeyOf(modulus: Uint8Array, exponent = 65_537n): RsaPublicKey {
  const n = os2ip(modulus);
  return { n, e: exponent, bits: bitLength(n) };
}

export const modulusBytes = ({ bits }: RsaPublicKey): number => Math.ceil(bits / 8);

const bitLength = (value: bigint): number => value.toString(2).length;

/** OS2IP (RFC 8017 §4.2). */
export function os2ip(bytes: Uint8Array): bigint {
  let hex = '0x0';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return BigInt(hex);
}

/** I2OSP (RFC 8017 §4.1). @throws {RangeError} our own mistake: the value does not fit */
export function i2osp(value: bigint, length: number): Uint8Array {
  const hex = value.toString(16).padStart(length * 2, '0');
  if (value < 0n || hex.length > length * 2) throw new RangeError(`an integer of at most ${length} bytes was expected`);
  return Uint8Array.from({ length }, (_, i) => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16));
}

/** base^exponent mod n by squaring. Its time depends on the exponent: for public exponents and tests only. */
export function modPow(base: bigint, exponent: bigint, n: bigint): bigint {
  let result = 1n;
  let square = base % n;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % n;
    square = (square * square) % n;
  }
  return result;
}

/** The inverse of `value` mod n, or `undefined` when they have a common factor. */
export function modInverse(value: bigint, n: bigint): bigint | undefined {
  let [low, high] = [value % n, n];
  let [a, b] = [1n, 0n];
  while (low > 1n) {
    const quotient = high / low;
    [low, high] = [high - quotient * low, low];
    [a, b] = [b - quotient * a, a];
  }
  if (low !== 1n) return undefined;
  return a < 0n ? a + n : a;
}
