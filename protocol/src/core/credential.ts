// The credential: `Authorization: Payment <base64url JSON>`, read strictly, sizes first (profile 1 §3).
import * as v from 'valibot';
import { textFromBase64url, textToBase64url } from './bytes.ts';
import { type Challenge, challengeSchema, readCanonicalChallenge } from './challenge.ts';
import { boundedText, decode, isObject, jsonObject } from './decode.ts';
import { canonicalJson, type Json, type JsonObject, parseJson, readJson } from './json.ts';
import { limits } from './limits.ts';
import { PaymentProblem } from './problems.ts';

export type Credential = { readonly challenge: Challenge; readonly payload: JsonObject; readonly source?: string };

/** `canonical`: the text of challenge and payload, when it came in canonical form. */
export type ReadCredential = Credential & { readonly canonical?: string };

export function printCredential(credential: Credential): string {
  return `Payment ${textToBase64url(canonicalJson(credential as unknown as Json))}`;
}

const schema = v.strictObject({
  challenge: challengeSchema,
  payload: jsonObject,
  source: v.exactOptional(boundedText(512)),
});

/** Finds a challenge that was read before by its canonical text: a session echoes the same one with each payment. */
export type Recall = (text: string) => Challenge | undefined;

/**
 * The one Payment credential among the values of Authorization and Payment-Authorization, all of them as received
 * (Node keeps only the first of two lines, so hosts pass all). Other schemes are the site's own login.
 * @returns `undefined` when there is none
 * @throws {PaymentProblem} `credentials-many`, `credential-too-large`, `credential-malformed`
 */
export function readCredential(values: readonly string[], recall?: Recall): ReadCredential | undefined {
  const ours = values.filter((value) => /^payment(?:[ \t]|$)/i.test(value));
  if (ours.length === 0) return undefined;
  if (ours.length > 1) throw new PaymentProblem('credentials-many');
  const value = ours[0] as string;
  if (value.length > limits.credentialBytes + 8) throw new PaymentProblem('credential-too-large');
  // Two credentials joined into one line by a proxy are two credentials.
  if (value.includes(',') && /,[ \t]*payment[ \t]/i.test(value)) throw new PaymentProblem('credentials-many');
  const blob = value.slice(7).trim();
  const text = textFromBase64url(blob.endsWith('=') ? blob.replace(/={1,2}$/, '') : blob);
  if (text === undefined) throw new PaymentProblem('credential-malformed');
  return readCanonical(text, recall) ?? decodeAny(text);
}

const HEAD = '{"challenge":';
const MIDDLE = ',"payload":';

/** As wallets print it: `{"challenge":…,"payload":…}`. `undefined` when it is written in any other way. */
function readCanonical(text: string, recall: Recall | undefined): ReadCredential | undefined {
  const end = text.indexOf(`}${MIDDLE}`) + 1;
  if (end === 0 || !text.startsWith(HEAD) || !text.endsWith('}')) return undefined;
  const part = text.slice(HEAD.length, end);
  const challenge = recall?.(part) ?? readCanonicalChallenge(part);
  const payload = challenge && readJson(text.slice(end + MIDDLE.length, -1), limits.jsonDepth - 1);
  if (!payload || !isObject(payload.value)) return undefined;
  return payload.isCanonical
    ? { challenge, payload: payload.value, canonical: text }
    : { challenge, payload: payload.value };
}

function decodeAny(text: string): ReadCredential {
  const json = parseJson(text);
  if (json === undefined) throw new PaymentProblem('credential-malformed');
  return decode(schema, json, 'credential-malformed');
}
