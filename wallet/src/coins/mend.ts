// Coins of a payment that came to nothing, as the site says. The broker knows what they are worth now: perhaps it was never asked,
// perhaps it still holds them, perhaps their change is out and they are worth the price as one set. Until it says so they stay
// set aside.
import { canonicalJson, decode, isProblemCode, type Json, makeOrder } from '@farthing/protocol';
import { ecashSwapResult, purse as purses } from '@farthing/protocol/wallet';
import { post } from '../broker.ts';
import { type Context, keepEvidence, move } from '../context.ts';
import { type Doc, keys } from '../documents.ts';
import type { Sent } from '../till.ts';
import { type Transaction, transact } from '../transaction.ts';
import { bundleIn } from './bundle.ts';
import {
  type CoinDoc,
  coinKeysOf,
  denominationsOf,
  handyValues,
  loadPurse,
  putCoins,
  sumOf,
  toDocs,
  toPurseCoin,
} from './purse.ts';
import { fateOf, signedOf } from './questions.ts';

type CoinJob = Doc<'coin_job'>;
type Mending = { readonly id: string; readonly job: CoinJob; readonly mint: purses.Mint };

const SWAP = '/v1/ecash/swap';

/** Part of the step that ends the payment: its coins leave the purse for a job of their own. */
export function mendLater(tx: Transaction, ctx: Context, { id, sending }: Sent): void {
  const purse = tx.need('purse', sending.purse);
  const { coins, planned } = bundleIn(sending.coin.piece);
  const { brk } = purse;
  tx.put('purse', sending.purse, { ...purse, coins: purse.coins.filter(({ holder }) => holder !== id) });
  storeJob(tx, ctx, { brk, id, planned, coins, micro: sumOf(coins) });
}

/** The same for change whose receipt never came. */
export function mendChange(tx: Transaction, ctx: Context, { id, sending }: Sent, micro: bigint): void {
  const { brk } = tx.need('purse', sending.purse);
  const { planned } = bundleIn(sending.coin.piece);
  storeJob(tx, ctx, { brk, id, planned, coins: [], micro });
}

/** The same for a set that a restore found. `coins` are no free coins any more. */
export function mendSet(tx: Transaction, ctx: Context, set: Pick<NewJob, 'brk' | 'id' | 'coins' | 'micro'>): void {
  storeJob(tx, ctx, { ...set, planned: [], set: true });
}

type NewJob = Pick<CoinJob, 'brk' | 'planned' | 'coins' | 'micro' | 'set'> & { readonly id: string };

function storeJob(tx: Transaction, ctx: Context, { id, ...parts }: NewJob): void {
  const { brk } = parts;
  move(tx, brk, { seq: 1n, openOrders: 1n });
  tx.put('coin_job', keys.coinJob(id), {
    ...{ kind: 'mend', step: 'check', path: SWAP, body: '', ...parts, journal: id },
    ...{ seq: tx.need('money', keys.money(brk)).seq, atMs: ctx.env().nowMs },
  });
}

/**
 * Finds out what the coins are worth, as far as the broker says now.
 * @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted`: it is asked again later
 */
export async function mend(ctx: Context, mending: Mending): Promise<void> {
  const { job } = mending;
  if (job.step === 'send' && (await swapSet(ctx, mending))) return;
  const { brk, planned, coins } = job;
  const signed = planned.length === 0 ? [] : await signedOf(ctx, brk, planned, mending.mint);
  const fates = await Promise.all(coins.map((coin) => fateOf(ctx, brk, coin, mending.mint)));
  // The site may still capture it; if it does not, the hold ends by itself.
  if (fates.some(({ state }) => state === 'held')) return;
  const made = signed.flatMap((one) => one ?? []);
  const isMade = planned.length > 0 && made.length === planned.length;
  const fresh = isMade ? toDocs(purses.finish(planned, made, mending.mint, ctx.env()), mending.mint) : [];
  if (coins.length === 0) return isMade ? end(ctx, mending, { back: fresh }) : undefined;
  const gone = coins.filter((_, i) => !STILL_OURS.has(fates[i]?.state ?? ''));
  if (gone.length > 0)
    return lost(ctx, mending, { fresh, gone, deposits: fates.map(({ deposit }) => deposit ?? null) });
  // Its change is out: the coins are one set, which is worth what the payment was.
  if (isMade || job.set === true) return beginSet(ctx, mending, job.set === true ? [] : fresh);
  return end(ctx, mending, { back: coins });
}

const STILL_OURS: ReadonlySet<string> = new Set(['unspent', 'voided']);

