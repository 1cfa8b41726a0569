// One frame of "Skerry Point": an evening at a lighthouse, drawn on a canvas of 640 × 360. Runs in a page, so it imports nothing.

type Pen = CanvasRenderingContext2D;
type Point = readonly [x: number, y: number];
type Colour = readonly [red: number, green: number, blue: number];
/** `night`: 0 by day, 1 when it is dark. */
type Moment = { readonly pen: Pen; readonly second: number; readonly night: number };

const WIDTH = 640;
const HEIGHT = 360;
const HORIZON = 232;
const LAMP = { x: 470, y: 84 };
/** The light counts from this second on. */
const LIT_FROM = 14;

/** @param second moment of the film, 0 to 36, with its fraction */
export function draw(canvas: HTMLCanvasElement, second: number): void {
  const pen = canvas.getContext('2d');
  if (!pen) throw new Error('this browser has no canvas');
  const moment = { pen, second, night: ramp(second, 2, 16) };
  for (const part of [sky, sea, beams, headland, tower, dinghy, fog, words]) part(moment);
}

/** 0 until `from`, 1 from `to` on. */
const ramp = (second: number, from: number, to: number): number =>
  Math.min(1, Math.max(0, (second - from) / (to - from)));

const blend = (day: Colour, dark: Colour, share: number): string =>
  `rgb(${day.map((value, n) => Math.round(value + ((dark[n] ?? 0) - value) * share)).join(' ')})`;

function fill(pen: Pen, style: string | CanvasGradient, shape: (path: Pen) => void): void {
  pen.fillStyle = style;
  pen.beginPath();
  shape(pen);
  pen.fill();
}

/** A polygon. */
function area(pen: Pen, style: string | CanvasGradient, corners: readonly Point[]): void {
  fill(pen, style, (path) => {
    for (const [x, y] of corners) path.lineTo(x, y);
  });
}

function fade(pen: Pen, [from, to]: readonly [Point, Point], stops: readonly string[]): CanvasGradient {
  const gradient = pen.createLinearGradient(...from, ...to);
  for (const [n, stop] of stops.entries()) gradient.addColorStop(n / (stops.length - 1), stop);
  return gradient;
}

function withAlpha(pen: Pen, alpha: number, paint: () => void): void {
  pen.globalAlpha = alpha;
  paint();
  pen.globalAlpha = 1;
}

function sky({ pen, second, night }: Moment): void {
  const stops = [
    blend([58, 66, 110], [8, 12, 28], night),
    blend([200, 98, 92], [22, 30, 58], night),
    blend([246, 178, 106], [48, 58, 88], night),
  ];
  const air = fade(
    pen,
    [
      [0, 0],
      [0, HORIZON],
    ],
    stops,
  );
  fill(pen, air, (path) => path.rect(0, 0, WIDTH, HORIZON));
  for (let n = 0; n < 60; n++) {
    const size = n % 5 ? 1.4 : 2.2;
    withAlpha(pen, ramp(second, 9 + (n % 7), 15 + (n % 7)) * (0.35 + ((n * 37) % 60) / 100), () =>
      fill(pen, '#fff', (path) => path.rect((n * n * 61 + n * 7) % WIDTH, (n * n * 29 + n * 43) % 190, size, size)),
    );
  }
  fill(pen, '#ffdf9e', (path) => path.arc(190, 168 + ramp(second, 0, 12) * 120, 34, 0, 7));
}

function sea({ pen, second, night }: Moment): void {
  const stops = [blend([168, 92, 88], [26, 36, 62], night), blend([40, 40, 70], [6, 10, 22], night)];
  const water = fade(
    pen,
    [
      [0, HORIZON],
      [0, HEIGHT],
    ],
    stops,
  );
  fill(pen, water, (path) => path.rect(0, HORIZON, WIDTH, HEIGHT));
  pen.strokeStyle = blend([255, 206, 150], [120, 140, 180], night);
  for (let row = 0; row < 7; row++) {
    pen.lineWidth = 1 + row * 0.35;
    pen.beginPath();
    for (let x = 0; x <= WIDTH; x += 8) {
      const lift = Math.sin(x / (18 + row * 7) + second * (1.3 - row * 0.1) + row * 2) * (1 + row * 0.7);
      pen.lineTo(x, HORIZON + 10 + row * row * 2.3 + lift);
    }
    withAlpha(pen, 0.34 - row * 0.03, () => pen.stroke());
  }
}

/** Two long, one short, then dark: 0 to 1. */
function brightness(second: number): number {
  if (second < LIT_FROM) return 0;
  const beat = (second - LIT_FROM) % 6;
  const glow = (from: number, to: number): number => Math.max(0, Math.min(1, (beat - from) * 6, (to - beat) * 6));
  return Math.max(glow(0, 1.4), glow(2, 3.4), glow(4, 4.5));
}

function beams({ pen, second }: Moment): void {
  const sweep = 50 + 14 * Math.sin(second / 3);
  for (const [x, top, bottom] of [
    [-40, sweep, sweep + 110],
    [WIDTH + 20, LAMP.y - 22, LAMP.y + 30],
  ] as const) {
    const ends: [Point, Point] = [
      [LAMP.x, LAMP.y],
      [x, (top + bottom) / 2],
    ];
    const light = fade(pen, ends, ['rgb(255 236 180 / .9)', 'rgb(255 236 180 / 0)']);
    const corners: Point[] = [
      [LAMP.x, LAMP.y - 3],
      [x, top],
      [x, bottom],
      [LAMP.x, LAMP.y + 3],
    ];
    withAlpha(pen, brightness(second) * 0.75, () => area(pen, light, corners));
  }
}

