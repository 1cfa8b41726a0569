// The Gazette's archive: a page of notices for each year since 1871, made up from a handful of words and always the same.
import { createHash } from 'node:crypto';
import type { Article } from './content.ts';

export const archivePrice = '0.0005 USD';
export const FIRST_YEAR = 1871;
export const LAST_YEAR = 1970;

const people = [
  'Captain Oke',
  'the widow Lund',
  'Teodor Vahl, postman',
  'the harbour master',
  'a gentleman from the capital',
];
const things = [
  'an umbrella',
  'a crate of lemons',
  'one boot, left',
  'a barometer that only falls',
  'a goose of some standing',
];
const places = [
  'on the north pier',
  'behind the chandler’s',
  'aboard the ferry',
  'under the light at Skerry Point',
  'in the fish hall',
];
const ends = [
  'The owner may have it for the asking.',
  'Nobody was hurt, and nobody was surprised.',
  'The matter is with the council.',
  'It has since been returned, with a note.',
  'The finder asks for nothing, and means it.',
];
const weathers = [
  'Fog until noon',
  'A hard frost',
  'Wind from the west, and then from everywhere',
  'Fair',
  'Rain of the usual sort',
];
const months = ['January', 'March', 'May', 'July', 'October', 'December'];

const isYear = (year: number): boolean => Number.isInteger(year) && year >= FIRST_YEAR && year <= LAST_YEAR;

/** `undefined` for years in which the paper did not appear, or that are not in the archive. */
export function yearOf(text: string): Article | undefined {
  const year = /^\d{4}$/.test(text) ? Number(text) : Number.NaN;
  if (!isYear(year)) return undefined;
  return {
    slug: text,
    kicker: 'From the archive',
    title: `The year ${year}`,
    standfirst: `What the Gazette found worth a line in ${year}.`,
    minutes: 1,
    paragraphs: months.map((month) => notice(month, year)),
  };
}

function notice(month: string, year: number): string {
  const dice = createHash('sha256').update(`${month} ${year}`).digest();
  const pick = (list: readonly string[], n: number) => list[(dice[n] ?? 0) % list.length] ?? '';
  const day = 1 + ((dice[5] ?? 0) % 28);
  return `${month} ${day}. ${pick(weathers, 0)}. Found ${pick(places, 1)} by ${pick(people, 2)}: ${pick(things, 3)}. ${pick(ends, 4)}`;
}
