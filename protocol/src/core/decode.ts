// Decoding what comes from outside, once, at the edge. Strict: unknown members are refused unless a schema says so.
import * as v from 'valibot';
import type { JsonObject } from './json.ts';
import { limits } from './limits.ts';
import { type Currency, isCurrency, parseAmount } from './money.ts';
import { PaymentProblem, type ProblemCode } from './problems.ts';

const text = (pattern: RegExp, what: string) => v.pipe(v.string(), v.regex(pattern, what));

/**
 * Of the texts in every payment. The last character of a canonical text carries 4 or 2 spare zero bits: one text for one
 * value.
 */
export const patterns = {
  id16: /^[A-Za-z0-9_-]{21}[AQgw]$/,
  h32: /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/,
  vnd: /^[a-z0-9.:-]{1,64}$/,
  /** Up to 10^18 − 1. */
  amount: /^[1-9][0-9]{0,17}$/,
} as const;

export const matches = (value: unknown, pattern: RegExp): value is string =>
  typeof value === 'string' && pattern.test(value);

/** `amt`: decimal string of base units, 1…10^18, to bigint. */
export const amt = v.pipe(
  v.string(),
  v.maxLength(19),
  v.check((s) => parseAmount(s) !== undefined, 'a decimal string of base units, 1…10^18'),
  v.transform((s) => BigInt(s)),
);
/** `amt0`: also 0. */
export const amt0 = v.pipe(
  v.string(),
  v.maxLength(19),
  v.check((s) => parseAmount(s, { zero: true }) !== undefined, 'a decimal string of base units, 0…10^18'),
  v.transform((s) => BigInt(s)),
);
/** `amt` that stays text, because the text is what is signed. */
export const amtText = v.pipe(
  v.string(),
  v.check((s) => parseAmount(s) !== undefined, 'a decimal string of base units, 1…10^18'),
);
/** `amt0` that stays text. */
export const amt0Text = v.pipe(
  v.string(),
  v.check((s) => parseAmount(s, { zero: true }) !== undefined, 'a decimal string of base units, 0…10^18'),
);
/** What an account gained or lost, or has or owes: base units as a decimal string, negative ones with a minus. */
export const signedText = text(/^(0|-?[1-9][0-9]{0,18})$/, 'a signed decimal string');
export const cur = v.pipe(
  v.string(),
  v.check(isCurrency, 'usd-micro or eur-micro'),
  v.transform((s) => s as Currency),
);
/** Whole seconds since 1970. */
export const SECONDS_MAX = 253_402_300_799;
export const seconds = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(SECONDS_MAX));
export const u32 = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(4_294_967_295));
export const id16 = text(patterns.id16, '22 characters of base64url');
export const h32 = text(patterns.h32, '43 characters of base64url');
export const sig = text(/^[A-Za-z0-9_-]{85}[AQgw]$/, '86 characters of base64url');
export const vnd = text(patterns.vnd, 'a registered name: a-z 0-9 . : - up to 64');
export const brk = text(/^[a-z0-9]{1,26}$/, 'a broker id');
export const kid = text(/^[a-z][a-z0-9]{0,7}$/, 'a key id');
export const base64urlText = (max: number) =>
  v.pipe(v.string(), v.maxLength(max), v.regex(/^[A-Za-z0-9_-]*$/, 'base64url'));
export const boundedText = (max: number) =>
  v.pipe(
    v.string(),
    v.maxLength(max),
    v.check((s) => s.isWellFormed(), 'well-formed text'),
  );
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Any JSON object: parsed text whose members the method decodes itself. */
export const jsonObject = v.custom<JsonObject>(isObject);
/** An absolute http(s) origin as browsers write it. */
export const webOrigin = v.pipe(
  v.string(),
  v.maxLength(300),
  v.check((s) => /^https?:\/\/[^/?#@\s]+$/.test(s), 'an origin such as https://news.example'),
);
/** A flat map of strings. */
export const stringMap = v.pipe(
  v.record(boundedText(64), boundedText(256)),
  v.check((map) => Object.keys(map).length <= limits.scripProps, 'at most 8 members'),
);

/**
 * Decodes or throws a problem with the code of the place. The detail names the member, never its value.
 * @throws {PaymentProblem} `code`
 */
export function decode<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  code: ProblemCode,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue) ?? 'the value';
  const expected = issue.type === 'regex' || issue.type === 'check' ? issue.message : `${issue.expected ?? issue.type}`;
  throw new PaymentProblem(code, { detail: `${path}: expected ${expected}`.slice(0, 200) });
}

/** The same, with `undefined` for what does not fit. */
export function tryDecode<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> | undefined {
  const result = v.safeParse(schema, value, { abortEarly: true });
  return result.success ? result.output : undefined;
}
