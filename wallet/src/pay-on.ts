// Paying on while a stream comes: the next word of its session, stored before it is sent. One word is on its way at a
// time, so that a lost reply is answered by the same word.
import { PaymentProblem, type PaymentRequest, type ProblemCode, printChallenge, readRequest } from '@farthing/protocol';
import { findOffer } from './choose.ts';
import { type Context, move } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { type FundingQueue, fund } from './funding.ts';
import { headerOf } from './hold.ts';
import { toPayment } from './journal.ts';
import type { PaidMany, PieceMethod } from './method.ts';
import { piecesOf } from './methods.ts';
import { placeOf } from './offers.ts';
import { freeCoins } from './piece-till.ts';
import { dayOf, debit, FIRST_BUDGET, forbidden, leftToday, ruleOf } from './rules.ts';
import { inPayment, needPayment } from './sent.ts';
import type { StreamState } from './stream.ts';
import type { Sent } from './till.ts';
import type { Transaction } from './transaction.ts';
import type { Payment } from './types.ts';

type Purse = Doc<'purse'>;

const FUNDING_ROUNDS = 3;

/** @throws {PaymentProblem} the limit that is reached, `site-never`, `paused`, `funds-short`, `session-full`, `not-found` */
export async function payOn(
  ctx: Context,
  queue: FundingQueue,
  { id, units }: { id: string; units: number },
): Promise<Payment> {
  if (!Number.isSafeInteger(units) || units < 1) throw new RangeError('units: expected 1 or more');
  for (let round = 0; round < FUNDING_ROUNDS; round++) {
    const payment = await inPayment(ctx, id, (tx, sent) => step(tx, ctx, sent, units));
    if (payment) return payment;
    await fundStream(ctx, queue, { id, units });
  }
  throw new PaymentProblem('funds-short', { detail: 'other payments took the chain that was bought' });
}

/**
 * Buys the next chain when the one that a stream pays from will not last for `units` more.
 * @throws {PaymentProblem} `funds-short`, `broker-unreachable` (the order stays and is finished later), the broker's refusal
 */
export async function fundStream(
  ctx: Context,
  queue: FundingQueue,
  { id, units }: { id: string; units: number },
): Promise<void> {
  const { record, sending } = await needPayment(ctx, id);
  const { url = '', site = '' } = record;
  const challenges = [printChallenge(sending.challenge)];
  const { found } = await findOffer(ctx, { url, site, method: sending.httpMethod, challenges }, { offline: true });
  await queue.run(found.purse, async () => {
    const wish = await inPayment(ctx, id, (tx, sent) => shortage(tx, ctx, sent, units));
    if (wish) await fund(ctx, found, { site, waiting: 0, ...wish });
  });
}

/** Every chain is larger than all before, because a session takes few; the last is all that the limits allow. */
function shortage(
  tx: Transaction,
  ctx: Context,
  { id, record, sending }: Sent,
  units: number,
): { targetMicro: bigint; mostMicro: bigint } | undefined {
  const { stream } = sending;
  const request = readRequest(sending.challenge);
  const purse = tx.need('purse', sending.purse);
  const { many } = piecesOf(purse.method);
  if (!stream || stream.over || !request || !many) return undefined;
  const { nowMs } = ctx.env();
  const { room } = roomOf(tx, { record, stream }, nowMs);
  const newest = chainOf(purse, id, many);
  const left = newest ? many.mostUnits(newest.piece, request) : 0;
  const isEnough = BigInt(left) * stream.priceMicro >= room || left >= units;
  if (isEnough || room < stream.priceMicro || spareOf(tx, purse, { request, nowMs })) return undefined;
  // As if a chain of the kind were added twice.
  const joined = newest && many.join(newest.piece, newest.piece);
  if (joined === undefined) return undefined;
  const isLast = many.join(joined, joined) === undefined;
  return { targetMicro: isLast ? room : stream.grantedMicro * GROWTH, mostMicro: room };
}
const GROWTH = 3n;

