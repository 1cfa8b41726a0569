// Paying on while a stream comes: the next word of its session, stored before it is sent. One word is on its way at a
// time, so that a lost reply is answered by the same word.
import { PaymentProblem, type ProblemCode, readRequest } from '@farthing/protocol';
import { type Context, move } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { headerOf } from './hold.ts';
import { toPayment } from './journal.ts';
import { type Method, methodOf, type PaidMany } from './methods.ts';
import { placeOf } from './offers.ts';
import { dayOf, debit, FIRST_BUDGET, forbidden, leftToday, ruleOf } from './rules.ts';
import { inPayment, type Sent } from './sent.ts';
import type { StreamState } from './stream.ts';
import type { Transaction } from './transaction.ts';
import type { Payment } from './types.ts';

type Purse = Doc<'purse'>;

/** @throws {PaymentProblem} the limit that is reached, `site-never`, `paused`, `funds-short`, `not-found` */
export async function payOn(ctx: Context, id: string, { units }: { units: number }): Promise<Payment> {
  if (!Number.isSafeInteger(units) || units < 1) throw new RangeError('units: expected 1 or more');
  return inPayment(ctx, id, (tx, sent) => step(tx, ctx, sent, units));
}

/** A person lets a stream cost up to so much in all. */
export async function allowMore(ctx: Context, id: string, mostMicro: bigint): Promise<void> {
  await inPayment(ctx, id, (tx, { record, sending }) => {
    const { stream } = sending;
    if (!stream) throw new PaymentProblem('not-found', { detail: `no stream ${id} in this wallet` });
    const allowed = { ...stream, by: 'person' as const, mostMicro };
    tx.put('journal', keys.journal(id), {
      record: { ...record, why: 'person' },
      sending: { ...sending, stream: allowed },
    });
  });
}

function step(tx: Transaction, ctx: Context, { id, record, sending }: Sent, units: number): Payment {
  const { stream, challenge } = sending;
  if (!stream || stream.over) throw new PaymentProblem('not-found', { detail: `no stream ${id} runs` });
  const companion = (now: Sent): Payment => ({ ...toPayment(now.record, now.sending), method: 'HEAD' });
  // The last word first: whether it arrived is not known.
  if (stream.known !== sending.header.value) return companion({ id, record, sending });
  const env = ctx.env();
  const { room, code, site, budget } = roomOf(tx, { record, stream }, env.nowMs);
  const request = readRequest(challenge);
  const purse = tx.need('purse', sending.purse);
  const method = methodOf(purse.method);
  const { pay, many } = method;
  if (!request || !many) throw new PaymentProblem('storage-fault', { detail: 'a stream without its offer' });
  const coin = chainOf(purse, id, many);
  if (room < stream.priceMicro) throw new PaymentProblem(code);
  const most = coin ? Math.min(units, many.mostUnits(coin.piece, request)) : 0;
  if (!coin || most < 1) throw new PaymentProblem('funds-short', { detail: 'the chain of this stream is used up' });
  const affordable = Number(room / stream.priceMicro);
  const count = Math.min(most, affordable);
  const { target } = placeOf({ url: record.url ?? '', method: 'HEAD', site: record.site ?? '' });
  const shown = { challenge, request, target, digest: '', units: count };
  const next = many.advance(coin.piece, shown);
  const amount = many.owed(next) - many.owed(coin.piece);
  if (amount > room) throw new PaymentProblem(code);

  const day = dayOf(env.nowMs);
  tx.put('site', keys.site(record.site ?? ''), debit(site, day, amount));
  tx.put('budget', keys.budget, debit(budget, day, amount));
  move(tx, purse.brk, { coinsMicro: -amount, heldMicro: amount });
  tx.put('purse', sending.purse, { ...purse, coins: setAside(purse.coins, method, { id, coin, amount, next }) });
  const header = headerOf(challenge, pay(coin.piece, shown, env));
  const { piece, expiresAtMs } = coin;
  const paid: Sent = {
    id,
    record,
    sending: {
      ...sending,
      ...{ header, day, phase: 'held' },
      coin: { piece, micro: amount, expiresAtMs },
      stream: { ...stream, units: count, lastMicro: amount, grantedMicro: stream.grantedMicro + amount },
    },
  };
  tx.put('journal', keys.journal(id), { record, sending: paid.sending });
  return { ...companion(paid), amountMicro: amount, repeat: false };
}

type Coin = Purse['coins'][number];

/** The chain that the stream pays from: the newest of its session. */
function chainOf(purse: Purse, id: string, many: PaidMany): Coin | undefined {
  const held = purse.coins.find(({ holder }) => holder === id);
  if (!held) return undefined;
  const session = many.sessionOf(held.piece);
  return purse.coins
    .filter((coin) => coin.holder === undefined && coin.ended !== true && many.sessionOf(coin.piece) === session)
    .at(-1);
}

/** What a stream has set aside is kept for each of its chains. */
function setAside(
  coins: Purse['coins'],
  { idOf }: Method,
  { id, coin, amount, next }: { id: string; coin: Coin; amount: bigint; next: Coin['piece'] },
): Purse['coins'] {
  const isSame = (one: Coin) => one.holder === id && idOf(one.piece) === idOf(coin.piece);
  const { piece, expiresAtMs } = coin;
  const fresh = coins.some(isSame) ? [] : [{ piece, expiresAtMs, micro: amount, holder: id, stream: true }];
  const moved = coins.map((one) => {
    if (one === coin) return { ...one, piece: next, micro: one.micro - amount };
    return isSame(one) ? { ...one, micro: one.micro + amount } : one;
  });
  return [...moved, ...fresh];
}

type Room = { room: bigint; code: ProblemCode; site: Doc<'site'>; budget: Doc<'budget'> };

/**
 * How much more this stream may cost now: by a rule its limit of a page and those of the day; by a flag what it allowed,
 * within those of the day; by a person what was approved, or what the rule of the site allows meanwhile.
 * @throws {PaymentProblem} `site-never`, `paused`, `approval-needed`
 */
function roomOf(
  tx: Transaction,
  { record, stream }: Pick<Sent, 'record'> & { stream: StreamState },
  nowMs: number,
): Room {
  const budget = tx.get('budget', keys.budget) ?? FIRST_BUDGET;
  const site = tx.get('site', keys.site(record.site ?? '')) ?? { day: 0, spentMicro: 0n, changedAtMs: 0 };
  const rule = ruleOf(site, budget);
  const stops = forbidden(rule, budget, nowMs);
  if (stops) throw new PaymentProblem(stops);
  const { grantedMicro, mostMicro, by } = stream;
  const approved = mostMicro - grantedMicro;
  if (by === 'person' && approved >= stream.priceMicro)
    return { room: approved, code: 'over-page-limit', site, budget };
  if (by === 'rule' && rule.mode !== 'auto') throw new PaymentProblem('approval-needed');
  const isRuled = by !== 'flag' && rule.mode === 'auto';
  const page = isRuled ? rule.perPageMicro - grantedMicro : approved;
  // A site that nobody made a rule for has no limits of its own yet.
  const limits = site.rule || rule.mode === 'auto' ? rule : { ...rule, perDayMicro: budget.perDayMicro };
  const today = leftToday({ rule: limits, site, budget, nowMs });
  return page <= today
    ? { room: page, code: 'over-page-limit', site, budget }
    : { room: today, code: 'over-day-limit', site, budget };
}
