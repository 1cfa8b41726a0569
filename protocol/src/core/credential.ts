// The credential: `Authorization: Payment <base64url JSON>`, read strictly, sizes first (profile 1 §3).
import * as v from 'valibot';
import { textFromBase64url, toBase64url, utf8 } from './bytes.ts';
import { type Challenge, challengeSchema } from './challenge.ts';
import { boundedText, decode, jsonObject } from './decode.ts';
import { canonicalJson, type Json, type JsonObject, parseJson } from './json.ts';
import { limits } from './limits.ts';
import { PaymentProblem } from './problems.ts';

export type Credential = { readonly challenge: Challenge; readonly payload: JsonObject; readonly source?: string };

export function printCredential(credential: Credential): string {
  return `Payment ${toBase64url(utf8(canonicalJson(credential as unknown as Json)))}`;
}

const schema = v.strictObject({
  challenge: challengeSchema,
  payload: jsonObject,
  source: v.exactOptional(boundedText(512)),
});

/**
 * The one Payment credential among the values of Authorization and Payment-Authorization, all of them as received
 * (Node keeps only the first of two lines, so hosts pass `headersDistinct`). Other schemes are the site's own login.
 * @returns `undefined` when there is none
 * @throws {PaymentProblem} `credentials-many`, `credential-too-large`, `credential-malformed`
 */
export function readCredential(values: readonly string[]): Credential | undefined {
  const ours = values.filter((value) => /^payment(?:[ \t]|$)/i.test(value));
  if (ours.length === 0) return undefined;
  if (ours.length > 1) throw new PaymentProblem('credentials-many');
  const value = ours[0] as string;
  if (value.length > limits.credentialBytes + 8) throw new PaymentProblem('credential-too-large');
  // Two credentials joined into one line by a proxy are two credentials.
  if (/,[ \t]*payment[ \t]/i.test(value)) throw new PaymentProblem('credentials-many');
  const blob = value
    .slice(7)
    .trim()
    .replace(/={1,2}$/, '');
  const text = textFromBase64url(blob);
  const json = text === undefined ? undefined : parseJson(text);
  if (json === undefined) throw new PaymentProblem('credential-malformed');
  return decode(schema, json, 'credential-malformed');
}
