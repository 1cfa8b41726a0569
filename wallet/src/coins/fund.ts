// Coins for an offer, when those that are here do not pay it: withdrawn from the account, swapped into values that fit, or swapped
// for coins that are locked to the site. The swap is asked for by nobody in particular.
import { PaymentProblem, readRequest } from '@farthing/protocol';
import { pickCoins, purse as purses } from '@farthing/protocol/wallet';
import type { Context } from '../context.ts';
import { keys } from '../documents.ts';
import type { Found } from '../offers.ts';
import { leftHere } from '../settings.ts';
import { refreshAccount } from '../statement.ts';
import type { Need } from '../till.ts';
import { listDocs, readOne, transact } from '../transaction.ts';
import { worldsFault } from '../world.ts';
import { isSpendable, lockedIn } from './bundle.ts';
import { choose, limitsOf, listsOf, namedBySite, termsOf } from './choice.ts';
import { advanceJob } from './jobs.ts';
import { bothMints, type ListedMint, learnMint } from './keysets.ts';
import { lockCoins, swapFor } from './lock.ts';
import { denominationsOf, loadPurse, sumOf } from './purse.ts';
import { readyMint, refreshCoins, withdraw } from './withdraw.ts';

/** As much of an offer as getting coins for it needs. */
export type Payable = Pick<Found, 'brk' | 'request' | 'price' | 'purse' | 'origin' | 'api'>;

/** How many payments of this price are prepared at once: a site's coins are bought ahead of need. */
const PAYMENTS_AHEAD = 20n;
const SMALLEST_MICRO = 10_000n;
/** With the change, and what is given for it, within the broker's bound on an order. */
const MOST_LOCKED = 32;

/** @throws {PaymentProblem} as `Till.fund`; `broker-untrusted`: site and broker name different keys */
export async function fundCoins(ctx: Context, found: Found, need: Need): Promise<void> {
  const { brk, request } = found;
  await finishJobs(ctx, found);
  const mint = await readyMint(ctx, brk);
  const { keysets, locked } = listsOf(found);
  const site = locked === undefined ? undefined : await learnMint(ctx, brk, request.recipient);
  const own = site && namedBySite(site, locked);
  if (!own && !namedBySite(mint, keysets)) {
    const detail = 'the site names another key list than the broker shows: coins of it could be told from others';
    throw new PaymentProblem('broker-untrusted', { detail });
  }
  if (await choose(ctx, found)) return;
  await refreshCoins(ctx, brk, { isWaiting: true });
  if (site && own) await lockAhead(ctx, found, { need, mint, site, named: own });
  else await fitCoins(ctx, found, { need, mint });
}

/** What was begun is ended first: coins may be on their way. Coins for this site are not ordered beside an open order. */
async function finishJobs(ctx: Context, { brk, purse }: Found): Promise<void> {
  for (const { key, doc } of await listDocs(ctx.store, 'coin_job', 'coin-job/')) {
    if (doc.brk !== brk) continue;
    const run = advanceJob(ctx, key.slice('coin-job/'.length));
    await (doc.lock?.purse === purse ? run : run.catch(worldsFault));
  }
}

/** Coins for the next payments at sites that were paid with others, when their time has come. */
export async function lockWished(ctx: Context, brk: string): Promise<void> {
  for (const { key, doc } of await listDocs(ctx.store, 'later', keys.later(brk))) {
    const { dueAtMs, lock } = doc;
    if (!lock || dueAtMs > ctx.env().nowMs) continue;
    await transact(ctx.store, [key], (tx) => tx.drop(key));
    const purse = await readOne(ctx.store, 'purse', lock.purse);
    const request = readRequest(lock.challenge);
    if (!purse || !request) continue;
    const { origin, api } = purse;
    const found: Payable = { brk, request, price: request.amount, purse: lock.purse, origin, api };
    const mint = await readyMint(ctx, brk);
    const site = await learnMint(ctx, brk, request.recipient);
    const named = namedBySite(site, listsOf(found).locked);
    const have = sumOf(lockedIn(purse.coins).map(({ coin }) => coin));
    if (named && have < request.amount) {
      await lockAhead(ctx, found, { need: { site: lock.site, waiting: 0 }, mint, site, named });
    }
  }
}

type Known = { readonly need: Need; readonly mint: ListedMint };

