// The receipt: `Payment-Receipt`, on answers below 400 only (profile 1 §4).
import * as v from 'valibot';
import { textFromBase64url, textToBase64url } from './bytes.ts';
import { boundedText, tryDecode } from './decode.ts';
import { type Json, type JsonObject, parseJson } from './json.ts';
import { limits } from './limits.ts';

/** `details` holds the members that the method adds: change, proofs, released keys. */
export type Receipt = {
  readonly status: 'success';
  readonly method: string;
  readonly timestamp: string;
  readonly reference: string;
  readonly challengeId: string;
  readonly details: JsonObject;
};

/** Not in canonical form: nothing is signed over it. */
export function printReceipt({ details, ...common }: Receipt): string {
  return textToBase64url(JSON.stringify({ ...details, ...common }));
}

const schema = v.looseObject({
  status: v.literal('success'),
  method: boundedText(32),
  timestamp: boundedText(40),
  reference: boundedText(256),
  challengeId: v.optional(boundedText(128), ''),
});

/** A receipt is a claim, not a proof: the wallet compares it with its own record. `undefined` when it cannot be read. */
export function readReceipt(value: string): Receipt | undefined {
  if (value.length > limits.receiptBytes) return undefined;
  const text = textFromBase64url(value.trim());
  const decoded = text === undefined ? undefined : tryDecode(schema, parseJson(text));
  if (!decoded) return undefined;
  const { status, method, timestamp, reference, challengeId, ...details } = decoded;
  return { status, method, timestamp, reference, challengeId, details: details as Record<string, Json> };
}
