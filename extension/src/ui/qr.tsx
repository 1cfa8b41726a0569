// A text as a picture that a camera reads (QR code, ISO/IEC 18004): black on white, whatever the screen's colours are.
import encodeQR from 'qr';

/** White modules around the code, which readers need: the standard's four. */
const QUIET = 4;
/** Larger codes (version 30 and up) are hard to read from a screen. */
const MOST_MODULES = 133 + 2 * QUIET;
/** Of the largest code that is shown, with the least correction; our texts are ASCII. */
const MOST_BYTES = 1628;

export type QrCode = { readonly size: number; readonly path: string };

/** The dark modules as one path on a grid of `size`, or `undefined` for a text that is too long for a screen. */
export function qrCode(text: string): QrCode | undefined {
  if (text.length > MOST_BYTES) return undefined;
  const modules = encodeQR(text, 'raw', { ecc: 'low', encoding: 'byte', border: QUIET });
  if (modules.length > MOST_MODULES) return undefined;
  return { size: modules.length, path: modules.flatMap(runsOf).join('') };
}

/** Dark modules beside each other are one rectangle. */
function runsOf(row: readonly boolean[], y: number): string[] {
  const runs: string[] = [];
  for (let x = 0; x < row.length; x++) {
    if (!row[x]) continue;
    const start = x;
    while (row[x]) x++;
    runs.push(`M${start} ${y}h${x - start}v1H${start}z`);
  }
  return runs;
}

export function Qr({ code: { size, path }, label }: { code: QrCode; label: string }) {
  return (
    <svg class="qr" role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`} shape-rendering="crispEdges">
      <path d={path} />
    </svg>
  );
}