/** Swaps coins for those of the site: for as many payments as the limits of today and the money allow. */
async function lockAhead(
  ctx: Context,
  found: Payable,
  { need, mint, site, named }: Known & { readonly site: ListedMint; readonly named: ReadonlySet<string> },
): Promise<void> {
  const { price, brk } = found;
  const { nowMs } = ctx.env();
  const values = [...named].flatMap((ks) => (isSpendable(ks, site, nowMs) ? (site.keysets.get(ks)?.value ?? []) : []));
  const each = cheapest(values, price, termsOf(found).maxCoins);
  const wished = await wishOf(ctx, found, need);
  const have = await gather(ctx, found, { micro: wished, mint });
  const room = BigInt(Math.floor(MOST_LOCKED / each.length));
  const count = Number(least(least(wished, have) / price, room));
  if (count < 1) throw new PaymentProblem('funds-short');
  const locked = Array.from({ length: count }, () => each).flat();
  if (!(await lockCoins(ctx, found, { values: locked, mint: bothMints(mint, site) }))) {
    throw new PaymentProblem('funds-short', { detail: `the coins of ${brk} do not make this price` });
  }
}

/** The fewest of these values that make the price. @throws {PaymentProblem} `sum-wrong` */
function cheapest(values: readonly bigint[], price: bigint, most: number): bigint[] {
  const able = values.flatMap((value) => Array.from({ length: most }, () => value));
  const picked = pickCoins(able, price, { most, change: false });
  if (!picked) throw new PaymentProblem('sum-wrong', { detail: "the site's coins do not make its price" });
  return picked.give.flatMap((place) => able[place] ?? []);
}

/** How much to have at hand: for the payments to come, within the limits of today. At least the price. */
async function wishOf(ctx: Context, { price }: Payable, { site, waiting }: Need): Promise<bigint> {
  if (ctx.ports.ahead === false) return price * BigInt(waiting + 1);
  const left = await leftHere(ctx, site);
  const target = most(price * PAYMENTS_AHEAD, SMALLEST_MICRO);
  return most(least(target, left), price * BigInt(waiting + 1));
}

/**
 * Coins that go everywhere for this much, withdrawn where they are too few. @returns what is there now
 * @throws {PaymentProblem} `funds-short`: not even the price
 */
async function gather(
  ctx: Context,
  found: Payable,
  { micro, mint }: { micro: bigint; mint: ListedMint },
): Promise<bigint> {
  const { brk, price } = found;
  const cash = await spendableOf(ctx, brk, mint);
  if (cash >= micro) return cash;
  let account = await accountOf(ctx, brk);
  if (cash + account < price) {
    await refreshAccount(ctx, brk).catch(worldsFault);
    account = await accountOf(ctx, brk);
  }
  const wanted = roundedUp(micro - cash, denominationsOf(mint, ctx.env().nowMs));
  const amountMicro = least(wanted, account);
  if (cash + amountMicro < price) {
    const shortBy = (price - cash - amountMicro).toString();
    throw new PaymentProblem('funds-short', { detail: `short by ${shortBy} base units`, members: { shortBy } });
  }
  if (amountMicro > 0n) await withdraw(ctx, { amountMicro, brk });
  return spendableOf(ctx, brk, mint);
}

async function spendableOf(ctx: Context, brk: string, mint: ListedMint): Promise<bigint> {
  const { purse } = await loadPurse(ctx, brk);
  return purses.worthOf(purse, mint, ctx.env().nowMs);
}

const accountOf = async (ctx: Context, brk: string): Promise<bigint> =>
  most((await readOne(ctx.store, 'money', keys.money(brk)))?.accountMicro ?? 0n, 0n);

/** The next amount that these coins make. */
function roundedUp(amount: bigint, denominations: readonly bigint[]): bigint {
  const smallest = denominations.reduce((small, one) => (one < small ? one : small), denominations[0] ?? 1n);
  return ((amount + smallest - 1n) / smallest) * smallest;
}

/** Coins whose values pay the price: withdrawn, or swapped for. */
async function fitCoins(ctx: Context, found: Found, { need, mint }: Known): Promise<void> {
  const { brk, price } = found;
  if ((await spendableOf(ctx, brk, mint)) < price) {
    await gather(ctx, found, { micro: await wishOf(ctx, found, need), mint });
    if (await choose(ctx, found)) return;
  }
  const values = fitting(found, denominationsOf(mint, ctx.env().nowMs));
  await gather(ctx, found, { micro: values.reduce((sum, value) => sum + value, 0n), mint });
  if (!(await swapFor(ctx, found, { values, mint }))) throw new PaymentProblem('funds-short');
}

/** Values of coins that pay the price within what the site takes at once. @throws {PaymentProblem} `sum-wrong` */
function fitting(found: Found, denominations: readonly bigint[]): bigint[] {
  for (const limit of limitsOf(found)) {
    const able = denominations.flatMap((value) => Array.from({ length: limit.most }, () => value));
    const picked = pickCoins(able, found.price, { change: true, ...limit, denominations });
    if (picked) return picked.give.flatMap((place) => able[place] ?? []);
  }
  throw new PaymentProblem('sum-wrong', { detail: 'the coins of this broker do not make the price' });
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
