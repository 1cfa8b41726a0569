// A terminal's picture is read back by the eye of a machine.
import decodeQR from 'qr/decode.js';
import { expect, test } from 'vitest';
import { pictureOf } from './picture.ts';

const DARK: Readonly<Record<string, readonly [above: boolean, below: boolean]>> = {
  ' ': [false, false],
  '▄': [false, true],
  '▀': [true, false],
  '█': [true, true],
};
/** Pixels a module, as a camera would see some. */
const SCALE = 4;

/** The lines as a photograph of them. */
function photo(lines: readonly string[]): { width: number; height: number; data: Uint8Array } {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of the terminal are no part of the picture
  const letters = lines.map((line) => [...line.replace(/\u001b\[[\d;]*m/g, '')]);
  const modules = letters.flatMap((line) => [0, 1].map((half) => line.map((letter) => DARK[letter]?.[half] ?? false)));
  const [width, height] = [(modules[0]?.length ?? 0) * SCALE, modules.length * SCALE];
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const dark = modules[Math.floor(y / SCALE)]?.[Math.floor(x / SCALE)] ?? false;
      if (dark) data.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  }
  return { width, height, data };
}

test.each([20, 300, 900, 1400])('a text of %i letters is read back from the screen', (letters) => {
  const text = 'farthing-gift:'.padEnd(letters, 'aB3_-');
  const lines = pictureOf(text, 200);
  expect(lines && decodeQR(photo(lines), { timeLimit: 10_000 })).toBe(text);
});

test('a picture that the terminal or a reader cannot hold is not drawn', () => {
  expect(pictureOf('a'.repeat(300), 40)).toBeUndefined();
  expect(pictureOf('a'.repeat(300), 80)).toHaveLength(35);
  expect(pictureOf('a'.repeat(2500), 500)).toBeUndefined();
  expect(pictureOf('a'.repeat(100_000), 500)).toBeUndefined();
});
