// The wall of one route: asks for money, or checks the money that came, and only then lets the handler run.

import type { Trail } from '@farthing/node-kit/telemetry';
import { type Consumed, type Credential, PaymentProblem, parsePrice, readCredential } from '@farthing/protocol';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import onHeaders from 'on-headers';
import { admit, type Pass } from './admit.ts';
import { bodyDigestOf } from './body.ts';
import type { Visit } from './check.ts';
import { answerOptions, corsHeaders } from './cors.ts';
import { attach, type Delivery, deliver, end } from './deliver.ts';
import { faultOf } from './faults.ts';
import { Counter, handOver } from './goods/counter.ts';
import type { GoodsSource } from './goods/source.ts';
import { brought, forget, forgetOldest } from './hand-in.ts';
import { addVary, keepPrivate, linesOf } from './headers.ts';
import { idempotencySpend } from './idempotency.ts';
import { Offers } from './offers.ts';
import {
  checkSealedOptions,
  checkStreamOptions,
  checkWallOptions,
  type SealedOptions,
  STREAM_HOLD_MS,
  type StreamOptions,
  type WallOptions,
} from './options.ts';
import { takeFree } from './quota.ts';
import { quoteReader, textOf } from './quotes.ts';
import { refuse } from './refuse.ts';
import { scopeReader, targetOf } from './scope.ts';
import { SetupError } from './setup-error.ts';
import type { Site } from './site.ts';
import { StoreAway } from './store/away.ts';
import { type Stream, type StreamSource, serve } from './stream.ts';

type Wall = {
  readonly site: Site;
  readonly options: WallOptions;
  readonly offers: Offers;
  readonly quoteOf: ReturnType<typeof quoteReader>;
  readonly scopeOf: ReturnType<typeof scopeReader>;
  readonly stream?: Stream;
  /** Of a wall that sells sealed goods. */
  readonly counter?: Counter;
};

/** Unsafe methods run once: a repeat gets the receipt and a note. */
const SAFE = new Set(['GET', 'HEAD']);

/** @throws {SetupError} an option that is unknown or wrong */
export function makeWall(site: Site, options: WallOptions): RequestHandler {
  checkWallOptions(options);
  return handlerOf(site, options);
}

/** @throws {SetupError} an option that is unknown or wrong, or no method of the site has sessions */
export function makeStream(site: Site, options: StreamOptions, source: StreamSource): RequestHandler {
  checkStreamOptions(options, source);
  if (!site.methods.some(({ sessions }) => sessions)) {
    throw new SetupError('option-invalid', "stream() needs sessions: turn them on with methods: ['scrip', 'payword']");
  }
  const { type = 'text/event-stream', holdMs = STREAM_HOLD_MS, ...common } = options;
  return handlerOf(site, common, { stream: { source, type, holdMs } });
}

/** @throws {SetupError} an option that is unknown or wrong */
export function makeSealed(site: Site, options: SealedOptions, source: GoodsSource): RequestHandler {
  checkSealedOptions(options, source);
  const { item: _item, media: _media, ...common } = options;
  return handlerOf(site, common, { counter: new Counter(site, options, source) });
}

type Kind = Pick<Wall, 'stream' | 'counter'>;

function handlerOf(site: Site, options: WallOptions, kind: Kind = {}): RequestHandler {
  const { stream, counter } = kind;
  warnOfCurrency(site, options);
  // The companion of a stream is a request of another method to the same offer.
  // A challenge for goods is good for these goods alone, whatever the others cost.
  const onePrice = typeof options.price === 'string' && !counter;
  const scope = { owner: options.scope, onePrice, method: stream && 'STREAM' };
  const wall: Wall = {
    site,
    options,
    offers: new Offers(site, options.header),
    quoteOf: quoteReader(options, stream !== undefined),
    scopeOf: scopeReader(scope),
    ...kind,
  };
  return (req, res, next) => {
    const { cors = false } = options;
    if (req.method === 'OPTIONS') return answerOptions(cors, req, res);
    corsHeaders(cors, req, res);
    void enter(wall, req, res, next);
  };
}

async function enter(wall: Wall, req: Request, res: Response, next: NextFunction): Promise<void> {
  try {
    const entry = await gate(wall, req, res);
    entry?.(next);
  } catch (error) {
    fault(wall, error, req, res);
  }
}

/** Nobody can pay in a currency that the broker does not carry, or what no coins make: better said now than by the first 503. */
function warnOfCurrency({ methods, env, tell }: Site, { price }: WallOptions): void {
  if (typeof price !== 'string') return;
  const money = parsePrice(price);
  if (methods.some((method) => method.details(money, env()) !== undefined)) return;
  tell({
    code: 'currency-unlicensed',
    message: `price: ${price} cannot be paid: the broker carries no ${money.currency}, or no coins of this site make it`,
  });
}

