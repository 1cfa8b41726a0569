// Canonical JSON (RFC 8785, JCS) for what is signed, and strict reading: bounded depth, no member twice.
import { limits } from './limits.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

/**
 * RFC 8785 text of a value. Numbers must be safe integers: money is never a JSON number here.
 * @throws {TypeError} our own mistake: a fraction, a lone surrogate, something that is not JSON
 */
export function canonicalJson(value: Json | undefined): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'object' && isInOrder(value)) {
    // As most comes: the serialiser writes the same, at once and in one piece.
    const text = JSON.stringify(value);
    if (!text.includes('\\ud')) return text;
  }
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new TypeError('canonical JSON takes safe integers only');
    return String(Object.is(value, -0) ? 0 : value);
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  if (typeof value !== 'object') throw new TypeError(`canonical JSON cannot hold a ${typeof value}`);
  const object = value as JsonObject;
  let members = '';
  for (const name of Object.keys(object).sort()) {
    const member = object[name];
    if (member !== undefined) members += `${members === '' ? '' : ','}${quote(name)}:${canonicalJson(member)}`;
  }
  return `{${members}}`;
}

/** Members in canonical order everywhere, and nothing in it that the serialiser would write in another way, or leave out. */
function isInOrder(value: Json | undefined): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!isInOrder(item)) return false;
    return true;
  }
  let last = '';
  for (const name in value) {
    const member = (value as JsonObject)[name];
    if (name < last || !(member === undefined || isInOrder(member))) return false;
    last = name;
  }
  return true;
}

/** Text that stands in JSON as it is: nearly all of ours, and this is faster than to ask the serialiser. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new TypeError('canonical JSON takes well-formed strings only');
  return JSON.stringify(text);
}

/** `isCanonical`: the text is what `canonicalJson` makes of the value, so that nobody needs to print it again. */
export type ReadJson = { readonly value: Json; readonly isCanonical: boolean };

/** Parses JSON text; `undefined` when it is not JSON, is deeper than `levels`, or names a member twice. */
export function readJson(text: string, levels: number = limits.jsonDepth): ReadJson | undefined {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  const form = formOf(value, levels);
  if (form === TOO_DEEP) return undefined;
  // What a serialiser wrote comes out the same, so it held no member twice; anything else is scanned.
  if (JSON.stringify(value) !== text) return repeatsMember(text) ? undefined : { value, isCanonical: false };
  // Half a surrogate pair can only come from an escape.
  return { value, isCanonical: form === SORTED && !text.includes('\\ud') };
}

/** The value alone. */
export const parseJson = (text: string): Json | undefined => readJson(text)?.value;

const [TOO_DEEP, UNSORTED, SORTED] = [0, 1, 2];

/** `SORTED`: members in canonical order everywhere, and whole numbers only. */
function formOf(value: Json | undefined, levels: number): number {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? SORTED : UNSORTED;
  if (typeof value !== 'object' || value === null) return SORTED;
  if (levels === 0) return TOO_DEEP;
  if (Array.isArray(value))
    return value.reduce<number>((form, item) => Math.min(form, formOf(item, levels - 1)), SORTED);
  let form = SORTED;
  let last = '';
  for (const name in value) {
    if (name < last) form = Math.min(form, UNSORTED);
    last = name;
    form = Math.min(form, formOf((value as JsonObject)[name], levels - 1));
  }
  return form;
}

/** Scans text that JSON.parse has accepted. A string followed by a colon is a member's name. */
function repeatsMember(text: string): boolean {
  const open: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === '{' || c === '[') open.push(new Set());
    else if (c === '}' || c === ']') open.pop();
    else if (c === '"') {
      const start = i;
      for (i++; text.charAt(i) !== '"'; i++) if (text.charAt(i) === '\\') i++;
      let next = i + 1;
      while (' \t\r\n'.includes(text.charAt(next)) && next < text.length) next++;
      if (text.charAt(next) !== ':') continue;
      const name = JSON.parse(text.slice(start, i + 1)) as string;
      const names = open.at(-1);
      if (!names || names.has(name)) return true;
      names.add(name);
    }
  }
  return false;
}
