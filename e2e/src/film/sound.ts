// The sound of "Skerry Point", made of noise and sines: waves, a bell buoy, and the horn that counts as the light does.

const RATE = 48_000;

/** Samples of 16 bits, one channel, 48,000 a second. */
export function sound(seconds: number): Buffer {
  const samples = Buffer.alloc(seconds * RATE * 2);
  const noise = seeded(1871);
  let [near, far] = [0, 0];
  for (let n = 0; n < seconds * RATE; n++) {
    const second = n / RATE;
    const white = noise();
    near += (white - near) * 0.05;
    far += (white - far) * 0.008;
    const swell = 0.35 + 0.3 * Math.sin(second * 1.1) ** 2 + 0.2 * Math.sin(second * 0.37 + 1) ** 2;
    const wave = (near * 0.5 + far * 1.4) * swell;
    const value = (wave + bell(second) + horn(second)) * ends(second, seconds);
    samples.writeInt16LE(Math.round(Math.max(-1, Math.min(1, value)) * 32_000), n * 2);
  }
  return samples;
}

const bells = [3, 3.9, 9.5, 10.5, 31, 32.1];
function bell(second: number): number {
  let sum = 0;
  for (const [partial, at] of bells.flatMap((start) => [1, 2.76, 5.4].map((p) => [p, start] as const))) {
    const age = second - at;
    if (age >= 0 && age < 3) sum += Math.sin(2 * Math.PI * 620 * partial * age) * Math.exp(-age * (1.6 + partial));
  }
  return sum * 0.12;
}

const blasts = [
  [20, 21.4],
  [22, 23.4],
  [24, 24.5],
  [26, 27.4],
  [28, 29.4],
  [30, 30.5],
] as const;
function horn(second: number): number {
  const blast = blasts.find(([from, to]) => second >= from && second < to);
  if (!blast) return 0;
  const swell = Math.min(1, (second - blast[0]) * 8, (blast[1] - second) * 8);
  const tone = (hertz: number) => Math.sin(2 * Math.PI * hertz * second);
  return swell * 0.22 * (tone(146.8) + 0.6 * tone(293.7) + 0.3 * tone(440.5));
}

const ends = (second: number, seconds: number): number => Math.min(1, second * 2, (seconds - second) * 0.8);

/** The same noise each time: a small linear congruential generator, −1 to 1. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}
