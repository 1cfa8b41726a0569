// The challenge of the "Payment" scheme (draft-httpauth-payment-01 §5, profile 1): making, binding, printing, reading.
import * as v from 'valibot';
import { parseAuthChallenges, printAuthChallenge } from './auth-params.ts';
import { equalText, ownText, textFromBase64url, toBase64url, utf8 } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { amt, boundedText, cur, jsonObject, stringMap, tryDecode } from './decode.ts';
import { canonicalJson, type JsonObject, parseJson } from './json.ts';
import { limits } from './limits.ts';
import type { Currency } from './money.ts';

/** As it stands on the wire: `request` and `opaque` stay text, because the id binds that text. */
export type Challenge = {
  readonly id: string;
  readonly realm: string;
  readonly method: string;
  readonly intent: string;
  readonly request: string;
  readonly expires?: string;
  readonly digest?: string;
  readonly opaque?: string;
  readonly header?: string;
};

export type Intent = 'charge' | 'session';

/** What `request` says once decoded. */
export type PaymentRequest = {
  /** With the intent `session`: the price of one unit. */
  readonly amount: bigint;
  readonly currency: Currency;
  readonly recipient: string;
  readonly description?: string;
  readonly externalId?: string;
  /** What a session counts, such as `second`. */
  readonly unitType?: string;
  readonly methodDetails: JsonObject;
};

/** What the site binds into `opaque`: its own id of the route and HTTP method, a nonce, and where else the price class holds. */
export type Scope = { readonly s: string; readonly n: string; readonly p?: string };

export type ChallengeFields = {
  readonly realm: string;
  readonly method: string;
  readonly intent: Intent;
  readonly request: {
    amount: bigint;
    currency: Currency;
    recipient: string;
    description?: string;
    unitType?: string;
    methodDetails: JsonObject;
  };
  readonly expiresAtMs: number;
  readonly scope: Scope;
  readonly digest?: string;
  readonly header?: 'Payment-Authorization';
};

/** Printable ASCII without the bar. */
const PART = /^[ -{}~]*$/;
const BASE64URL = /^[A-Za-z0-9_-]*$/;

/** The secret that binds challenge ids, newest first; older ones verify until their challenges have expired. */
export type BindingSecrets = readonly [Uint8Array, ...Uint8Array[]];

/**
 * `base64url(HMAC-SHA256(secret, realm|method|intent|request|expires|digest|opaque))`, plus `|header` when present.
 * Parts are joined by a bar, so no part may hold one.
 */
export function challengeId(parts: Omit<Challenge, 'id'>, secret: Uint8Array, crypto: Crypto): string {
  const { realm, method, intent, request, expires = '', digest = '', opaque = '', header } = parts;
  const slots = `${realm}|${method}|${intent}|${request}|${expires}|${digest}|${opaque}`;
  return crypto.macText(secret, header === undefined ? slots : `${slots}|${header}`);
}

/** Stateless: nothing is stored for a challenge until it is paid. */
export function makeChallenge(fields: ChallengeFields, secrets: BindingSecrets, crypto: Crypto): Challenge {
  const { amount, ...request } = fields.request;
  const parts: Omit<Challenge, 'id'> = {
    realm: fields.realm,
    method: fields.method,
    intent: fields.intent,
    request: toBase64url(utf8(canonicalJson({ ...request, amount: amount.toString() } as JsonObject))),
    expires: new Date(fields.expiresAtMs).toISOString().replace(/\.\d{3}Z$/, 'Z'),
    ...(fields.digest === undefined ? {} : { digest: fields.digest }),
    opaque: toBase64url(utf8(canonicalJson({ ...fields.scope }))),
    ...(fields.header === undefined ? {} : { header: fields.header }),
  };
  return { id: challengeId(parts, secrets[0], crypto), ...parts };
}

/** Was this challenge made with one of our secrets, unaltered? */
export function isOurChallenge(challenge: Challenge, secrets: BindingSecrets, crypto: Crypto): boolean {
  const { id, realm, method, intent, request, expires, digest, opaque, header } = challenge;
  // With a bar in a part, other parts would make the same text.
  for (const part of [realm, method, intent, request, expires, digest, opaque, header]) {
    if (part?.includes('|')) return false;
  }
  // No early exit: which secret fits is nobody's business.
  let fits = false;
  for (const secret of secrets) fits = equalText(id, challengeId(challenge, secret, crypto)) || fits;
  return fits;
}

const ORDER = ['id', 'realm', 'method', 'intent', 'request', 'expires', 'digest', 'opaque', 'header'] as const;

/** One field line. @throws {RangeError} our own mistake: longer than `limits.challengeBytes` */
export function printChallenge(challenge: Challenge): string {
  const line = printAuthChallenge(
    'Payment',
    ORDER.flatMap((name) => (challenge[name] === undefined ? [] : [[name, challenge[name]] as const])),
  );
  if (line.length > limits.challengeBytes)
    throw new RangeError(`a challenge has at most ${limits.challengeBytes} bytes`);
  return line;
}

const METHOD = /^[a-z]{1,32}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

