// An offer of a site, prepared: all of its challenges but nonce, expiry and digest, so that a fresh one costs one MAC.
// What comes out is what `challengeId` and `printChallenge` make, letter for letter.
import { printAuthChallenge } from './auth-params.ts';
import { textFromBase64url, textToBase64url, toBase64url } from './bytes.ts';
import { type Challenge, type Intent, readOpaque, type Scope } from './challenge.ts';
import type { Env } from './crypto.ts';
import { instantPrinter } from './instant.ts';
import { canonicalJson } from './json.ts';
import { limits } from './limits.ts';

type OfferFields = {
  readonly realm: string;
  readonly method: string;
  readonly intent: Intent;
  /** Base64url of the canonical request. */
  readonly request: string;
  readonly scope: Omit<Scope, 'n'>;
  readonly lifeMs: number;
  readonly header: 'Payment-Authorization' | undefined;
};

const NONCE_BYTES = 12;
const OPAQUE_HEAD = '{"n":"';

export class Offer {
  readonly request: string;
  readonly #fields: OfferFields;
  /** `opaque` from behind the nonce, which is its first member. */
  readonly #opaqueTail: string;
  readonly #bound: string;
  readonly #printed: string;
  readonly #headerSlot: string;
  readonly #headerParam: string;
  readonly #expires = instantPrinter();

  /** @throws {TypeError} a part that cannot stand in a header, or holds a bar */
  constructor(fields: OfferFields) {
    const { realm, method, intent, request, scope, header } = fields;
    const slots = [realm, method, intent, request];
    if (slots.some((slot) => slot.includes('|'))) throw new TypeError('a part of a challenge holds no bar');
    this.#fields = fields;
    this.request = request;
    this.#opaqueTail = canonicalJson({ n: '', ...scope }).slice(OPAQUE_HEAD.length);
    this.#bound = `${slots.join('|')}|`;
    const params = printAuthChallenge('', Object.entries({ realm, method, intent, request }));
    this.#printed = `",${params}, expires="`;
    this.#headerSlot = header === undefined ? '' : `|${header}`;
    this.#headerParam = header === undefined ? '' : `, header="${header}"`;
  }

  make(secret: Uint8Array, env: Env, digest?: string): Challenge {
    const { realm, method, intent, request, header } = this.#fields;
    const { id, expires, opaque } = this.#fresh(secret, env, digest);
    return {
      id,
      realm,
      method,
      intent,
      request,
      expires,
      ...(digest === undefined ? {} : { digest }),
      opaque,
      ...(header === undefined ? {} : { header }),
    };
  }

  /** A fresh challenge without a digest, as one field line. @throws {RangeError} longer than `limits.challengeBytes` */
  print(secret: Uint8Array, env: Env): string {
    const { id, expires, opaque } = this.#fresh(secret, env, '');
    const line = `Payment id="${id}${this.#printed}${expires}", opaque="${opaque}"${this.#headerParam}`;
    if (line.length > limits.challengeBytes) {
      throw new RangeError(`a challenge has at most ${limits.challengeBytes} bytes`);
    }
    return line;
  }

  #fresh(secret: Uint8Array, { nowMs, random, crypto }: Env, digest = '') {
    const expires = this.#expires(nowMs + this.#fields.lifeMs);
    const nonce = toBase64url(random(NONCE_BYTES));
    const opaque = textToBase64url(OPAQUE_HEAD + nonce + this.#opaqueTail);
    const id = crypto.macText(secret, `${this.#bound}${expires}|${digest}|${opaque}${this.#headerSlot}`);
    return { id, expires, opaque };
  }

  /** Is a challenge that one of our secrets binds for the same route and HTTP method? */
  isInScope(challenge: Challenge): boolean {
    const opaque = textFromBase64url(challenge.opaque ?? '');
    return opaque?.endsWith(this.#opaqueTail) || readOpaque(challenge)['s'] === this.#fields.scope.s;
  }
}
