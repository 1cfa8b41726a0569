// The offers of one wall: what stays the same between requests is prepared once, so that an answer costs one HMAC.
// Nothing is stored for a challenge.
import {
  type Challenge,
  canonicalJson,
  challengeId,
  type Env,
  limits,
  type Money,
  PaymentProblem,
  readOpaque,
  readRequest,
  toBase64url,
  utf8,
} from '@farthing/protocol';
import type { Method } from './methods.ts';
import type { RouteScope } from './scope.ts';
import type { Site } from './site.ts';

export type Quote = { readonly price: Money; readonly description: string | undefined };

type Prepared = {
  readonly method: string;
  readonly request: string;
  readonly version: object;
  readonly freshUntilMs: number;
};

const KEPT = 1000;
const FRESH_MS = 60_000;

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
      const request = this.request(method, quote, env);
      return request === undefined ? [] : [this.#bind({ method: method.name, request, digest }, scope, env)];
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
  request(method: Method, { price, description }: Quote, env: Env): string | undefined {
    const key = `${method.name} ${price.currency} ${price.amount} ${description ?? ''}`;
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
    offer: { method: string; request: string; digest: string | undefined },
    scope: RouteScope,
    env: Env,
  ): Challenge {
    const n = toBase64url(env.random(12));
    const parts = {
      realm: this.#site.vnd,
      method: offer.method,
      intent: 'charge',
      request: offer.request,
      expires: `${new Date(env.nowMs + limits.challengeLifeMs).toISOString().slice(0, 19)}Z`,
      ...(offer.digest === undefined ? {} : { digest: offer.digest }),
      opaque: toBase64url(utf8(canonicalJson({ n, ...scope }))),
      ...(this.#header === undefined ? {} : { header: this.#header }),
    };
    return { id: challengeId(parts, this.#site.secrets[0], env.crypto), ...parts };
  }

  /** Does a challenge that we bound ask what this route asks now? The price and scope are recomputed, never believed. */
  asksTheSame(challenge: Challenge, now: { method: Method; quote: Quote; scope: RouteScope; env: Env }): boolean {
    if (challenge.realm !== this.#site.vnd || challenge.intent !== 'charge') return false;
    if (challenge.header !== this.#header || readOpaque(challenge)['s'] !== now.scope.s) return false;
    if (challenge.request === this.request(now.method, now.quote, now.env)) return true;
    // Other words around the same price, such as another description, are no other price.
    const { price } = now.quote;
    const asked = readRequest(challenge);
    return asked?.amount === price.amount && asked.currency === price.currency && asked.recipient === this.#site.vnd;
  }
}
