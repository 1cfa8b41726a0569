// The offers of one wall: what stays the same between requests is prepared once, so that an answer costs one HMAC.
// Nothing is stored for a challenge.
import {
  type Challenge,
  canonicalJson,
  challengeId,
  type Env,
  expiresAtMs,
  type Intent,
  limits,
  PaymentProblem,
  type Price,
  readOpaque,
  readRequest,
  toBase64url,
  utf8,
} from '@farthing/protocol';
import type { Method } from './methods.ts';
import type { RouteScope } from './scope.ts';
import type { Site } from './site.ts';

/** With `unit` (such as `second`) the price is that of one unit, and methods that can offer a session. */
export type Quote = {
  readonly price: Price;
  readonly description: string | undefined;
  readonly unit?: string | undefined;
};

/** How a method offers what is quoted, or `undefined` when it cannot: in a session by the unit, else all at once. */
export function intentFor({ intents }: Method, { unit, price }: Quote): Intent | undefined {
  if (unit !== undefined && intents.includes('session')) return 'session';
  return intents.includes('charge') && price.units !== 0 ? 'charge' : undefined;
}

/** One payment alone pays for all units at once. */
export function priceFor(intent: Intent, { amount, currency, units = 1 }: Price): Price {
  return intent === 'session' ? { amount, currency, units } : { amount: amount * BigInt(units), currency };
}

type Prepared = {
  readonly method: string;
  readonly request: string;
  readonly version: object;
  readonly freshUntilMs: number;
};

const KEPT = 1000;
const FRESH_MS = 60_000;
/** An opening challenge serves for a day; less than this before its end, answers bring the next one. */
const SESSION_MS = limits.certLifeMs;
const RENEW_MS = 3_600_000;

export class Offers {
  readonly #site: Site;
  readonly #header: 'Payment-Authorization' | undefined;
  readonly #prepared = new Map<string, Prepared>();

  constructor(site: Site, header: 'Payment-Authorization' | undefined) {
    this.#site = site;
    this.#header = header;
  }

  /**
   * One fresh challenge for each method that can take the price.
   * @throws {PaymentProblem} `site-not-ready` when none can
   */
  make(quote: Quote, scope: RouteScope, digest: string | undefined): Challenge[] {
    const env = this.#site.env();
    const offers = this.#site.methods.flatMap((method) => {
      const intent = intentFor(method, quote);
      const request = intent && this.request(method, quote, env);
      if (!intent || request === undefined) return [];
      // One challenge serves many requests of a session, each with a body of its own.
      const bound = intent === 'session' ? undefined : digest;
      return [this.#bind({ method: method.name, intent, request, digest: bound }, scope, env)];
    });
    if (offers.length === 0) {
      throw new PaymentProblem('site-not-ready', {
        detail: `the site has no licence for ${quote.price.currency} at its broker`,
        retryAfter: 30,
      });
    }
    return offers;
  }

  /** The `request` text of an offer, or `undefined` when the method cannot take the price now. */
  request(method: Method, quote: Quote, env: Env): string | undefined {
    const intent = intentFor(method, quote);
    if (!intent) return undefined;
    const { description, unit } = quote;
    const price = priceFor(intent, quote.price);
    const key = `${method.name} ${price.currency} ${price.amount} ${price.units} ${unit} ${description ?? ''}`;
    const known = this.#prepared.get(key);
    if (known && known.version === method.version() && known.freshUntilMs > env.nowMs) return known.request;
    const methodDetails = method.details(price, env);
    if (!methodDetails) return undefined;
    const { amount, currency } = price;
    const request = toBase64url(
      utf8(
        canonicalJson({
          amount: amount.toString(),
          currency,
          recipient: this.#site.vnd,
          ...(description === undefined ? {} : { description }),
          ...(intent === 'session' && unit !== undefined ? { unitType: unit } : {}),
          methodDetails,
        }),
      ),
    );
    if (this.#prepared.size >= KEPT) this.#prepared.clear();
    const freshUntilMs = env.nowMs + FRESH_MS;
    this.#prepared.set(key, { method: method.name, request, version: method.version(), freshUntilMs });
    return request;
  }

  #bind(
    offer: { method: string; intent: Intent; request: string; digest: string | undefined },
    scope: RouteScope,
    env: Env,
  ): Challenge {
    const n = toBase64url(env.random(12));
    const lifeMs = offer.intent === 'session' ? SESSION_MS : limits.challengeLifeMs;
    const parts = {
      realm: this.#site.vnd,
      method: offer.method,
      intent: offer.intent,
      request: offer.request,
      expires: `${new Date(env.nowMs + lifeMs).toISOString().slice(0, 19)}Z`,
      ...(offer.digest === undefined ? {} : { digest: offer.digest }),
      opaque: toBase64url(utf8(canonicalJson({ n, ...scope }))),
      ...(this.#header === undefined ? {} : { header: this.#header }),
    };
    return { id: challengeId(parts, this.#site.secrets[0], env.crypto), ...parts };
  }

  /** The opening challenge of a session serves on: then nothing new is offered with an answer. */
  servesOn(challenge: Challenge): boolean {
    const untilMs = expiresAtMs(challenge) ?? 0;
    return challenge.intent === 'session' && untilMs - this.#site.env().nowMs > RENEW_MS;
  }

  /** Does a challenge that we bound ask what this route asks now? The price and scope are recomputed, never believed. */
  asksTheSame(challenge: Challenge, now: { method: Method; quote: Quote; scope: RouteScope; env: Env }): boolean {
    const intent = intentFor(now.method, now.quote);
    if (challenge.realm !== this.#site.vnd || challenge.intent !== intent) return false;
    if (challenge.header !== this.#header || readOpaque(challenge)['s'] !== now.scope.s) return false;
    if (challenge.request === this.request(now.method, now.quote, now.env)) return true;
    // Other words around the same price, such as another description, are no other price.
    const price = priceFor(intent, now.quote.price);
    const asked = readRequest(challenge);
    const sameUnits = intent === 'charge' || (asked?.methodDetails['units'] ?? 1) === price.units;
    return (
      sameUnits &&
      asked?.amount === price.amount &&
      asked.currency === price.currency &&
      asked.recipient === this.#site.vnd
    );
  }
}