/** What to do with `next`, or nothing when the request was answered. */
async function gate(wall: Wall, req: Request, res: Response): Promise<((next: NextFunction) => void) | undefined> {
  const { site, options, offers, stream, counter, quoteOf, scopeOf } = wall;
  let visit: Visit | undefined;
  let trail: Trail | undefined;
  // Only here the store is asked what became of the credential; a wall that fails before does not know.
  let isAdmitting = false;
  let handedIn: string | undefined;
  try {
    const lines = [...linesOf(req, 'authorization'), ...linesOf(req, 'payment-authorization')];
    const own = readCredential(lines, site.challenges.recall);
    handedIn = own || stream || counter ? undefined : brought(req);
    forgetOldest(req, res);
    const credential = own ?? readCredential(handedIn ? [handedIn] : []);
    const scope = scopeOf(req);
    if (!credential && (await takeFree(site, options.free, { req, scope: scope.s }))) {
      onHeaders(res, () => {
        keepPrivate(res);
        addVary(res);
      });
      return (next) => next();
    }
    const asks = await quoteOf(req);
    const quote = counter ? { ...asks, sold: counter.itemAt(req) } : asks;
    const opening = counter && credential && site.goods.opening(credential.challenge);
    // A companion may repeat what opened its stream: there the two are one target.
    const asked = stream && req.method === 'HEAD' ? 'GET' : req.method;
    visit = { target: targetOf(req, asked), digest: await bodyDigestOf(req, site.tell), quote, scope, opening };
    if (!credential) throw new PaymentProblem('payment-required');
    const upfront = stream !== undefined || counter !== undefined || options.settle === 'upfront';
    // Goods are bought once by what pays for them: nothing may stand in the way of a key that the broker has been paid for.
    const alsoSpend = counter ? [] : idempotencySpend(req, visit);
    trail = site.figures.payment(methodOf(site, credential));
    trail.step('check');
    const presented = site.payloads.resolve(credential);
    isAdmitting = true;
    const pass = await admit({ site, offers, visit, credential: presented, upfront, alsoSpend, trail });
    isAdmitting = false;
    const delivery = { site, offers, visit, pass, challenge: credential.challenge, trail };
    if (pass.session?.final) return void closed(delivery, res);
    if (pass.kind === 'paid') trail.end('repeat');
    trail.step('handler');
    if (pass.kind === 'paid' && !SAFE.has(req.method)) {
      attach(delivery, res);
      return void note(pass, res);
    }
    if (visit.opening) return void handOver(delivery, res);
    if (stream) return void serve(stream, delivery, { req, res });
    return (next) => deliver(delivery, res, next);
  } catch (error) {
    trail?.end(error instanceof PaymentProblem ? error.code : 'fault');
    if (!(error instanceof PaymentProblem || error instanceof StoreAway)) throw error;
    const problem = faultOf(error, site, isAdmitting);
    // It will never be good again: the next visit starts afresh.
    if (handedIn && problem.status === 402) forget(req, res);
    const consumed = isAdmitting ? (problem.extra.consumed ?? false) : 'unknown';
    return await answer(wall, { problem, visit, consumed }, req, res);
  }
}

/** A name of ours: what came may be anything. */
const methodOf = ({ methods }: Site, { challenge }: Pick<Credential, 'challenge'>): string =>
  methods.find(({ name }) => name === challenge.method)?.name ?? 'unknown';

/** The session was ended with this request: the receipt is all there is, with the site's signed closings. */
function closed(delivery: Delivery, res: Response): void {
  end(delivery, true);
  attach(delivery, res);
  res.status(204).end();
}

/** The repeat of an unsafe request: it was done, and is not done again. */
function note({ id }: Pass, res: Response): void {
  res.status(200).setHeader('Content-Type', 'application/json');
  res.end(
    JSON.stringify({ status: 'paid', note: 'this request was paid and served before; it was not run again', id }),
  );
}

/**
 * Every 402 carries a fresh challenge; when none can be made, nobody can pay now: 503. Where goods are sold that are not there,
 * the next handler answers.
 */
async function answer(
  { site, options, offers, counter }: Wall,
  { problem, visit, consumed }: { problem: PaymentProblem; visit: Visit | undefined; consumed: Consumed },
  req: Request,
  res: Response,
): Promise<((next: NextFunction) => void) | undefined> {
  const text = { title: textOf(options.title, req), teaser: textOf(options.teaser, req) };
  const shown = { site, quote: visit?.quote, text, consumed };
  try {
    if (!visit || problem.status !== 402) {
      refuse({ ...shown, problem, challenges: [] }, req, res);
      return undefined;
    }
    const { scope, digest } = visit;
    const goods = counter && visit.quote.sold && (await counter.goods(visit.quote.sold, req));
    if (counter && !goods) return (next) => next();
    const quote = goods ? { ...visit.quote, goods } : visit.quote;
    refuse({ ...shown, quote, problem, challenges: offers.make(quote, scope, digest) }, req, res);
  } catch (error) {
    if (!(error instanceof PaymentProblem)) throw error;
    refuse({ ...shown, problem: error, challenges: [] }, req, res);
  }
  return undefined;
}

/** Our own fault, or the store's: the content stays closed. */
function fault({ site, options }: Wall, error: unknown, req: Request, res: Response): void {
  const problem = faultOf(error, site);
  const text = { title: typeof options.title === 'string' ? options.title : undefined };
  refuse({ site, problem, challenges: [], text, consumed: 'unknown' }, req, res);
}
