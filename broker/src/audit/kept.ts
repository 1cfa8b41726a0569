// What a replay knows at one moment, kept for a later one: lines of JSON in pages that are compressed each by itself, so that neither
// who writes nor who reads has more than one of them in memory. First how the lines are to be read, then what is small, as Node's
// structured data, then a line for each value on a shelf.
import { deserialize, serialize } from 'node:v8';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Shelves } from './shelves.ts';

/** Raised when what the models keep takes another shape: then it is made anew from the archives. */
const SHAPE = 2;

/** Of lines, before they are compressed; and no page is larger than this by more than one line. */
const PAGE_CHARS = 1_048_576;
const PART_BYTES = 524_288;
const MOST_BYTES = 64 * 1024 * 1024;

/** What was kept is of another version of the program. */
export class OtherShape extends Error {
  override name = 'OtherShape';

  constructor() {
    super(
      'what the audit goes on from was kept by another version: broker audit --archive FOLDER --renew makes it anew from the archives',
    );
  }
}

export function* printKept(kept: object, shelves: Shelves): Generator<Uint8Array> {
  let page = '';
  for (const line of linesOf(kept, shelves)) {
    page += `${line}\n`;
    if (page.length < PAGE_CHARS) continue;
    yield gzipSync(page);
    page = '';
  }
  if (page !== '') yield gzipSync(page);
}

function* linesOf(kept: object, shelves: Shelves): Generator<string> {
  yield JSON.stringify(['kept', SHAPE]);
  const small = serialize(kept);
  for (let at = 0; at < small.length; at += PART_BYTES) {
    yield JSON.stringify(['small', small.subarray(at, at + PART_BYTES).toString('base64url')]);
  }
  for (const [shelf, name, text] of shelves.rows()) yield `["on",${JSON.stringify([shelf, name])},${text}]`;
}

/** Fills the shelves. @returns what is small @throws {OtherShape} @throws {Error} it is damaged */
export function readKept(pages: Iterable<Uint8Array>, shelves: Shelves): unknown {
  const parts: Buffer[] = [];
  let isOpen = false;
  for (const page of pages) {
    for (const line of isOpen ? linesIn(page) : needShape(page)) {
      const [kind, about, value] = JSON.parse(line) as [string, unknown, unknown];
      if (kind === 'small' && typeof about === 'string') parts.push(Buffer.from(about, 'base64url'));
      else if (kind === 'on' && Array.isArray(about))
        shelves.put(String(about[0]), String(about[1]), JSON.stringify(value));
      else throw new Error(`a line of kind ${kind.slice(0, 20)}`);
    }
    isOpen = true;
  }
  return deserialize(Buffer.concat(parts));
}

const linesIn = (page: Uint8Array): string[] =>
  gunzipSync(page, { maxOutputLength: MOST_BYTES }).toString().trimEnd().split('\n');

/** Whether this version wrote the page that comes first. */
export const isOfThisShape = (page: Uint8Array): boolean => firstLines(page)[0] === JSON.stringify(['kept', SHAPE]);

/** The first page without its first line. */
function needShape(page: Uint8Array): string[] {
  if (!isOfThisShape(page)) throw new OtherShape();
  return firstLines(page).slice(1);
}

/** Earlier versions had one stream over all pages. */
function firstLines(page: Uint8Array): string[] {
  try {
    return linesIn(page);
  } catch {
    return [];
  }
}

/** Puts what is in `from` into the maps, sets and lists of `into`, which others hold. @throws {Error} the shapes differ */
export function refill(into: unknown, from: unknown): void {
  if (into instanceof Map && from instanceof Map) {
    into.clear();
    for (const [key, value] of from) into.set(key, value);
  } else if (into instanceof Set && from instanceof Set) {
    into.clear();
    for (const value of from) into.add(value);
  } else if (Array.isArray(into) && Array.isArray(from)) {
    into.length = 0;
    for (const value of from) into.push(value);
  } else if (isPlain(into) && isPlain(from)) {
    for (const [name, member] of Object.entries(into)) {
      if (typeof member === 'object') refill(member, from[name]);
      else if (typeof member === typeof from[name]) into[name] = from[name];
      else throw new Error(`${name} is missing`);
    }
  } else throw new Error('a part of it is missing');
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
