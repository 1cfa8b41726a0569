// The step that makes a payment: limits checked and debited, money set aside, the credential written down, at once
// and before anything is sent (wire §11). Nothing in that step waits.
import {
  type Challenge,
  type JsonObject,
  limits,
  PaymentProblem,
  type ProblemCode,
  printCredential,
} from '@farthing/protocol';
import type { Chosen } from './choose.ts';
import type { Context } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { type Found, requestHash } from './offers.ts';
import { dayOf, debit, describeRule, FIRST_BUDGET, forbidden, limitBroken, ruleOf } from './rules.ts';
import { tillOf } from './tills.ts';
import { type Transaction, transact } from './transaction.ts';
import type { Approval, Ask, Payment, Rule } from './types.ts';

export type Hold = {
  readonly ask: Omit<Ask, 'challenges'>;
  readonly found: Found;
  readonly by: Approval['by'];
  /** What was allowed for this request, in base units. */
  readonly mostMicro: bigint;
  /** Replaces the rule of the site in the same step. */
  readonly rule?: Rule;
  /** Answers the challenge that came with an earlier payment: it is taken out of the store. */
  readonly preempted?: boolean;
  readonly chosen: Chosen['chosen'];
};

export type Held =
  /** `posted`: the site is to get what the credential refers to. */
  | { readonly kind: 'held'; readonly payment: Payment; readonly posted: boolean }
  /** The same request was paid, or is being paid: that payment serves it. */
  | { readonly kind: 'again'; readonly id: string }
  /** No free money covers the price. */
  | { readonly kind: 'short' }
  /** Another request took the stored challenge. */
  | { readonly kind: 'taken' };

/** After a payment was refused, the same request is not paid again without a person for this long. */
const REFUSED_MS = 60_000;

export const isSafe = (httpMethod: string): boolean => httpMethod === 'GET' || httpMethod === 'HEAD';

/** The payment that already serves this request, if any. A repeated unsafe request is another purchase. */
export function serves(
  again: Doc<'again'> | undefined,
  request: { httpMethod: string; challengeId?: string },
  nowMs: number,
): string | undefined {
  if (!again || again.untilMs <= nowMs) return undefined;
  const { state, id } = again;
  if (state === 'unknown') return id;
  if (state !== 'pending' && state !== 'paid') return undefined;
  return isSafe(request.httpMethod) || again.challengeId === request.challengeId ? id : undefined;
}

/** Why the last payment for this request was refused, if that was a moment ago. */
export function refusedNow(again: Doc<'again'> | undefined, nowMs: number): string | undefined {
  const recent = again?.state === 'failed' && nowMs - again.atMs < REFUSED_MS;
  return recent ? (again.code ?? 'payment-required') : undefined;
}

/** The method that a site refused a moment ago, taking nothing as it says: another may take its place, once. */
export function refusedMethod(again: Doc<'again'> | undefined, nowMs: number): string | undefined {
  const isFirst = again?.spared === true && again.instead !== true;
  return isFirst && refusedNow(again, nowMs) !== undefined ? again.method : undefined;
}

/** Only a coin that came back proves it. Who relied on the word of a site could pay twice. */
export const isProven = (again: Doc<'again'> | undefined): boolean => again?.proven === true;

const standsIn = (again: Doc<'again'> | undefined, { method }: Found, nowMs: number): boolean => {
  const refused = refusedMethod(again, nowMs);
  return refused !== undefined && refused !== method.name;
};

/** @throws {PaymentProblem} the rule or limit that forbids it; nothing is written then */
export async function hold(ctx: Context, input: Hold): Promise<Held> {
  for (let tries = 0; tries < TRIES; tries++) {
    const held = await tryHold(ctx, input);
    if (held.kind !== 'moved') return held;
  }
  return { kind: 'short' };
}
const TRIES = 8;

