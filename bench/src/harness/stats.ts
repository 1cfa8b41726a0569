// Medians and pairs. A shared machine lies in its means: one neighbour's burst moves them, and leaves the median.

/** The middle value; of an even number of values, the mean of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Linear between the neighbours, as in R-7: `q` from 0 to 1. NaN for no values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** One figure of a gated and an ungated window that ran one after the other. */
export type Pair = { readonly gated: number; readonly free: number };

/**
 * Each pair is compared with itself before the median is taken: what slowed both windows of a pair drops out.
 * `value` and `baseline` are the medians of the sides, and so not exactly `ratio` or `added` apart.
 */
export function compare(pairs: readonly Pair[]): {
  readonly value: number;
  readonly baseline: number;
  readonly ratio: number;
  readonly added: number;
} {
  return {
    value: median(pairs.map(({ gated }) => gated)),
    baseline: median(pairs.map(({ free }) => free)),
    ratio: median(pairs.map(({ gated, free }) => gated / free)),
    added: median(pairs.map(({ gated, free }) => gated - free)),
  };
}

/** Which side of pair `n` goes first: they alternate, so that no side always runs on the warmer machine. */
export const gatedFirst = (n: number): boolean => n % 2 === 1;
