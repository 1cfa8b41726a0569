import decodeQR from 'qr/decode.js';
import { describe, expect, it } from 'vitest';
import { type QrCode, qrCode } from './qr.tsx';

/** What a camera would see: white paper, and each module four pixels wide. */
function photograph({ size, path }: QrCode) {
  const scale = 4;
  const width = size * scale;
  const data = new Uint8ClampedArray(width * width * 4).fill(255);
  for (const [, x, y, run] of path.matchAll(/M(\d+) (\d+)h(\d+)v1H\d+z/g))
    for (let row = 0; row < scale; row++)
      for (let column = 0; column < Number(run) * scale; column++) {
        const pixel = ((Number(y) * scale + row) * width + Number(x) * scale + column) * 4;
        data.fill(0, pixel, pixel + 3);
      }
  return { width, height: width, data };
}

describe('A gift as a picture', () => {
  it.each([40, 800, 1_600])('of %i characters is read by a camera as it was written', (length) => {
    const text = `farthing-gift:${'eyJ0eXAiOiJnaWZ0LzEi'.repeat(100)}`.slice(0, length);
    const code = qrCode(text);
    expect(code && decodeQR(photograph(code))).toBe(text);
  });

  it('of more coins than a camera can make out on a screen is not drawn', () => {
    expect(qrCode('x'.repeat(1_629))).toBeUndefined();
  });
});
