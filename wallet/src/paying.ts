// The way of one payment in the wallet: decide what to do about a 402, pay it, or pay before the site has to ask.
import { isProblemCode, PaymentProblem, type ProblemCode, printChallenge } from '@farthing/protocol';
import { balance } from './balance.ts';
import { postPayload } from './by-reference.ts';
import { type Chosen, findOffer, isUnnamed } from './choose.ts';
import type { Context } from './context.ts';
import { keys } from './documents.ts';
import type { FundingQueue } from './funding.ts';
import { type Held, type Hold, hold, isProven, refusedMethod, refusedNow, serves } from './hold.ts';
import { toPayment } from './journal.ts';
import { cleanText, type Found, pathFits, placeOf, requestHash } from './offers.ts';
import { describeRule, FIRST_BUDGET, forbidden, limitBroken, ruleOf, suggestedRule } from './rules.ts';
import { needPayment } from './sent.ts';
import { tillOf } from './tills.ts';
import { readOne } from './transaction.ts';
import type { Approval, Ask, Decision, Offer, Payment } from './types.ts';
import { worldsFault } from './world.ts';

/** A request that is about to be sent for the first time. */
export type Intended = Omit<Ask, 'challenges'>;

/** A stored challenge that dies sooner than this is not worth a try. */
const FRESH_MARGIN_MS = 5_000;
const FUNDING_ROUNDS = 4;

export async function decide(ctx: Context, ask: Ask): Promise<Decision> {
  if (!ctx.account || ctx.brokers.size === 0) return { kind: 'refuse', reason: 'no-account' };
  let found: Found;
  try {
    ({ found } = await offerFor(ctx, ask));
  } catch (error) {
    if (!(error instanceof PaymentProblem)) throw error;
    const { detail } = error.extra;
    return { kind: 'refuse', reason: error.code, ...(detail === undefined ? {} : { detail }) };
  }
  const nowMs = ctx.env().nowMs;
  const [site, stored, again] = await Promise.all([
    readOne(ctx.store, 'site', keys.site(ask.site)),
    readOne(ctx.store, 'budget', keys.budget),
    readOne(ctx.store, 'again', keys.again(requestHash(ctx, ask, found))),
  ]);
  const budget = stored ?? FIRST_BUDGET;
  const rule = ruleOf(site, budget);
  const { totalMicro } = await balance(ctx, false);
  const offer = toOffer(found, totalMicro);
  const stops = forbidden(rule, budget, nowMs);
  if (stops) return { kind: 'refuse', reason: stops, offer };
  const served = serves(again, { httpMethod: ask.method, challengeId: found.challenge.id }, nowMs);
  if (served !== undefined) return { kind: 'again', payment: await presentAgain(ctx, served) };
  const amount = found.price;
  const { shortMicro: shortByMicro } = await tillOf(found.method.name).able(ctx, found);
  if (shortByMicro > 0n) return { kind: 'refuse', reason: 'funds-short', offer, shortByMicro };
  const refused = refusedNow(again, nowMs);
  const isOther = (refusedMethod(again, nowMs) ?? found.method.name) !== found.method.name;
  if (refused !== undefined && !(isOther && isProven(again)))
    return { kind: 'ask', reason: asCode(refused), offer, refused: true };
  const broken = limitBroken({ rule, site, budget, amount, nowMs }, 'rule');
  if (broken) return { kind: 'ask', reason: broken, offer };
  return { kind: 'pay', offer, rule: describeRule(site, rule, found.request.currency) };
}

/** Another kind of money, where the site has just refused one and taken nothing; else the best. */
async function offerFor(ctx: Context, ask: Ask): Promise<Chosen> {
  const again = await readOne(ctx.store, 'again', keys.again(requestHash(ctx, ask, placeOf(ask))));
  const without = refusedMethod(again, ctx.env().nowMs);
  if (without === undefined) return findOffer(ctx, ask);
  return findOffer(ctx, ask, { without }).catch((error: unknown) => {
    if (!(error instanceof PaymentProblem)) throw error;
    return findOffer(ctx, ask);
  });
}

function toOffer(found: Found, totalMicro: bigint): Offer {
  const { challenge, request, intent, method, broker, brk, origin, url, unit, stream, expiresAtMs } = found;
  const { name, test } = broker.keys;
  const description = request.description === undefined ? '' : cleanText(request.description);
  return {
    challengeId: challenge.id,
    method: method.name,
    intent,
    origin,
    url,
    vnd: request.recipient,
    amountMicro: found.price,
    currency: request.currency,
    ...(unit === undefined ? {} : { unit }),
    ...(stream ? { stream: true as const } : unit === undefined ? {} : { units: Number(found.price / request.amount) }),
    ...(description === '' ? {} : { description }),
    broker: { brk, name, test },
    expiresAtMs,
    balanceAfterMicro: totalMicro - found.price,
    says: method.describe(),
    suggested: suggestedRule(stream ? found.price * STREAM_UNITS : found.price, test),
  };
}

/** The suggested limit of a page is for five times as many units of a stream. */
const STREAM_UNITS = 20n;

/** The last refusal as a reason; words of a foreign site are none of ours. */
const asCode = (code: string): ProblemCode => (isProblemCode(code) ? code : 'payment-required');

