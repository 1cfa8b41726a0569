// How options are checked: an unknown name is refused with the nearest known one, a wrong value with what was expected.
import { SetupError } from './setup-error.ts';

export const between = (value: number, most: number): boolean =>
  Number.isSafeInteger(value) && value >= 1 && value <= most;

export function need(good: boolean, name: string, expected: string): void {
  if (!good) throw new SetupError('option-invalid', `${name}: expected ${expected}`);
}

export function known(where: string, options: object, names: string): void {
  if (typeof options !== 'object' || options === null)
    throw new SetupError('option-invalid', `${where} takes an object`);
  const list = names.split(' ');
  for (const name of Object.keys(options)) {
    if (list.includes(name)) continue;
    const nearest = list.toSorted((a, b) => distance(name, a) - distance(name, b))[0];
    throw new SetupError('option-unknown', `${where} has no option '${name.slice(0, 40)}': did you mean '${nearest}'?`);
  }
}

/** Edit distance (Levenshtein), on names of a few letters. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  [...a.slice(0, 40).toLowerCase()].forEach((letter, i) => {
    const next = [i + 1];
    [...b.toLowerCase()].forEach((other, j) => {
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)));
    });
    row = next;
  });
  return row[b.length] ?? 0;
}
