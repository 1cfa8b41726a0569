// Buying a site's coins when a payment needs them: sizes, and one purchase at a time for each purse.
import { PaymentProblem } from '@farthing/protocol';
import { buyChain, finishChains } from './chains.ts';
import type { Context } from './context.ts';
import { creditRoom } from './credit.ts';
import { keys } from './documents.ts';
import { piecesOf } from './methods.ts';
import type { Found } from './offers.ts';
import { COIN_TTL_MS, draftOrder, openOrders, runOrder, storeOrder } from './orders.ts';
import { leftHere } from './settings.ts';
import { refreshAccount } from './statement.ts';
import type { Need } from './till.ts';
import { readOne, transact } from './transaction.ts';

const PAGES_AHEAD = 20n;
const SMALLEST_MICRO = 10_000n;
const MOST_PIECES = 20;

/** Runs purchases for one purse one after the other, and tells each how many wait behind it. */
export class FundingQueue {
  readonly #queues = new Map<string, { waiting: number; tail: Promise<unknown> }>();

  run<Result>(purse: string, step: (waiting: () => number) => Promise<Result>): Promise<Result> {
    const queue = this.#queues.get(purse) ?? { waiting: 0, tail: Promise.resolve() };
    this.#queues.set(purse, queue);
    queue.waiting++;
    const turn = queue.tail.then(() => {
      queue.waiting--;
      return step(() => queue.waiting);
    });
    queue.tail = turn
      .catch(() => undefined)
      .then(() => {
        if (queue.waiting === 0 && this.#queues.get(purse) === queue) this.#queues.delete(purse);
      });
    return turn;
  }
}

type Wish = { readonly valueMicro: bigint; readonly count: number };

/**
 * Gets coins that cover the price: finishes a purchase that was begun before, else orders one.
 * @throws {PaymentProblem} `funds-short`, `broker-unreachable` (the order stays and is finished later), the broker's refusal
 */
export async function fund(ctx: Context, found: Found, options: Need): Promise<void> {
  if ((await finishBegun(ctx, found.purse)) || (await finishChains(ctx, found.purse))) return;
  const { price } = found;
  if (await borrow(ctx, found, options)) return;
  if ((await account(ctx, found.brk)) < price) await refreshAccount(ctx, found.brk).catch(() => undefined);
  const balance = await account(ctx, found.brk);
  if (balance < price) {
    const shortBy = (price - balance).toString();
    throw new PaymentProblem('funds-short', { detail: `short by ${shortBy} base units`, members: { shortBy } });
  }
  const wish = await sizeOf(ctx, found, { ...options, balance });
  try {
    await buy(ctx, found, wish);
  } catch (error) {
    const exact = { valueMicro: price, count: 1 };
    const smaller = wish.valueMicro > price || wish.count > 1;
    if (!(error instanceof PaymentProblem) || !smaller || !TOO_MUCH.has(error.code)) throw error;
    await buy(ctx, found, exact);
  }
}

/**
 * On credit, where the person turned it on and the site takes it.
 * @returns false: it is to be paid with money @throws {PaymentProblem} as `fund`, of a site that takes nothing else
 */
async function borrow(ctx: Context, found: Found, options: Need): Promise<boolean> {
  const { fundings, method, price } = found;
  const room = fundings?.credit ? await creditRoom(ctx) : 0n;
  if (!method.many || !fundings) return false;
  if (room < price) {
    if (fundings.prepaid) return false;
    throw new PaymentProblem('limit-reached', { detail: 'your own limit of credit' });
  }
  const { valueMicro, count } = await sizeOf(ctx, found, { ...options, balance: room });
  try {
    await buyChain(ctx, found, { many: method.many, valueMicro: valueMicro * BigInt(count), credit: true });
    return true;
  } catch (error) {
    if (error instanceof PaymentProblem && fundings.prepaid && NO_CREDIT.has(error.code)) return false;
    throw error;
  }
}

/** Refusals after which money is taken instead. */
const NO_CREDIT = new Set(['credit-closed', 'credit-overdue', 'limit-reached', 'rate-limit']);

/** Refusals that a smaller order may escape. */
const TOO_MUCH = new Set(['request-malformed', 'licence-used-up', 'balance-short']);

async function account(ctx: Context, brk: string): Promise<bigint> {
  return (await readOne(ctx.store, 'money', keys.money(brk)))?.accountMicro ?? 0n;
}

async function finishBegun(ctx: Context, purse: string): Promise<boolean> {
  let finished = false;
  for (const { rid, doc } of await openOrders(ctx)) {
    if (doc.purpose.kind !== 'buy' || doc.purpose.purse !== purse) continue;
    try {
      await runOrder(ctx, rid);
      finished = true;
    } catch (error) {
      // Refused for good: the purchase is made anew. Still open: no second one beside it.
      if (!(error instanceof PaymentProblem) || (await readOne(ctx.store, 'order', keys.order(rid)))) throw error;
    }
  }
  return finished;
}

/**
 * Enough for some twenty such pages and at least a cent, but no more than today's limits and the account allow, never
 * less than the price. Coins in flight come back as change, so a burst shares the sum: a piece for each that waits.
 */
async function sizeOf(
  ctx: Context,
  found: Found,
  { site: origin, waiting, targetMicro = 0n, mostMicro, balance }: Need & { balance: bigint },
): Promise<Wish> {
  const [left, purse] = await Promise.all([leftHere(ctx, origin), readOne(ctx.store, 'purse', found.purse)]);
  const { price } = found;
  const nowMs = ctx.env().nowMs;
  // Chains that are used up stay until their session is closed, and share nothing any more.
  const here = (purse?.coins ?? []).filter(
    ({ expiresAtMs, ended, micro }) => expiresAtMs > nowMs && !ended && micro > 0n,
  );
  const ready = here.reduce((sum, { micro }) => sum + micro, 0n);
  const cap = min(left > ready ? left - ready : 0n, balance);
  const target = max(max(price * PAGES_AHEAD, SMALLEST_MICRO), targetMicro);
  const total = max(min(target, mostMicro === undefined ? cap : min(mostMicro, balance)), price);
  if (targetMicro > 0n) return { valueMicro: total, count: 1 };
  const pieces = min(BigInt(Math.min(waiting + 1, MOST_PIECES)), total / price);
  const shared = pieces * BigInt(here.length + 1) > 1n ? total / (pieces * BigInt(here.length + 1)) : total;
  return { valueMicro: max(shared, price), count: Number(pieces) };
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

async function buy(ctx: Context, found: Found, { valueMicro, count }: Wish): Promise<void> {
  if (found.method.many)
    return buyChain(ctx, found, { many: found.method.many, valueMicro: valueMicro * BigInt(count) });
  const call = piecesOf(found.method.name).buy;
  if (!call) throw new PaymentProblem('method-unsupported');
  const { brk, method, request, api, origin, purse } = found;
  const { recipient: vnd, currency } = request;
  const sale = { brk, vnd, currency, valueMicro, count, ttlMs: COIN_TTL_MS };
  const journal = ctx.newId();
  const purpose = { kind: 'buy' as const, journal, purse, method: method.name, origin, api, ...sale };
  const draft = draftOrder(ctx, { brk, call, members: call.members(sale), purpose });
  await transact(ctx.store, [keys.order(draft.rid), keys.money(brk)], (tx) => storeOrder(tx, ctx, draft));
  await runOrder(ctx, draft.rid);
}