export const challengeSchema = v.strictObject({
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(128), v.regex(PART, 'printable text without a bar')),
  realm: v.pipe(v.string(), v.maxLength(128), v.regex(PART, 'printable text without a bar')),
  method: v.pipe(v.string(), v.regex(METHOD, 'letters a-z')),
  intent: v.pipe(v.string(), v.regex(METHOD, 'letters a-z')),
  request: v.pipe(v.string(), v.maxLength(limits.challengeBytes), v.regex(BASE64URL, 'base64url')),
  expires: v.exactOptional(v.pipe(v.string(), v.maxLength(40), v.regex(INSTANT, 'an RFC 3339 instant'))),
  digest: v.exactOptional(v.pipe(v.string(), v.maxLength(128), v.regex(PART, 'printable text without a bar'))),
  opaque: v.exactOptional(v.pipe(v.string(), v.maxLength(limits.challengeBytes), v.regex(BASE64URL, 'base64url'))),
  header: v.exactOptional(v.literal('Payment-Authorization')),
});

const PLAIN_PART = '[ !#-[\\]-{}~]';
const CANONICAL = new RegExp(
  [
    `^{(?:"digest":"(${PLAIN_PART}{0,128})",)?`,
    '(?:"expires":"(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,9})?(?:Z|[+-]\\d\\d:\\d\\d))",)?',
    '(?:"header":"(Payment-Authorization)",)?',
    `"id":"(${PLAIN_PART}{1,128})","intent":"([a-z]{1,32})","method":"([a-z]{1,32})",`,
    `(?:"opaque":"([A-Za-z0-9_-]*)",)?"realm":"(${PLAIN_PART}{0,128})","request":"([A-Za-z0-9_-]*)"}$`,
  ].join(''),
);

/**
 * A challenge out of its canonical JSON, in a fifth of the time of parser and schema. `undefined` when it is written in
 * any other way: then they have the last word.
 */
export function readCanonicalChallenge(text: string): Challenge | undefined {
  if (text.length > limits.challengeBytes) return undefined;
  const parts = CANONICAL.exec(text);
  if (!parts) return undefined;
  const [, digest, expires, header, id = '', intent = '', method = '', opaque, realm = '', request = ''] = parts;
  const challenge: { -readonly [Name in keyof Challenge]: Challenge[Name] } = {
    // What was paid goes by it, for days; the text is a whole credential.
    id: ownText(id),
    ...{ realm, method, intent, request },
  };
  if (expires !== undefined) challenge.expires = expires;
  if (digest !== undefined) challenge.digest = digest;
  if (opaque !== undefined) challenge.opaque = opaque;
  if (header !== undefined) challenge.header = header;
  return challenge;
}

/**
 * Payment challenges of an answer, from any number of field lines, each of which may hold several.
 * Unknown parameters are ignored; a challenge that cannot be used is left out and spoils no neighbour.
 */
export function readChallenges(lines: readonly string[]): Challenge[] {
  const found: Challenge[] = [];
  let budget: number = limits.challengeHeaderBytes;
  for (const line of lines) {
    budget -= line.length;
    if (budget < 0) break;
    for (const { scheme, params } of parseAuthChallenges(line, {
      challenges: limits.challenges,
      params: limits.authParams,
    })) {
      if (scheme !== 'payment') continue;
      const known: Record<string, string> = {};
      for (const name of ORDER) {
        const value = params.get(name);
        if (value !== undefined) known[name] = value;
      }
      const challenge = tryDecode(challengeSchema, known);
      if (challenge && found.length < limits.challenges) found.push(challenge);
    }
  }
  return found;
}

const requestSchema = v.object({
  amount: amt,
  currency: cur,
  recipient: boundedText(128),
  description: v.exactOptional(boundedText(512)),
  externalId: v.exactOptional(boundedText(128)),
  unitType: v.exactOptional(boundedText(32)),
  methodDetails: v.optional(jsonObject, {}),
});

/** `undefined` when `request` is not base64url of JSON with a legal amount in a currency that we know. */
export function readRequest(challenge: Challenge): PaymentRequest | undefined {
  const text = textFromBase64url(challenge.request);
  const json = text === undefined ? undefined : parseJson(text);
  return json === undefined ? undefined : tryDecode(requestSchema, json);
}

/** The site's own scope in `opaque`; foreign sites may put any flat map there. */
export function readOpaque(challenge: Challenge): Record<string, string> {
  const text = challenge.opaque === undefined ? undefined : textFromBase64url(challenge.opaque);
  const json = text === undefined ? undefined : parseJson(text);
  return tryDecode(stringMap, json) ?? {};
}

/** Milliseconds, or `undefined` for a challenge without an expiry. */
export function expiresAtMs(challenge: Challenge): number | undefined {
  if (challenge.expires === undefined) return undefined;
  const at = Date.parse(challenge.expires);
  return Number.isNaN(at) ? 0 : at;
}

/** RFC 9530 text of a body's SHA-256. */
export function bodyDigest(body: Uint8Array, crypto: Crypto): string {
  const bytes = crypto.sha256(body);
  let standard = toBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/');
  while (standard.length % 4) standard += '=';
  return `sha-256=:${standard}:`;
}

/** mppx writes and compares digests without the colons of RFC 9530: both forms name the same digest. */
export function sameDigest(a: string | undefined, b: string | undefined): boolean {
  const plain = (text: string | undefined) => text?.replace(/^sha-256=:?([A-Za-z0-9+/=]+?):?$/, '$1');
  return plain(a) === plain(b);
}
