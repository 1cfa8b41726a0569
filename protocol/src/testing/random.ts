// Seeded randomness for simulations: the same seed gives the same run on every machine.
import { type Env, portableCrypto } from '../index.ts';

export type Rng = {
  /** Uniform in 0…n−1. */
  below(n: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  bytes(length: number): Uint8Array;
};

/** mulberry32: small, fast, good enough to shuffle events; never used for keys outside of tests. */
export function seeded(seed: number): Rng {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n: number) => Math.floor(next() * n);
  return {
    below,
    chance: (probability) => next() < probability,
    pick: (list) => {
      const item = list[below(list.length)];
      if (item === undefined) throw new RangeError('nothing to pick from');
      return item;
    },
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  };
}

export const seededEnv = (rng: Rng, nowMs: number): Env => ({
  nowMs,
  random: (length) => rng.bytes(length),
  crypto: portableCrypto,
});
