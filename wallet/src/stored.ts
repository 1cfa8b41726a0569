// What members of stored documents are made of.
import { challengeSchema, type Json } from '@farthing/protocol';
import * as v from 'valibot';

/** Base units, as decimal text: JSON numbers would round above 2^53. Counters of differences may be negative. */
export const micro = v.pipe(
  v.string(),
  v.regex(/^-?(0|[1-9][0-9]{0,18})$/, 'decimal base units'),
  v.transform((text) => BigInt(text)),
);
export const ms = v.pipe(v.number(), v.safeInteger());
export const text = v.string();
export const anyJson = v.custom<Json>((value) => value !== undefined);
export const anyObject = v.record(v.string(), anyJson);
export const storedChallenge = v.object({ ...challengeSchema.entries, header: v.exactOptional(text) });
