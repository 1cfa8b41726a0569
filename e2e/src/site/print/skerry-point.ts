// "Skerry Point at dusk", the large print: a lighthouse on its headland, painted point by point. The same numbers each time, so
// the print is the same to the byte wherever it is made.
import { setImmediate as turn } from 'node:timers/promises';
import type { Size } from './png.ts';

type Colour = readonly [red: number, green: number, blue: number];

export const PRINT: Size = { width: 1600, height: 1000 };
/** Of the height, from the top. */
const HORIZON = 0.62;
const SUN = { x: 0.24, y: 0.6 };
const TOWER = { x: 0.71, top: 0.24, foot: 0.56, half: 0.011 };
const ROWS_A_TURN = 4;

/** Rows of red, green and blue, from the top; other work goes on in between. */
export async function* paint({ width, height }: Size): AsyncGenerator<Uint8Array> {
  for (let y = 0; y < height; y++) {
    if (y % ROWS_A_TURN === 0) await turn();
    const row = new Uint8Array(width * 3);
    for (let x = 0; x < width; x++) row.set(pointAt(x / width, y / height, width / height), x * 3);
    yield row;
  }
}

/** `x` and `y` from 0 to 1. */
function pointAt(x: number, y: number, ratio: number): Colour {
  const tower = towerAt(x, y);
  if (tower) return tower;
  if (y > ridgeAt(x)) return rock(x, y);
  const back = y < HORIZON ? sky(x, y, ratio) : sea(x, y, ratio);
  return add(back, [255, 236, 170], beams(x, y, ratio));
}

// ── the air ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const DUSK: readonly Colour[] = [
  [16, 22, 52],
  [46, 44, 92],
  [128, 66, 104],
  [222, 112, 88],
  [250, 180, 108],
];

function sky(x: number, y: number, ratio: number): Colour {
  const height = y / HORIZON;
  const air = gradient(DUSK, height ** 1.4);
  const glow = Math.exp(-((((x - SUN.x) * ratio) ** 2 + (y - SUN.y) ** 2) * 9));
  const cloud = ramp(clouds(x * 3.2 + 7, y * 11), 0.52, 0.78) * ramp(height, 0.1, 0.7);
  const lit = mix(add(air, [255, 176, 90], glow * 0.5), [96, 52, 84], cloud * 0.55);
  return add(lit, [235, 238, 255], star(x, y) * (1 - ramp(height, 0.25, 0.7)));
}

/** One in some thousand little squares holds a star. */
function star(x: number, y: number): number {
  const [column, line] = [Math.floor(x * 800), Math.floor(y * 500)];
  return noise(column * 3, line * 5) > 0.9985 ? noise(line, column) : 0;
}

// ── the water ───────────────────────────────────────────────────────────────────────────────────────────────────────

function sea(x: number, y: number, ratio: number): Colour {
  const depth = (y - HORIZON) / (1 - HORIZON);
  // Waves are long far away, and flat.
  const swell = clouds(x * (30 - 24 * depth), y * (260 - 190 * depth) + 40);
  const mirrored = sky(x, Math.max(0, HORIZON - (y - HORIZON) * 0.9 - swell * 0.03), ratio);
  const path = Math.exp(-(((x - SUN.x) * ratio) ** 2) * (60 - 40 * depth)) * ramp(swell, 0.45, 0.7);
  return add(mix(mirrored, [10, 20, 44], 0.35 + depth * 0.45 - swell * 0.12), [255, 170, 100], path * 0.5);
}

// ── the land ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The line of the headland; it runs out of the picture to the left. */
function ridgeAt(x: number): number {
  const rise = ramp(x, 0.42, 0.66) * 0.16 + ramp(x, 0.6, 0.75) * 0.03 - ramp(x, 0.86, 1) * 0.05;
  const shore = ramp(0.5 - x, 0, 0.2) ** 2 * 0.5;
  return 0.72 - rise + shore + (clouds(x * 26, 3) - 0.5) * 0.035;
}

