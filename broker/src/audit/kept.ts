// What a replay knows at one moment, kept for a later one. It is stored as Node's structured data, in which a payment that is in two
// lists stays one payment.
import { deserialize, serialize } from 'node:v8';

/** Raised when what the models keep takes another shape: then a replay starts from the archives, or at the beginning. */
const SHAPE = 1;

export const printKept = (kept: object): Uint8Array => serialize({ shape: SHAPE, kept });

/** @throws {Error} another version of the program wrote it, or it is damaged */
export function readKept(bytes: Uint8Array): unknown {
  const read: unknown = deserialize(bytes);
  if (!isPlain(read) || read['shape'] !== SHAPE) throw new Error('it is of another version: audit with --archive');
  return read['kept'];
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
