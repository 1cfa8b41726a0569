// The step that makes a payment: limits checked and debited, a coin set aside, the credential written down, at once
// and before anything is sent (wire §11). Nothing in here waits.
import {
  type Challenge,
  type JsonObject,
  limits,
  type PayInput,
  PaymentProblem,
  type ProblemCode,
  printCredential,
} from '@farthing/protocol';
import { type Context, move } from './context.ts';
import { isOn } from './credit.ts';
import { type Doc, keys } from './documents.ts';
import type { PaidMany } from './method.ts';
import { type Found, requestHash } from './offers.ts';
import { dayOf, debit, describeRule, FIRST_BUDGET, forbidden, limitBroken, ruleOf } from './rules.ts';
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
};

export type Held =
  | { readonly kind: 'held'; readonly payment: Payment }
  /** The same request was paid, or is being paid: that payment serves it. */
  | { readonly kind: 'again'; readonly id: string }
  /** No free coin covers the price. */
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

/** @throws {PaymentProblem} the rule or limit that forbids it; nothing is written then */
export async function hold(ctx: Context, input: Hold): Promise<Held> {
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
  const all = [...Object.values(names), found.purse, keys.budget, keys.credit, ...ctx.moneyKeys()];
  const held = await transact(ctx.store, all, (tx): Held => {
    const before = tx.get('again', again);
    const served = serves(before, { httpMethod: ask.method, challengeId: found.challenge.id }, env.nowMs);
    if (served !== undefined) return { kind: 'again', id: served };
    const { challenge, request } = found;
    const digest = challenge.digest ?? '';
    const shown = { challenge, request, target: found.target, digest, ...found.stream };
    const purse = tx.get('purse', found.purse);
    const free = freeCoins(purse, found, tx.get('credit', keys.credit));
    const index = found.method.pick(free, shown, env.nowMs);
    const coin = index === undefined ? undefined : free[index];
    const taken = coin && take(found, toppingUp(coin, free, found), { id, shown, httpMethod: ask.method });
    const amount = taken?.amount ?? found.price;
    const allowed = checkRules(tx, input, { site: names.site, amount, nowMs: env.nowMs });
    if (input.by === 'rule' && refusedNow(before, env.nowMs)) throw new PaymentProblem('approval-needed');
    if (!purse || !coin || !taken) return { kind: 'short' };
    // The challenge of a session goes on serving.
    const once = found.intent !== 'session';
    if (input.preempted && once && !takeFresh(tx, names.fresh, found.challenge.id)) return { kind: 'taken' };

    const header = headerOf(challenge, found.method.pay(taken.held.piece, shown, env));
    const repeatUntilMs = Math.max(env.nowMs + limits.retentionMs, coin.expiresAtMs);
    const day = dayOf(env.nowMs);
    tx.put('site', names.site, debit(allowed.site, day, amount));
    tx.put('budget', keys.budget, debit(allowed.budget, day, amount));
    tx.put('purse', found.purse, {
      ...purse,
      coins: purse.coins.flatMap((one) => (one === coin ? taken.coins : [one])),
    });
    move(tx, found.brk, { coinsMicro: -taken.held.micro, heldMicro: taken.held.micro });
    tx.mark(names.pending);
    tx.put('again', again, {
      id,
      state: 'pending',
      challengeId: challenge.id,
      atMs: env.nowMs,
      untilMs: repeatUntilMs,
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
        says: found.method.describe(),
      },
      sending: {
        phase: 'held',
        httpMethod: ask.method,
        digest,
        challenge,
        header,
        coin: taken.held,
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
    return { kind: 'held', payment };
  });
  if (held.kind === 'held') ctx.changed();
  return held;
}

type StoredCoin = Doc<'purse'>['coins'][number];

/**
 * Sets money aside for a payment: the whole coin, or of a chain the price. The chain itself moves on at once, so that
 * no word is shown for two requests, and others can pay with it meanwhile.
 */
function take(
  { method, price, challenge, url, stream }: Found,
  coin: StoredCoin,
  { id, shown, httpMethod }: { id: string; shown: PayInput; httpMethod: string },
): { amount: bigint; held: StoredCoin; coins: StoredCoin[] } {
  const { many } = method;
  if (!many) return { amount: price, held: coin, coins: [{ ...coin, holder: id }] };
  const { piece, micro, expiresAtMs } = coin;
  const next = many.advance(piece, shown);
  const amount = many.owed(next) - many.owed(piece);
  const lent = coin.credit ? { credit: true } : {};
  const held = { piece, micro: amount, expiresAtMs, ...lent, ...(stream ? { stream: true } : {}) };
  const last = { challenge, url, httpMethod };
  const rest = { ...coin, piece: next, micro: micro - amount, last };
  return { amount, held, coins: [rest, { ...held, holder: id }] };
}

/**
 * Coins that a payment may take. A stream shares its session with no other payment, so that it knows what it used; nor
 * with what one before it left of another chain, which the site takes first.
 */
export function freeCoins(
  purse: Doc<'purse'> | undefined,
  { method, stream }: Pick<Found, 'method' | 'stream'>,
  credit: Doc<'credit'> | undefined,
) {
  const coins = purse?.coins ?? [];
  const free = coins.filter((coin) => coin.holder === undefined && (coin.credit !== true || isOn(credit)));
  const { many } = method;
  if (!many) return free;
  const held = coins.filter((coin) => coin.holder !== undefined && (stream !== undefined || coin.stream === true));
  const busy = new Set(held.map(({ piece }) => many.sessionOf(piece)));
  const able = free.filter(({ piece }) => !busy.has(many.sessionOf(piece)));
  return stream === undefined ? able : able.filter((coin) => !isAhead(many, coin, coins));
}

/** May the site take something of another chain, in the session that this one pays into? */
const isAhead = (many: PaidMany, { piece }: StoredCoin, coins: readonly StoredCoin[]): boolean =>
  coins.some(
    (one) => one.piece !== piece && many.sessionOf(one.piece) === many.sessionOf(piece) && many.ahead(one.piece) > 0n,
  );

/** A chain that the site does not know yet tops up the session that it keeps for us, where that can take it. */
export function toppingUp(
  coin: StoredCoin,
  coins: readonly StoredCoin[],
  { method: { many }, stream }: Pick<Found, 'method' | 'stream'>,
): StoredCoin {
  if (!many || many.isOpen(coin.piece) || many.isJoining(coin.piece)) return coin;
  const others = coins.filter((one) => one !== coin && one.ended !== true);
  const joining = others.filter(({ piece }) => many.isJoining(piece)).map(({ piece }) => many.sessionOf(piece));
  const open = others.filter(({ piece }) => many.isOpen(piece) && !joining.includes(many.sessionOf(piece)));
  const last = open.at(-1);
  const piece = last && many.join(coin.piece, last.piece);
  if (piece === undefined) return coin;
  const joined = { ...coin, piece };
  return stream !== undefined && isAhead(many, joined, coins) ? coin : joined;
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

function takeFresh(tx: Transaction, key: string, challengeId: string): boolean {
  const offers = tx.get('fresh', key)?.offers ?? [];
  const rest = offers.filter(({ challenge }) => challenge.id !== challengeId);
  if (rest.length === offers.length) return false;
  tx.put('fresh', key, { offers: rest });
  return true;
}
