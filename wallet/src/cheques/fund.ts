// Ordering certificates: as much aside as the next payments at a site may need, within the limits of today.
import { PaymentProblem, toBase64url } from '@farthing/protocol';
import type { Context } from '../context.ts';
import { keys } from '../documents.ts';
import type { Found } from '../offers.ts';
import { draftOrder, openOrders, runOrder, storeOrder } from '../orders.ts';
import { leftHere } from '../settings.ts';
import { refreshAccount } from '../statement.ts';
import type { Need } from '../till.ts';
import { readOne, transact } from '../transaction.ts';
import { worldsFault } from '../world.ts';
import { isServed, termsOf } from './terms.ts';

const PAYMENTS_AHEAD = 20n;
const SMALLEST_MICRO = 10_000n;

/** @throws {PaymentProblem} as `Till.fund` */
export async function fundCheques(ctx: Context, found: Found, need: Need): Promise<void> {
  if (await finishBegun(ctx, found.purse)) return;
  const { brk, price } = found;
  if ((await accountOf(ctx, brk)) < price) await refreshAccount(ctx, brk).catch(worldsFault);
  const account = await accountOf(ctx, brk);
  if (account < price) {
    const shortBy = (price - account).toString();
    throw new PaymentProblem('funds-short', { detail: `short by ${shortBy} base units`, members: { shortBy } });
  }
  const least = price * BigInt(need.waiting + 1);
  const day = most(await leftHere(ctx, need.site), price);
  const limit = isServed(found) ? asideOf(found, { account, day, least }) : 0n;
  try {
    await order(ctx, found, { limit, perDay: most(limit, day) });
  } catch (error) {
    if (!(error instanceof PaymentProblem) || !TOO_MUCH.has(error.code)) throw error;
    // Brokers bound what a day may cost by how well a key is kept: then no more than this one payment.
    await order(ctx, found, { limit: limit === 0n ? 0n : price, perDay: price });
  }
}

const TOO_MUCH: ReadonlySet<string> = new Set(['limit-reached', 'level-too-low', 'balance-short', 'approver-needed']);

/** For the payments to come; the site serves no more than `offlineMax` unasked. */
function asideOf(
  found: Found,
  { account, day, least: needed }: { account: bigint; day: bigint; least: bigint },
): bigint {
  const wished = most(most(found.price * PAYMENTS_AHEAD, SMALLEST_MICRO), needed);
  const bounds = [termsOf(found).offlineMax, account, day];
  return most(
    bounds.reduce((bound, one) => (one < bound ? one : bound), wished),
    found.price,
  );
}

async function order(ctx: Context, found: Found, aside: { limit: bigint; perDay: bigint }): Promise<void> {
  const { brk, request, origin, api, purse } = found;
  const { recipient: vnd, currency } = request;
  const env = ctx.env();
  const seed = env.random(32);
  const pk = toBase64url(env.crypto.publicKey(seed));
  const wanted = { vnd, pk, limit: aside.limit.toString(), perDay: aside.perDay.toString() };
  const draft = draftOrder(ctx, {
    brk,
    call: { path: '/v1/cheque/certs', typ: 'cheque-certs/1' },
    members: { cur: currency, level: 2, keys: [wanted] },
    purpose: {
      ...{ kind: 'cheques' as const, purse, origin, api, vnd, currency, seed: toBase64url(seed) },
      ...{ limitMicro: aside.limit, perDayMicro: aside.perDay },
    },
  });
  await transact(ctx.store, [keys.order(draft.rid), keys.money(brk)], (tx) => storeOrder(tx, ctx, draft));
  await runOrder(ctx, draft.rid);
}

/** An order that was begun before. @returns true: it brought a certificate */
async function finishBegun(ctx: Context, purse: string): Promise<boolean> {
  for (const { rid, doc } of await openOrders(ctx)) {
    if (doc.purpose.kind !== 'cheques' || doc.purpose.purse !== purse) continue;
    try {
      await runOrder(ctx, rid);
      return true;
    } catch (error) {
      // Refused for good: another is ordered. Still open: none beside it.
      if (!(error instanceof PaymentProblem) || (await readOne(ctx.store, 'order', keys.order(rid)))) throw error;
    }
  }
  return false;
}

const accountOf = async (ctx: Context, brk: string): Promise<bigint> =>
  (await readOne(ctx.store, 'money', keys.money(brk)))?.accountMicro ?? 0n;
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