function headland({ pen, second }: Moment): void {
  fill(pen, '#0d1120', (path) => {
    path.moveTo(330, 262);
    path.bezierCurveTo(380, 236, 420, 226, 455, 214);
    path.bezierCurveTo(500, 206, 560, 222, WIDTH, 218);
    path.lineTo(WIDTH, HEIGHT);
    path.lineTo(300, HEIGHT);
  });
  fill(pen, '#1a2136', (path) => path.rect(498, 190, 38, 28));
  area(pen, '#2a3350', [
    [493, 191],
    [517, 174],
    [541, 191],
  ]);
  fill(pen, second > 8.5 ? '#ffcf7a' : '#39415c', (path) => path.rect(510, 198, 11, 12));
}

function tower({ pen, second, night }: Moment): void {
  const stone = blend([236, 228, 212], [132, 136, 150], night);
  const stripe = blend([172, 56, 46], [96, 40, 44], night);
  const half = (y: number): number => 13 + (y - LAMP.y) * 0.065;
  for (let n = 0; n < 5; n++) {
    const [top, bottom] = [LAMP.y + 12 + n * 24, LAMP.y + 36 + n * 24];
    area(pen, n % 2 ? stripe : stone, [
      [LAMP.x - half(top), top],
      [LAMP.x + half(top), top],
      [LAMP.x + half(bottom), bottom + 1],
      [LAMP.x - half(bottom), bottom + 1],
    ]);
  }
  fill(pen, '#1a2033', (path) => path.rect(LAMP.x - 18, LAMP.y + 8, 36, 5));
  area(pen, '#1a2033', [
    [LAMP.x - 13, LAMP.y - 9],
    [LAMP.x, LAMP.y - 22],
    [LAMP.x + 13, LAMP.y - 9],
  ]);
  const pane = brightness(second) > 0 ? '#fff3cf' : blend([120, 128, 150], [52, 58, 80], night);
  fill(pen, pane, (path) => path.rect(LAMP.x - 10, LAMP.y - 9, 20, 17));
}

/** One vessel: it rows towards the light, with a lantern when it is dark. */
function dinghy({ pen, second }: Moment): void {
  const x = 30 + ramp(second, 5, 33) * 290;
  const y = 278 + Math.sin(second * 1.6) * 2;
  pen.strokeStyle = '#0b0e1a';
  pen.lineWidth = 2;
  pen.beginPath();
  pen.moveTo(x - 2, y - 4);
  pen.lineTo(x - 10 + Math.sin(second * 3) * 9, y + 9);
  pen.stroke();
  fill(pen, '#0b0e1a', (path) => {
    path.moveTo(x - 20, y - 3);
    path.quadraticCurveTo(x, y + 14, x + 22, y - 4);
    path.closePath();
    path.arc(x - 1, y - 14, 4, 0, 7);
    path.rect(x - 5, y - 11, 8, 10);
  });
  withAlpha(pen, ramp(second, 10, 12), () => fill(pen, '#ffd27d', (path) => path.arc(x + 19, y - 8, 2.6, 0, 7)));
}

function fog({ pen, second }: Moment): void {
  const thick = ramp(second, 15, 21) * (1 - ramp(second, 28, 33));
  for (const [n, y] of [214, 246, 290].entries()) {
    const ends: [Point, Point] = [
      [0, y - 44],
      [0, y + 44],
    ];
    const bank = fade(pen, ends, ['rgb(150 160 180 / 0)', '#8c96aa', 'rgb(150 160 180 / 0)']);
    withAlpha(pen, thick * (0.5 - n * 0.1), () => fill(pen, bank, (path) => path.rect(0, y - 44, WIDTH, 88)));
  }
}

function words({ pen, second }: Moment): void {
  const write = (text: string, { size, y, alpha }: { size: number; y: number; alpha: number }): void => {
    pen.font = `600 ${size}px Georgia, serif`;
    pen.textAlign = 'center';
    pen.fillStyle = '#fff7e6';
    withAlpha(pen, alpha, () => pen.fillText(text, 230, y));
  };
  const title = ramp(second, 0.4, 1.2) * (1 - ramp(second, 4, 5));
  write('Skerry Point', { size: 44, y: 96, alpha: title });
  write('an evening in thirty-six seconds', { size: 18, y: 126, alpha: title });
  write('Wind none. Visibility none.', { size: 24, y: 186, alpha: ramp(second, 33, 34) });
  write('One vessel.', { size: 24, y: 218, alpha: ramp(second, 34, 34.6) });
  pen.font = '600 14px ui-monospace, monospace';
  pen.textAlign = 'end';
  pen.fillStyle = '#fff';
  withAlpha(pen, 0.8, () =>
    pen.fillText(`0:${String(Math.floor(second) + 1).padStart(2, '0')}`, WIDTH - 12, HEIGHT - 12),
  );
}