/** Sends the order that makes coins of the set. @returns whether that was the end of it */
async function swapSet(ctx: Context, mending: Mending): Promise<boolean> {
  const { job, mint } = mending;
  const posted = await post(ctx, ctx.broker(job.brk), job);
  if (posted.kind === 'refused') return false;
  const { signatures } = decode(ecashSwapResult, posted.result, 'broker-untrusted');
  await end(ctx, mending, { back: toDocs(purses.finish(job.planned, signatures, mint, ctx.env()), mint) });
  return true;
}

const TRIES = 8;

/** The change is ours; an order for the rest is stored with its counters, and sent. */
async function beginSet(ctx: Context, mending: Mending, change: readonly CoinDoc[]): Promise<void> {
  const { id, job, mint } = mending;
  const { brk, coins } = job;
  const { currency: cur } = ctx.broker(brk);
  const micro = job.micro - sumOf(change);
  for (let tries = 0; tries < TRIES; tries++) {
    const { purse } = await loadPurse(ctx, brk);
    const env = ctx.env();
    const values = handyValues(micro, denominationsOf(mint, env.nowMs), 1);
    const draft = purses.draft(purse, { values }, mint, env);
    const spent = purses.signedForSwap(coins.map(toPurseCoin), draft.outputs, mint, env);
    const outputs = draft.outputs.map((output) => ({ ...output }));
    const members = { cur, outputs, coins: spent.map((coin) => ({ ...coin })) };
    const body = canonicalJson(makeOrder('ecash-swap/1', members, env.random(32), env));
    const planned = draft.planned.map((one) => ({ ...one }));
    const next: CoinJob = { ...job, step: 'send', set: true, body, planned, micro };
    const all = [keys.coinJob(id), keys.counters(brk), keys.money(brk), ...coinKeysOf(brk, change)];
    const stored = await transact(ctx.store, all, (tx) => {
      const counters = tx.get('counters', keys.counters(brk))?.next ?? {};
      if (canonicalJson(counters) !== canonicalJson({ ...purse.next })) return false;
      if (!tx.has(keys.coinJob(id))) return true;
      tx.put('counters', keys.counters(brk), { next: { ...draft.purse.next } });
      putCoins(tx, brk, change);
      move(tx, brk, { heldMicro: -sumOf(change), cashMicro: sumOf(change) });
      tx.put('coin_job', keys.coinJob(id), next);
      return true;
    });
    if (!stored) continue;
    ctx.changed();
    await swapSet(ctx, { ...mending, job: next });
    return;
  }
}

type Lost = {
  readonly fresh: readonly CoinDoc[];
  readonly gone: readonly CoinDoc[];
  readonly deposits: readonly Json[];
};

/** Some are spent: the site was paid after all, or a copy of this wallet was ahead. What is left of them is ours. */
async function lost(ctx: Context, mending: Mending, { fresh, gone, deposits }: Lost): Promise<void> {
  const { coins, set } = mending.job;
  const isOurs = gone.length === coins.length && (fresh.length > 0 || set === true || mending.job.planned.length === 0);
  const left = set === true ? [] : coins.filter((coin) => !gone.includes(coin));
  const back = isOurs ? fresh : left;
  await end(ctx, mending, { back, deposits });
}

/** `deposits`: what the broker says of coins that are gone. */
type End = { readonly back: readonly CoinDoc[]; readonly deposits?: readonly Json[] };

async function end(ctx: Context, { id, job }: Mending, { back, deposits }: End): Promise<void> {
  const { brk, journal = '' } = job;
  const own = [keys.coinJob(id), keys.journal(journal), keys.restoring(brk), keys.evidence(`mend-${id}`)];
  await transact(ctx.store, [...own, ...ctx.moneyKeys(), ...coinKeysOf(brk, back)], (tx) => {
    const now = tx.get('coin_job', keys.coinJob(id));
    if (!now || now.set !== job.set) return;
    const lostMicro = now.micro - sumOf(back);
    putCoins(tx, brk, back);
    move(tx, brk, { seq: 1n, openOrders: -1n, heldMicro: -now.micro, cashMicro: sumOf(back), lostMicro });
    tx.drop(keys.coinJob(id));
    if (!deposits) return;
    keepEvidence(tx, ctx.env(), {
      about: `mend-${id}`,
      what: 'coins of a payment that was refused are spent',
      data: [...deposits],
    });
    const entry = tx.get('journal', keys.journal(journal));
    if (!entry) return;
    const { code = 'coin-spent' } = entry.record;
    tx.put('journal', keys.journal(journal), {
      ...entry,
      record: {
        ...entry.record,
        ...(isProblemCode(code) ? { code } : {}),
        lostMicro,
        balanceAfterMicro: ctx.total(tx),
      },
    });
  });
  ctx.changed();
}