/** A chain of the purse that no site knows yet. */
function spareOf(
  tx: Transaction,
  purse: Purse,
  { request, nowMs }: { request: PaymentRequest; nowMs: number },
): Coin | undefined {
  const method = piecesOf(purse.method);
  const fresh = freeCoins(purse, { method, stream: { units: 1 } }, tx.get('credit', keys.credit)).filter(
    ({ piece }) => !method.many?.isOpen(piece) && !method.many?.isJoining(piece),
  );
  const index = method.pick(fresh, { request, units: 1 }, nowMs);
  return index === undefined ? undefined : fresh[index];
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

/** `undefined`: there is no chain to pay with. */
function step(tx: Transaction, ctx: Context, { id, record, sending }: Sent, units: number): Payment | undefined {
  const { stream, challenge } = sending;
  if (!stream || stream.over) throw new PaymentProblem('not-found', { detail: `no stream ${id} runs` });
  const companion = (now: Sent): Payment => ({ ...toPayment(now.record, now.sending), method: 'HEAD' });
  // The last word first: whether it arrived is not known.
  if (stream.known !== sending.header.value) return companion({ id, record, sending });
  const env = ctx.env();
  const { room, code, site, budget } = roomOf(tx, { record, stream }, env.nowMs);
  const request = readRequest(challenge);
  const purse = tx.need('purse', sending.purse);
  const method = piecesOf(purse.method);
  const { pay, many } = method;
  if (!request || !many) throw new PaymentProblem('storage-fault', { detail: 'a stream without its offer' });
  if (room < stream.priceMicro) throw new PaymentProblem(code);
  const source = sourceOf(tx, purse, { id, many, request, nowMs: env.nowMs });
  if (!source) return undefined;
  const { coin, piece } = source;
  const count = Math.min(units, many.mostUnits(piece, request), Number(room / stream.priceMicro));
  const { target } = placeOf({ url: record.url ?? '', method: 'HEAD', site: record.site ?? '' });
  const shown = { challenge, request, target, digest: '', units: count };
  const next = many.advance(piece, shown);
  const amount = many.owed(next) - many.owed(piece);
  if (amount > room) throw new PaymentProblem(code);

  const day = dayOf(env.nowMs);
  tx.put('site', keys.site(record.site ?? ''), debit(site, day, amount));
  tx.put('budget', keys.budget, debit(budget, day, amount));
  move(tx, purse.brk, { coinsMicro: -amount, heldMicro: amount });
  const last = { challenge, url: record.url ?? '', httpMethod: 'HEAD' };
  tx.put('purse', sending.purse, {
    ...purse,
    coins: setAside(purse.coins, method, { id, coin, piece, amount, next, last }),
  });
  const header = headerOf(challenge, pay(piece, shown, env));
  const { expiresAtMs } = coin;
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

/** The chain that pays next, perhaps as a top-up. @throws {PaymentProblem} `session-full` */
function sourceOf(
  tx: Transaction,
  purse: Purse,
  { id, many, request, nowMs }: { id: string; many: PaidMany; request: PaymentRequest; nowMs: number },
): { coin: Coin; piece: Coin['piece'] } | undefined {
  const newest = chainOf(purse, id, many);
  if (!newest) throw new PaymentProblem('session-final', { detail: 'the site has ended the session of this stream' });
  if (many.mostUnits(newest.piece, request) > 0) return { coin: newest, piece: newest.piece };
  const spare = spareOf(tx, purse, { request, nowMs });
  if (!spare) return undefined;
  const piece = many.join(spare.piece, newest.piece);
  if (piece === undefined) throw new PaymentProblem('session-full');
  return { coin: spare, piece };
}

/** The chain that the stream pays from: the newest of its session. */
function chainOf(purse: Purse, id: string, many: PaidMany): Coin | undefined {
  const held = purse.coins.find(({ holder }) => holder === id);
  if (!held) return undefined;
  const session = many.sessionOf(held.piece);
  return purse.coins
    .filter((coin) => coin.holder === undefined && coin.ended !== true && many.sessionOf(coin.piece) === session)
    .at(-1);
}

type Paid = Pick<Coin, 'piece' | 'last'> & { id: string; coin: Coin; amount: bigint; next: Coin['piece'] };

/** What a stream has set aside is kept for each of its chains. */
function setAside(
  coins: Purse['coins'],
  { idOf }: PieceMethod,
  { id, coin, piece, amount, next, last }: Paid,
): Purse['coins'] {
  const isSame = (one: Coin) => one.holder === id && idOf(one.piece) === idOf(coin.piece);
  const { expiresAtMs } = coin;
  const lent = coin.credit ? { credit: true } : {};
  const fresh = coins.some(isSame) ? [] : [{ piece, expiresAtMs, micro: amount, ...lent, holder: id, stream: true }];
  const moved = coins.map((one) => {
    if (one === coin) return { ...one, piece: next, micro: one.micro - amount, ...(last ? { last } : {}) };
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