function rock(x: number, y: number): Colour {
  const grain = clouds(x * 90, y * 70);
  const edge = 1 - ramp(y - ridgeAt(x), 0, 0.02);
  return add(
    [13 + grain * 16, 14 + grain * 12, 26 + grain * 14],
    [214, 112, 84],
    edge * 0.28 * (1 - ramp(x, 0.45, 0.8)),
  );
}

/** White with two red bands, rounded by its shadow; a gallery, the lamp, and a roof. */
function towerAt(x: number, y: number): Colour | undefined {
  const { top, foot, half } = TOWER;
  const across = (x - TOWER.x) / (half * (0.72 + 0.5 * ramp(y, top, foot)));
  const shade = 0.34 + 0.5 * ramp(-across, -1, 0.8);
  const painted = ([red, green, blue]: Colour): Colour => [red * shade, green * shade, blue * shade];
  if (y >= top && y < foot + 0.03 && Math.abs(across) < 1) {
    const height = (y - top) / (foot - top);
    const isRed = (height > 0.2 && height < 0.4) || (height > 0.6 && height < 0.8);
    return painted(isRed ? [214, 74, 62] : [250, 232, 214]);
  }
  if (y >= top - 0.008 && y < top && Math.abs(x - TOWER.x) < half * 1.15) return painted([60, 52, 66]);
  if (y >= top - 0.034 && y < top - 0.008 && Math.abs(x - TOWER.x) < half * 0.55) return [255, 240, 190];
  const roof = (y - (top - 0.056)) / 0.022;
  if (roof >= 0 && roof < 1 && Math.abs(x - TOWER.x) < half * 0.75 * roof) return painted([120, 44, 48]);
  return undefined;
}

/** Two of them, wider and fainter with their way. */
function beams(x: number, y: number, ratio: number): number {
  const [dx, dy] = [(x - TOWER.x) * ratio, y - (TOWER.top - 0.021)];
  const way = Math.abs(dx);
  const middle = dx < 0 ? dy - way * 0.1 : dy + way * 0.06;
  const spread = 0.006 + way * 0.07;
  return Math.exp(-((middle / spread) ** 2)) * 0.5 * Math.exp(-way * 1.3) + Math.exp(-(dx ** 2 + dy ** 2) * 900) * 0.8;
}

// ── paint ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const mix = ([r, g, b]: Colour, [red, green, blue]: Colour, share: number): Colour => [
  r + (red - r) * share,
  g + (green - g) * share,
  b + (blue - b) * share,
];

/** Light on light, and never more than white. */
const add = ([r, g, b]: Colour, [red, green, blue]: Colour, share: number): Colour => [
  Math.min(255, r + red * share),
  Math.min(255, g + green * share),
  Math.min(255, b + blue * share),
];

/** 0 until `from`, 1 from `to` on. */
const ramp = (at: number, from: number, to: number): number => Math.min(1, Math.max(0, (at - from) / (to - from)));

function gradient(stops: readonly Colour[], at: number): Colour {
  const place = Math.min(1, Math.max(0, at)) * (stops.length - 1);
  const first = Math.min(stops.length - 2, Math.floor(place));
  const [one, next] = [stops[first], stops[first + 1]];
  return one && next ? mix(one, next, place - first) : [0, 0, 0];
}

/** Noise of four sizes, 0 to 1. */
function clouds(x: number, y: number): number {
  let [sum, weight] = [0, 0.5];
  for (let size = 1; size <= 8; size *= 2) {
    sum += smooth(x * size, y * size) * weight;
    weight /= 2;
  }
  return sum / 0.9375;
}

/** Between the four corners of a square. */
function smooth(x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [dx, dy] = [ease(x - left), ease(y - top)];
  const above = noise(left, top) * (1 - dx) + noise(left + 1, top) * dx;
  const below = noise(left, top + 1) * (1 - dx) + noise(left + 1, top + 1) * dx;
  return above * (1 - dy) + below * dy;
}

const ease = (at: number): number => at * at * (3 - 2 * at);

/** A number from 0 to 1 for each corner, always the same: integers alone, so that every machine agrees. */
function noise(x: number, y: number): number {
  let mixed = Math.imul(x, 374_761_393) ^ Math.imul(y, 668_265_263);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 1_274_126_177);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 4_294_967_295;
}
