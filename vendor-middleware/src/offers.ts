// The offers of one wall: what stays the same between requests is prepared once, so that an answer costs one MAC.
// Nothing is stored for a challenge.
import {
  type Challenge,
  canonicalJson,
  type Env,
  expiresAtMs,
  type Goods,
  type Intent,
  limits,
  Offer,
  PaymentProblem,
  type Price,
  readOpaque,
  readRequest,
  type SealedGoods,
  toBase64url,
  utf8,
} from '@farthing/protocol';
import type { Item } from './goods/goods.ts';
import type { Method } from './methods.ts';
import type { RouteScope } from './scope.ts';
import type { Site } from './site.ts';

/** With `unit` (such as `second`) the price is that of one unit, and methods that can offer a session. */
export type Quote = {
  readonly price: Price;
  readonly description: string | undefined;
  readonly unit?: string | undefined;
  /** What is sold sealed here; `goods` as they are now are needed to ask for money, not to take it. */
  readonly sold?: Item;
  readonly goods?: SealedGoods;
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

/** What a method asks for a price on a route, until its keys change or it gets old: a licence may end. */
type Prepared = { readonly method: Method; readonly intent: Intent; readonly offer: Offer };
type Kept = { readonly list: readonly Prepared[]; readonly versions: readonly object[]; readonly freshUntilMs: number };

const KEPT = 1000;
const FRESH_MS = 60_000;
/** An opening challenge serves for a day; less than this before its end, answers bring the next one. */
const SESSION_MS = limits.certLifeMs;
const RENEW_MS = 3_600_000;

/** What a buyer signs for. */
export const digestsOf = ({ ct, kc, pt }: Goods): Goods => ({ ct, kc, pt });

export class Offers {
  readonly #site: Site;
  readonly #header: 'Payment-Authorization' | undefined;
  readonly #kept = new Map<string, Kept>();
  /** Most walls always ask the same on the same route. */
  #last: { readonly quote: Quote; readonly scope: RouteScope; readonly kept: Kept } | undefined;

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
    const list = this.#prepared(quote, scope, env);
    if (list.length === 0) {
      throw new PaymentProblem('site-not-ready', {
        detail: `the site has no licence for ${quote.price.currency} at its broker`,
        retryAfter: 30,
      });
    }
    const [secret] = this.#site.secrets;
    // One challenge serves many requests of a session, each with a body of its own.
    return list.map(({ offer, intent }) => offer.make(secret, env, intent === 'session' ? undefined : digest));
  }

  /**
   * The same for the next page, as field lines; none when the price can not be taken any more.
   * @param like of the same method and intent alone: whoever paid so goes on so, or asks again
   */
  print(quote: Quote, scope: RouteScope, like?: Pick<Challenge, 'method' | 'intent'>): string[] {
    const env = this.#site.env();
    return this.#prepared(quote, scope, env)
      .filter(({ method, intent }) => !like || (method.name === like.method && intent === like.intent))
      .map(({ offer }) => offer.print(this.#site.secrets[0], env));
  }

  #prepared(quote: Quote, scope: RouteScope, env: Env): readonly Prepared[] {
    const last = this.#last;
    if (last?.quote === quote && last.scope === scope && this.#isFresh(last.kept, env)) return last.kept.list;
    const { price, unit, description, sold, goods } = quote;
    const sealed = sold && goods ? `${goods.ct} ${sold.media} ${sold.item}` : '';
    const key = `${scope.s} ${scope.p} ${price.currency} ${price.amount} ${price.units} ${unit} ${sealed} ${description ?? ''}`;
    const known = this.#kept.get(key);
    const kept = known && this.#isFresh(known, env) ? known : this.#prepareAll(quote, scope, env);
    if (kept.list.length === 0) return kept.list;
    if (this.#kept.size >= KEPT) this.#kept.clear();
    this.#kept.set(key, kept);
    this.#last = { quote, scope, kept };
    return kept.list;
  }

  #isFresh({ versions, freshUntilMs }: Kept, { nowMs }: Env): boolean {
    return freshUntilMs > nowMs && this.#site.methods.every((method, i) => versions[i] === method.version());
  }

  #prepareAll(quote: Quote, scope: RouteScope, env: Env): Kept {
    const { methods } = this.#site;
    const list = methods.flatMap((method) => this.#prepare(method, { quote, scope, env }) ?? []);
    return { list, versions: methods.map((method) => method.version()), freshUntilMs: env.nowMs + FRESH_MS };
  }

  #prepare(method: Method, { quote, scope, env }: { quote: Quote; scope: RouteScope; env: Env }): Prepared | undefined {
    const intent = intentFor(method, quote);
    if (!intent) return undefined;
    const { description, unit, sold, goods } = quote;
    const price = priceFor(intent, quote.price);
    const methodDetails = method.details(goods ? { ...price, goods: digestsOf(goods) } : price, env);
    if (!methodDetails) return undefined;
    const sealed = sold && goods && this.#site.goods.offer(goods, sold, { price, env });
    const request = canonicalJson({
      amount: price.amount.toString(),
      currency: price.currency,
      recipient: this.#site.vnd,
      ...(description === undefined ? {} : { description }),
      ...(intent === 'session' && unit !== undefined ? { unitType: unit } : {}),
      methodDetails: sealed ? { ...methodDetails, sealed } : methodDetails,
    });
    const offer = new Offer({
      realm: this.#site.vnd,
      method: method.name,
      intent,
      request: toBase64url(utf8(request)),
      scope,
      lifeMs: intent === 'session' ? SESSION_MS : limits.challengeLifeMs,
      header: this.#header,
    });
    return { method, intent, offer };
  }

  /** The opening challenge of a session serves on: then nothing new is offered with an answer. */
  servesOn(challenge: Challenge): boolean {
    if (challenge.intent !== 'session') return false;
    return (expiresAtMs(challenge) ?? 0) - this.#site.env().nowMs > RENEW_MS;
  }

  /** Does a challenge that we bound ask what this route asks now? The price and scope are recomputed, never believed. */
  asksTheSame(challenge: Challenge, now: { method: Method; quote: Quote; scope: RouteScope; env: Env }): boolean {
    const { method, quote, scope, env } = now;
    const intent = intentFor(method, quote);
    if (challenge.realm !== this.#site.vnd || challenge.intent !== intent) return false;
    // Goods may have changed since they were promised: their price must be the same, not their digests.
    const list = quote.sold ? [] : this.#prepared(quote, scope, env);
    const offer = list.find((prepared) => prepared.method === method)?.offer;
    const inScope = offer ? offer.isInScope(challenge) : readOpaque(challenge)['s'] === scope.s;
    if (challenge.header !== this.#header || !inScope) return false;
    if (challenge.request === offer?.request) return true;
    // Other words around the same price, such as another description, are no other price.
    const price = priceFor(intent, quote.price);
    const asked = readRequest(challenge);
    const sameKind = (quote.sold !== undefined) === (asked?.methodDetails['sealed'] !== undefined);
    const sameUnits = intent === 'charge' || (asked?.methodDetails['units'] ?? 1) === price.units;
    return (
      sameKind &&
      sameUnits &&
      asked?.amount === price.amount &&
      asked.currency === price.currency &&
      asked.recipient === this.#site.vnd
    );
  }
}
