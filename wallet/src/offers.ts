// From a 402 to one offer that this wallet can pay: each challenge alone, the payee vouched for by a broker of ours.
import {
  type Challenge,
  expiresAtMs,
  type Intent,
  LOOPBACK,
  limits,
  PaymentProblem,
  type PaymentRequest,
  readChallenges,
  readRequest,
  sameDigest,
  toBase64url,
  tryDecode,
  utf8,
  type VendorRecord,
  vendorRecordSchema,
  vnd,
} from '@farthing/protocol';
import { fetchVendor } from './broker.ts';
import type { Broker, Context } from './context.ts';
import { type Fundings, needFunding } from './credit.ts';
import { keys } from './documents.ts';
import { needGoods } from './goods/sealed.ts';
import type { Method } from './method.ts';
import { methods } from './methods.ts';
import { readOne, transact } from './transaction.ts';
import type { Ask } from './types.ts';

/** An offer with everything that paying it needs. */
export type Found = {
  readonly challenge: Challenge;
  readonly request: PaymentRequest;
  /** What this one request costs, in base units; of a stream, one unit. */
  readonly price: bigint;
  /** What a price by the unit counts, in the site's words, cleaned. */
  readonly unit?: string;
  /** What a chain for it may rest on; absent for money of other kinds. */
  readonly fundings?: Fundings;
  /** A stream is opened with one unit. */
  readonly stream?: { readonly units: 1 };
  readonly intent: Intent;
  readonly method: Method;
  readonly brk: string;
  readonly broker: Broker;
  readonly api: string;
  readonly url: string;
  readonly origin: string;
  readonly target: string;
  readonly expiresAtMs: number;
  readonly purse: string;
};

export type Place = { readonly url: string; readonly origin: string; readonly target: string };

/**
 * Where a request goes, and whether payments are possible there at all.
 * @throws {PaymentProblem} `insecure-origin`, `origin-changed` (a page without an origin of its own)
 */
export function placeOf({ url, method, site }: { url: string; method: string; site: string }): Place {
  const at = URL.canParse(url) && url.length <= limits.urlBytes ? new URL(url) : undefined;
  if (!at) throw new PaymentProblem('insecure-origin', { detail: 'the address cannot be read' });
  const page = URL.canParse(site) ? new URL(site) : undefined;
  if (!page || page.origin !== site) {
    throw new PaymentProblem('origin-changed', { detail: 'the page has no origin that a browser attests' });
  }
  for (const { protocol, hostname } of [at, page]) {
    if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname))) {
      throw new PaymentProblem('insecure-origin');
    }
  }
  at.hash = '';
  at.username = '';
  at.password = '';
  return { url: at.href, origin: at.origin, target: `${method} ${at.pathname}${at.search}` };
}

export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' ||
  hostname.endsWith('.localhost') ||
  hostname === '[::1]' ||
  /^127\.\d+\.\d+\.\d+$/.test(hostname);

/** Names a request: what was paid for it once is not paid again. */
export function requestHash(ctx: Context, { method, digest }: Ask | Omit<Ask, 'challenges'>, { url }: Place): string {
  const text = `${method} ${url}\n${digest ?? ''}`;
  return toBase64url(ctx.env().crypto.sha256(utf8(text)));
}

/** `without`: no offer of this method. */
export type FindOptions = {
  readonly challengeId?: string;
  readonly offline?: boolean;
  readonly without?: string | undefined;
};

/**
 * The offers that this wallet can pay, whose payee is vouched for, in the order of the site.
 * @throws {PaymentProblem} why there is none: that of the first offer that came furthest
 */
export async function usableOffers(ctx: Context, ask: Ask, options: FindOptions = {}): Promise<Found[]> {
  const place = placeOf(ask);
  let problem = new PaymentProblem('offer-unusable');
  const usable: Found[] = [];
  for (const challenge of readChallenges(ask.challenges)) {
    const { method } = challenge;
    if (method === options.without || ask.methods?.includes(method) === false) continue;
    if (options.challengeId !== undefined && challenge.id !== options.challengeId) continue;
    try {
      const found = understand(ctx, ask, place, challenge);
      await needFunding(ctx, found);
      needGoods(ctx, found, await vouch(ctx, found, options), ask.goods);
      usable.push(found);
    } catch (error) {
      if (!(error instanceof PaymentProblem)) throw error;
      if (problem.code === 'offer-unusable') problem = error;
    }
  }
  if (usable.length === 0) throw problem;
  return usable;
}

