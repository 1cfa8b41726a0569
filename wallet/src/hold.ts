// The step that makes a payment: limits checked and debited, a coin set aside, the credential written down, at once
// and before anything is sent (wire §11). Nothing in here waits.
import { limits, type PayInput, PaymentProblem, type ProblemCode, printCredential } from '@farthing/protocol';
import { type Context, move } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { type Found, requestHash } from './offers.ts';
import { dayOf, debit, describeRule, FIRST_BUDGET, forbidden, limitBroken, ruleOf } from './rules.ts';
import { type Transaction, transact } from './transaction.ts';
import type { Approval, Ask, Payment, Rule } from './types.ts';

export type Hold = {
  readonly ask: Omit<Ask, 'challenges'>;
  readonly found: Found;
  readonly by: Approval['by'];
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
  const all = [...Object.values(names), found.purse, keys.budget, ...ctx.moneyKeys()];
  const held = await transact(ctx.store, all, (tx): Held => {
    const before = tx.get('again', again);
    const served = serves(before, { httpMethod: ask.method, challengeId: found.challenge.id }, env.nowMs);
    if (served !== undefined) return { kind: 'again', id: served };
    const allowed = checkRules(tx, input, { site: names.site, nowMs: env.nowMs });
    if (input.by === 'rule' && refusedNow(before, env.nowMs)) throw new PaymentProblem('approval-needed');
    const purse = tx.get('purse', found.purse);
    const free = purse?.coins.filter(({ holder }) => holder === undefined) ?? [];
    const index = found.method.pick(free, found.request, env.nowMs);
    const coin = index === undefined ? undefined : free[index];
    if (!purse || !coin) return { kind: 'short' };
    // The challenge of a session goes on serving.
    const once = found.intent !== 'session';
    if (input.preempted && once && !takeFresh(tx, names.fresh, found.challenge.id)) return { kind: 'taken' };

    const { challenge, request } = found;
    const digest = challenge.digest ?? '';
    const shown = { challenge, request, target: found.target, digest };
    const payload = found.method.pay(coin.piece, shown, env);
    const value = printCredential({ challenge, payload });
    if (value.length > limits.credentialBytes) throw new PaymentProblem('credential-too-large');
    const name = challenge.header === undefined ? ('Authorization' as const) : ('Payment-Authorization' as const);
    const header = { name, value };
    const repeatUntilMs = Math.max(env.nowMs + limits.retentionMs, coin.expiresAtMs);
    const day = dayOf(env.nowMs);
    tx.put('site', names.site, debit(allowed.site, day, found.price));
    tx.put('budget', keys.budget, debit(allowed.budget, day, found.price));
    const taken = take(found, coin, { id, shown, httpMethod: ask.method });
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
        amountMicro: found.price,
        currency: request.currency,
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
      },
    });
    const { currency } = request;
    const payment = {
      id,
      url: found.url,
      method: ask.method,
      header,
      amountMicro: found.price,
      currency,
      repeat: false,
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
  { method, price, challenge, url }: Found,
  coin: StoredCoin,
  { id, shown, httpMethod }: { id: string; shown: PayInput; httpMethod: string },
): { held: StoredCoin; coins: StoredCoin[] } {
  if (!method.many) return { held: coin, coins: [{ ...coin, holder: id }] };
  const { piece, micro, expiresAtMs } = coin;
  const held = { piece, micro: price, expiresAtMs };
  const last = { challenge, url, httpMethod };
  const rest = { ...coin, piece: method.many.advance(piece, shown), micro: micro - price, last };
  return { held, coins: [rest, { ...held, holder: id }] };
}

function checkRules(
  tx: Transaction,
  { found, by, rule: wished }: Hold,
  { site: key, nowMs }: { site: string; nowMs: number },
): { site: Doc<'site'>; budget: Doc<'budget'>; why: string } {
  const budget = tx.get('budget', keys.budget) ?? FIRST_BUDGET;
  const before = tx.get('site', key) ?? { day: 0, spentMicro: 0n, changedAtMs: 0 };
  const stops = forbidden(ruleOf(before, budget), budget, nowMs);
  if (stops) throw new PaymentProblem(stops);
  const site = wished ? { ...before, rule: wished, changedAtMs: nowMs } : before;
  const rule = ruleOf(site, budget);
  const { currency } = found.request;
  const broken: ProblemCode | undefined = limitBroken({ rule, site, budget, amount: found.price, nowMs }, by);
  if (broken) throw new PaymentProblem(broken);
  return { site, budget, why: describeRule(site, rule, currency) };
}

function takeFresh(tx: Transaction, key: string, challengeId: string): boolean {
  const offers = tx.get('fresh', key)?.offers ?? [];
  const rest = offers.filter(({ challenge }) => challenge.id !== challengeId);
  if (rest.length === offers.length) return false;
  tx.put('fresh', key, { offers: rest });
  return true;
}
