// A text as a QR code (ISO/IEC 18004) that a terminal can show: two modules a letter, black on white whatever its colours are.
import encodeQR from 'qr';
import type { Output } from './command.ts';

/** White modules around the code, which readers need: the standard's four. */
const QUIET = 4;
/** Larger codes (version 30 and up) are hard to read from a screen. */
const MOST_MODULES = 133;

const INK = '\u001b[30;107m';
const PLAIN = '\u001b[0m';

/** Lines of the picture, or `undefined` for a text that is too long for `columns` letters a line, or for any reader. */
export function pictureOf(text: string, columns: number): string[] | undefined {
  const modules = modulesOf(text);
  if (!modules || modules.length > columns || modules.length > MOST_MODULES + 2 * QUIET) return undefined;
  const lines: string[] = [];
  for (let row = 0; row < modules.length; row += 2) {
    const [above = [], below = []] = [modules[row], modules[row + 1]];
    const letters = above.map((dark, column) => LETTERS[dark ? 1 : 0][below[column] === true ? 1 : 0]);
    lines.push(`${INK}${letters.join('')}${PLAIN}`);
  }
  return lines;
}

/** By what is dark: above, then below. */
const LETTERS = [
  [' ', '▄'],
  ['▀', '█'],
] as const;

/** `true` is dark. `undefined`: no code of any size holds the text. */
function modulesOf(text: string): boolean[][] | undefined {
  if (text.length > MOST_BYTES) return undefined;
  return encodeQR(text, 'raw', { ecc: 'low', encoding: 'byte', border: QUIET });
}
/** Of the largest code with the least correction; our texts are ASCII. */
const MOST_BYTES = 2953;

/** The picture goes to people, not into the result. */
export function showPicture(text: string, out: Output): void {
  const { columns = 80 } = process.stderr;
  const lines = pictureOf(text, columns);
  if (lines) for (const line of lines) out.fact(line);
  else
    out.fact(`The text is too long for a picture of ${columns} columns: send it as it is, or make the window wider.`);
}
