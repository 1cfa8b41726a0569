// What people hand to each other as text, link or picture: a few members as JSON, NUL, and raw bytes, all in base64url after a
// prefix. Pictures are small because keys and signatures are not encoded twice.
import type * as v from 'valibot';
import { concat, fromBase64url, fromUtf8, toBase64url, utf8 } from '../core/bytes.ts';
import { tryDecode } from '../core/decode.ts';
import { canonicalJson, type JsonObject, parseJson } from '../core/json.ts';

/** 64 coins of 386 letters and what is around them. */
const MOST_CHARACTERS = 32_768;

export const printFramed = (prefix: string, members: JsonObject, bytes: Uint8Array = new Uint8Array()): string =>
  prefix + toBase64url(frame(members, bytes));

export const frame = (members: JsonObject, bytes: Uint8Array): Uint8Array =>
  concat(utf8(canonicalJson(members)), Uint8Array.of(0), bytes);

export type Framed<Members> = { readonly members: Members; readonly bytes: Uint8Array };

/** Finds it in what was pasted, scanned or followed: the text itself, or an address with it behind `#`. */
export function readFramed<Schema extends v.GenericSchema>(
  prefix: string,
  text: string,
  schema: Schema,
): Framed<v.InferOutput<Schema>> | undefined {
  const start = text.indexOf(prefix);
  const body = text.slice(start + prefix.length).trim();
  const bytes = start < 0 || body.length > MOST_CHARACTERS ? undefined : fromBase64url(body);
  return bytes && unframe(bytes, schema);
}

export function unframe<Schema extends v.GenericSchema>(
  bytes: Uint8Array,
  schema: Schema,
): Framed<v.InferOutput<Schema>> | undefined {
  const end = bytes.indexOf(0);
  if (end < 0) return undefined;
  try {
    const members = tryDecode(schema, parseJson(fromUtf8(bytes.subarray(0, end))));
    return members === undefined ? undefined : { members, bytes: bytes.subarray(end + 1) };
  } catch {
    return undefined;
  }
}