function understand(ctx: Context, ask: Ask, place: Place, challenge: Challenge): Found {
  const unusable = (detail: string) => new PaymentProblem('offer-unusable', { detail });
  const method = methods.get(challenge.method);
  if (!method) throw unusable(`method ${challenge.method} is not known`);
  if (ctx.ports.only?.has(method.name) === false) throw unusable(`this wallet does not pay with ${method.name}`);
  const intent = method.intents.find((known) => known === challenge.intent);
  if (!intent) throw unusable(`intent ${challenge.intent} is not known`);
  const request = readRequest(challenge);
  if (!request) throw unusable('the request cannot be read');
  const isStream = method.many?.isStream(request) ?? false;
  if (intent === 'session' && ask.sessions === false && !isStream) throw unusable('no session is wanted');
  const expires = expiresAtMs(challenge);
  if (expires === undefined) throw unusable('the challenge has no expiry');
  if (expires <= ctx.env().nowMs) throw new PaymentProblem('challenge-expired');
  // One challenge of a session serves many requests, each with a body of its own.
  if (intent !== 'session' && !sameDigest(challenge.digest, ask.digest)) {
    throw new PaymentProblem('digest-mismatch', { detail: 'the challenge prices another request body' });
  }
  const terms = method.understand(request);
  if (!terms) throw unusable('the terms cannot be read');
  const name = tryDecode(vnd, request.recipient);
  if (name === undefined) throw unusable('the payee is not a registered name');
  if (request.currency !== ctx.currency) throw unusable(`this wallet holds ${ctx.currency ?? 'no money'}`);
  const brk = terms.brokers.map(({ id }) => id).find((id) => ctx.brokers.has(id));
  const broker = brk === undefined ? undefined : ctx.brokers.get(brk);
  if (brk === undefined || !broker) throw unusable('the site works with other brokers');
  const { api } = terms;
  const purse = keys.purse(method.name, brk, name);
  const price = method.costOf(request);
  const unit = request.unitType === undefined ? '' : cleanText(request.unitType);
  const fundings = method.many && { fundings: method.many.fundings(request) };
  const stream = {
    ...fundings,
    ...(unit === '' ? {} : { unit }),
    ...(isStream ? { stream: { units: 1 as const } } : {}),
  };
  return {
    challenge,
    request,
    price,
    intent,
    method,
    brk,
    broker,
    api,
    ...place,
    ...stream,
    expiresAtMs: expires,
    purse,
  };
}

/** A record is asked for again after this; without the broker it stays good for longer. */
const RECORD_FRESH_MS = 86_400_000;
const RECORD_STALE_MS = 30 * RECORD_FRESH_MS;

/**
 * The broker's word that this payee belongs to this origin.
 * @throws {PaymentProblem} `site-unvouched`, `broker-unreachable`
 */
export async function vouch(
  ctx: Context,
  { broker, brk, origin, request }: Found,
  { offline = false }: FindOptions = {},
): Promise<VendorRecord> {
  return vouchFor(ctx, { broker, brk, origin, vnd: request.recipient, offline });
}

export type Payee = { broker: Broker; brk: string; vnd: string; origin: string; offline: boolean };

export async function vouchFor(ctx: Context, payee: Payee): Promise<VendorRecord> {
  const { broker, brk, origin, offline } = payee;
  const key = keys.vendor(brk, payee.vnd);
  const stored = await readOne(ctx.store, 'vendor', key);
  const known = stored && tryDecode(vendorRecordSchema, stored.record);
  const age = stored ? ctx.env().nowMs - stored.fetchedAtMs : 0;
  const listed = known !== undefined && lists(known, broker, origin);
  if (known && listed && age <= (offline ? RECORD_STALE_MS : RECORD_FRESH_MS)) return known;
  if (offline) throw new PaymentProblem('site-unvouched');
  let record: VendorRecord;
  try {
    record = await fetchVendor(ctx, broker, payee.vnd);
  } catch (error) {
    if (!(error instanceof PaymentProblem)) throw error;
    if (error.code === 'vendor-unknown') throw new PaymentProblem('site-unvouched');
    if (known && listed && age <= RECORD_STALE_MS) return known;
    throw error;
  }
  const fetchedAtMs = ctx.env().nowMs;
  await transact(ctx.store, [key], (tx) => tx.put('vendor', key, { record, fetchedAtMs }));
  if (!lists(record, broker, origin)) throw new PaymentProblem('site-unvouched');
  return record;
}

function lists({ origins }: VendorRecord, { keys: { test } }: Broker, origin: string): boolean {
  return origins.includes(origin) || (test && origins.includes(LOOPBACK) && isLoopback(new URL(origin).hostname));
}

/** A site's own words: no control or bidi characters, one line, cut. */
export function cleanText(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ').replace(/\s+/g, ' ');
  return [...plain.trim()].slice(0, limits.descriptionChars).join('');
}

/** Does a path fit a pattern of the site, in which each `*` stands for one segment that is not empty? */
export function pathFits(pattern: string, pathname: string): boolean {
  const wanted = pattern.split('/');
  const given = pathname.split('/');
  return (
    wanted.length === given.length &&
    wanted.every((segment, i) => (segment === '*' ? given[i] !== '' : segment === given[i]))
  );
}