export async function pay(
  ctx: Context,
  queue: FundingQueue,
  { ask, approval }: { ask: Ask; approval: Approval },
): Promise<Payment> {
  ctx.needAccount();
  const { found, chosen } = await approvedOffer(ctx, ask, approval);
  if (found.price > approval.maxMicro) {
    throw new PaymentProblem('over-page-limit', { detail: 'the price is above what was approved' });
  }
  const { challenges: _, methods: __, goods: ___, ...request } = ask;
  const { by, rule, maxMicro: mostMicro } = approval;
  const input: Hold = { ask: request, found, chosen, by, mostMicro, ...(rule ? { rule } : {}) };
  const first = await settleHeld(ctx, await hold(ctx, input));
  if (first) return first;
  return queue.run(found.purse, async (waiting) => {
    for (let round = 0; round < FUNDING_ROUNDS; round++) {
      const payment = await settleHeld(ctx, await hold(ctx, input));
      if (payment) return payment;
      await tillOf(found.method.name).fund(ctx, found, { site: ask.site, waiting: waiting() });
    }
    const payment = await settleHeld(ctx, await hold(ctx, input));
    if (payment) return payment;
    throw new PaymentProblem('funds-short', { detail: 'other payments took the coins that were bought' });
  });
}

/** The offer that was approved, and whether that is the one that the rules of choice give. */
async function approvedOffer(ctx: Context, ask: Ask, { challengeId }: Approval): Promise<Chosen> {
  const best = await findOffer(ctx, ask).catch((error: unknown) => {
    if (!(error instanceof PaymentProblem)) throw error;
    return undefined;
  });
  const isBest = best?.found.challenge.id === challengeId;
  const { found, chosen } = isBest ? best : await findOffer(ctx, ask, { challengeId });
  return { found, chosen: isBest && ask.methods === undefined ? chosen : 'asked' };
}

export async function preempt(ctx: Context, request: Intended): Promise<Payment | undefined> {
  if (!ctx.account || ctx.brokers.size === 0) return undefined;
  try {
    const place = placeOf(request);
    const { nowMs } = ctx.env();
    const [site, stored, again, fresh] = await Promise.all([
      readOne(ctx.store, 'site', keys.site(request.site)),
      readOne(ctx.store, 'budget', keys.budget),
      readOne(ctx.store, 'again', keys.again(requestHash(ctx, request, place))),
      readOne(ctx.store, 'fresh', keys.fresh(place.origin)),
    ]);
    const budget = stored ?? FIRST_BUDGET;
    if (forbidden(ruleOf(site, budget), budget, nowMs)) return undefined;
    const served = serves(again, { httpMethod: request.method }, nowMs);
    if (served !== undefined) return await presentAgain(ctx, served);
    if (refusedNow(again, nowMs)) return undefined;
    const { pathname } = new URL(place.url);
    const offers = (fresh?.offers ?? [])
      .filter(({ httpMethod, expiresAtMs }) => httpMethod === request.method && expiresAtMs > nowMs + FRESH_MARGIN_MS)
      .filter(({ pattern }) => pathFits(pattern, pathname))
      .filter(({ challenge }) => request.digest === undefined || challenge.intent === 'session')
      // The page may take more private money than the one before: it is asked first.
      .filter(({ challenge }) => budget.prefer !== 'private' || isUnnamed(challenge.method))
      .sort((a, b) => stars(a.pattern) - stars(b.pattern));
    const [first] = offers;
    if (!first) return undefined;
    // The most specific class: its offers, of which a request may not want the session.
    const challenges = offers
      .filter(({ pattern }) => pattern === first.pattern)
      .map((one) => printChallenge(one.challenge));
    const { found, chosen } = await findOffer(ctx, { ...request, challenges }, { offline: true });
    const held = await hold(ctx, { ask: request, found, chosen, by: 'rule', mostMicro: 0n, preempted: true });
    return await settleHeld(ctx, held);
  } catch (error) {
    worldsFault(error);
    return undefined;
  }
}

const stars = (pattern: string): number => pattern.split('*').length;

async function settleHeld(ctx: Context, held: Held): Promise<Payment | undefined> {
  if (held.kind === 'held') {
    if (held.posted) await postPayload(ctx, await needPayment(ctx, held.payment.id));
    return held.payment;
  }
  return held.kind === 'again' ? presentAgain(ctx, held.id) : undefined;
}

/** A payment that was made before, with the same credential. */
export async function presentAgain(ctx: Context, id: string): Promise<Payment> {
  const sent = await needPayment(ctx, id);
  await postPayload(ctx, sent);
  return toPayment(sent.record, sent.sending);
}

/** Payments without a known outcome, oldest first. */
export async function pending(ctx: Context): Promise<Payment[]> {
  const found = await ctx.store.list('pending/');
  return Promise.all(found.map(({ key }) => presentUnknown(ctx, key.slice('pending/'.length))));
}

/** A stream is not played again to learn how it ended: its companion tells. */
async function presentUnknown(ctx: Context, id: string): Promise<Payment> {
  const payment = await presentAgain(ctx, id);
  return payment.stream ? { ...payment, method: 'HEAD' } : payment;
}
