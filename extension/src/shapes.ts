// Shapes that several messages have in common.
import * as v from 'valibot';

export const url = v.pipe(
  v.string(),
  v.maxLength(4096),
  v.check((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'an http(s) address'),
);
export const id = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
/** Base units as text: JSON has no bigint. */
export const amount = v.pipe(
  v.string(),
  v.regex(/^(0|[1-9][0-9]{0,17})$/),
  v.transform((text) => BigInt(text)),
);
export const none = v.strictObject({});