async function tryHold(ctx: Context, input: Hold): Promise<Held | { readonly kind: 'moved' }> {
  const { ask, found } = input;
  const env = ctx.env();
  const id = ctx.newId();
  const again = keys.again(requestHash(ctx, ask, found));
  const names = {
    site: keys.site(ask.site),
    journal: keys.journal(id),
    pending: keys.pending(id),
    fresh: keys.fresh(found.origin),
    again,
  };
  const { challenge, request } = found;
  const digest = challenge.digest ?? '';
  const shown = { challenge, request, target: found.target, digest, ...found.stream };
  const taking = await tillOf(found.method.name).plan(ctx, found, shown);
  const all = [...Object.values(names), ...taking.keys, keys.budget, ...ctx.moneyKeys()];
  const held = await transact(ctx.store, all, (tx): Held | { readonly kind: 'moved' } => {
    const before = tx.get('again', again);
    const served = serves(before, { httpMethod: ask.method, challengeId: found.challenge.id }, env.nowMs);
    if (served !== undefined) return { kind: 'again', id: served };
    // The challenge of a session goes on serving.
    const isOnce = input.preempted === true && found.intent !== 'session';
    const fresh = isOnce ? withoutFresh(tx.get('fresh', names.fresh), challenge.id) : undefined;
    if (isOnce && !fresh) return { kind: 'taken' };
    const taken = taking.take(tx, { id, httpMethod: ask.method });
    if (taken === 'moved') return { kind: 'moved' };
    const amount = taken === 'short' ? found.price : taken.amount;
    const allowed = checkRules(tx, input, { site: names.site, amount, nowMs: env.nowMs });
    const instead = standsIn(before, found, env.nowMs);
    const mayBeTwo = refusedNow(before, env.nowMs) !== undefined && !(instead && isProven(before));
    if (input.by === 'rule' && mayBeTwo) throw new PaymentProblem('approval-needed');
    if (taken === 'short') return { kind: 'short' };
    if (fresh) tx.put('fresh', names.fresh, fresh);
    const header = headerOf(challenge, taken.payload);
    const repeatUntilMs = Math.max(env.nowMs + limits.retentionMs, taken.repeatUntilMs);
    const day = dayOf(env.nowMs);
    tx.put('site', names.site, debit(allowed.site, day, amount));
    tx.put('budget', keys.budget, debit(allowed.budget, day, amount));
    tx.mark(names.pending);
    tx.put('again', again, {
      id,
      state: 'pending',
      challengeId: challenge.id,
      atMs: env.nowMs,
      untilMs: repeatUntilMs,
      method: found.method.name,
      ...(instead ? { instead: true } : {}),
    });
    tx.put('journal', names.journal, {
      record: {
        id,
        kind: 'payment',
        state: 'pending',
        atMs: env.nowMs,
        site: ask.site,
        url: found.url,
        method: found.method.name,
        amountMicro: amount,
        currency: request.currency,
        ...(found.unit === undefined ? {} : { unit: found.unit }),
        brk: found.brk,
        brokerName: found.broker.keys.name,
        test: found.broker.keys.test,
        why: input.by === 'rule' ? allowed.why : input.by,
        chosen: instead ? 'instead' : input.chosen,
        says: found.method.describe(),
      },
      sending: {
        phase: 'held',
        httpMethod: ask.method,
        digest,
        challenge,
        header,
        coin: taken.held,
        ...(taken.posted === undefined ? {} : { posted: taken.posted }),
        purse: found.purse,
        day,
        again,
        preempted: input.preempted ?? false,
        delivered: false,
        repeatUntilMs,
        ...(found.stream ? { stream: firstUnit(found, { amount, by: input.by, mostMicro: input.mostMicro }) } : {}),
      },
    });
    const { currency } = request;
    const payment = {
      id,
      url: found.url,
      method: ask.method,
      header,
      amountMicro: amount,
      currency,
      repeat: false,
      ...(found.stream ? { stream: true as const, unitMicro: found.price } : {}),
    };
    return { kind: 'held', payment, posted: taken.posted !== undefined };
  });
  if (held.kind === 'held') ctx.changed();
  return held;
}

type Allowed = { readonly amount: bigint; readonly by: Approval['by']; readonly mostMicro: bigint };

const firstUnit = ({ price }: Found, { amount, by, mostMicro }: Allowed) => ({
  priceMicro: price,
  units: 1,
  lastMicro: amount,
  grantedMicro: amount,
  by,
  mostMicro,
  baseMicro: 0n,
  over: false,
});

/** @throws {PaymentProblem} `credential-too-large` */
export function headerOf(challenge: Challenge, payload: JsonObject): Payment['header'] {
  const value = printCredential({ challenge, payload });
  if (value.length > limits.credentialBytes) throw new PaymentProblem('credential-too-large');
  return { name: challenge.header === undefined ? 'Authorization' : 'Payment-Authorization', value };
}

function checkRules(
  tx: Transaction,
  { found, by, mostMicro, rule: wished }: Hold,
  { site: key, amount, nowMs }: { site: string; amount: bigint; nowMs: number },
): { site: Doc<'site'>; budget: Doc<'budget'>; why: string } {
  const budget = tx.get('budget', keys.budget) ?? FIRST_BUDGET;
  const before = tx.get('site', key) ?? { day: 0, spentMicro: 0n, changedAtMs: 0 };
  const stops = forbidden(ruleOf(before, budget), budget, nowMs);
  if (stops) throw new PaymentProblem(stops);
  const site = wished ? { ...before, rule: wished, changedAtMs: nowMs } : before;
  const rule = ruleOf(site, budget);
  const { currency } = found.request;
  if (by !== 'rule' && amount > mostMicro) throw new PaymentProblem('over-page-limit', { detail: ABOVE });
  const broken: ProblemCode | undefined = limitBroken({ rule, site, budget, amount, nowMs }, by);
  if (broken) throw new PaymentProblem(broken);
  return { site, budget, why: describeRule(site, rule, currency) };
}

const ABOVE = 'the price is above what was approved';

/** `undefined`: another request took it. */
function withoutFresh(doc: Doc<'fresh'> | undefined, challengeId: string): Doc<'fresh'> | undefined {
  const offers = doc?.offers ?? [];
  const rest = offers.filter(({ challenge }) => challenge.id !== challengeId);
  return rest.length === offers.length ? undefined : { offers: rest };
}
