// How a job with coins ends: its coins are here, or what it spent is back. Each in one step with the counters of money.
import { isProblemCode } from '@farthing/protocol';
import type { purse as purses } from '@farthing/protocol/wallet';
import { type Context, move } from '../context.ts';
import { type Doc, keys } from '../documents.ts';
import { reconcile } from '../orders.ts';
import { readOne, type Transaction, transact } from '../transaction.ts';
import { bundled, unbundled } from './bundle.ts';
import { type CoinDoc, coinKeysOf, ECASH, putCoins, sumOf, toDocs } from './purse.ts';

type CoinJob = Doc<'coin_job'>;
type Done = { coins: readonly purses.PurseCoin[]; mint: purses.Mint; balance: bigint | undefined };

/** `balance`: of the account, as the broker says with its answer. */
export async function complete(ctx: Context, id: string, { coins, mint, balance }: Done): Promise<void> {
  const made = toDocs(coins, mint);
  await end(ctx, id, made, (tx, job, quiet) => {
    const { brk, micro, kind, gift, journal, request } = job;
    const isLocked = ({ ks }: { ks: string }) => mint.keysets.get(ks)?.record.vnd !== undefined;
    const free = made.filter((coin) => !isLocked(coin));
    putCoins(tx, brk, free);
    const lockedMicro = kind !== 'lock' ? 0n : lockIn(tx, job, { coins: made.filter(isLocked), mint });
    const from = kind === 'take' ? { receivedMicro: micro } : { heldMicro: -micro };
    const accountMicro = kind === 'deposit' ? micro : 0n;
    move(tx, brk, { cashMicro: sumOf(free), coinsMicro: lockedMicro, accountMicro, ...from });
    if (balance !== undefined && quiet) reconcile(tx, brk, balance);
    if (kind === 'take' && gift !== undefined && journal !== undefined) {
      tx.put('taken', gift, { journal, ...(request === undefined ? {} : { request }) });
    }
    if (kind === 'back' && gift !== undefined) tx.put('gift', gift, { ...tx.need('gift', gift), state: 'back' });
    return kind === 'back' || kind === 'deposit' || kind === 'unlock' ? 'refunded' : 'paid';
  });
}

/**
 * Nothing came of it. `spent`: coins of it that are gone. `foreign`: another copy of this wallet uses the same counters or
 * coins. The broker is asked after all coins then, before more are made: what is gone is written off there.
 */
export async function undo(
  ctx: Context,
  id: string,
  { spent, foreign }: { spent: ReadonlySet<string>; foreign: boolean },
): Promise<void> {
  const job = await readOne(ctx.store, 'coin_job', keys.coinJob(id));
  await end(ctx, id, job?.coins ?? [], (tx, now) => {
    const { brk, kind, micro, gift, coins } = now;
    if (foreign) tx.put('restoring', keys.restoring(brk), { atMs: ctx.env().nowMs });
    if (kind === 'withdraw') move(tx, brk, { heldMicro: -micro, accountMicro: micro });
    if (isSwap(kind)) {
      putCoins(tx, brk, coins);
      move(tx, brk, { heldMicro: -micro, cashMicro: micro });
    }
    if (kind === 'unlock') relock(tx, now, spent);
    if (kind !== 'back' || gift === undefined) return 'failed_not_charged';
    // What somebody took stays given; what nobody took can be asked for once more.
    move(tx, brk, { heldMicro: -micro, spentMicro: micro });
    const given = tx.need('gift', gift);
    const kept = given.coins.filter(({ pk }) => !coins.some((one) => one.pk === pk) || !spent.has(pk));
    const state = kept.length === 0 ? ('taken' as const) : ('given' as const);
    tx.put('gift', gift, { ...given, state, ...(state === 'given' ? { coins: kept, micro: sumOf(kept) } : {}) });
    return 'failed_not_charged';
  });
}

/** Own free coins become others, or money of the account. */
export const isSwap = (kind: CoinJob['kind']): boolean => kind === 'swap' || kind === 'lock' || kind === 'deposit';

/** Puts coins into the purse of the site that they are locked to. @returns what they are worth */
function lockIn(
  tx: Transaction,
  { brk, lock }: CoinJob,
  { coins, mint }: { coins: readonly CoinDoc[]; mint: purses.Mint },
): bigint {
  if (!lock) return 0n;
  const { purse: key, vnd, origin, api } = lock;
  const { currency } = tx.need('money', keys.money(brk));
  const purse = tx.get('purse', key) ?? { brk, vnd, method: ECASH, currency, origin, api, coins: [] };
  const stored = coins.map((coin) => bundled({ lock: 'vendor', coins: [coin], planned: [] }, mint));
  tx.put('purse', key, { ...purse, origin, api, coins: [...purse.coins, ...stored] });
  return sumOf(coins);
}

/** What the site claimed is gone; the others lie in its purse again. */
function relock(tx: Transaction, { brk, lock, coins, micro, atMs }: CoinJob, spent: ReadonlySet<string>): void {
  const key = lock?.purse ?? '';
  const purse = tx.need('purse', key);
  const left = coins.filter(({ pk }) => !spent.has(pk));
  const back = unbundled({ lock: 'vendor', coins: left, planned: [] }, atMs + RECLAIM_MS);
  tx.put('purse', key, { ...purse, coins: [...purse.coins, ...back.map((coin) => ({ ...coin, ended: true }))] });
  move(tx, brk, { heldMicro: -micro, coinsMicro: sumOf(left), lostMicro: micro - sumOf(left) });
}
/** The broker says when it takes them no more; not before that they are written off here. */
const RECLAIM_MS = 31 * 86_400_000;

type State = 'paid' | 'refunded' | 'failed_not_charged';

/** One step over all that a job touches. `quiet`: nothing else moved money at this broker since it was stored. */
async function end(
  ctx: Context,
  id: string,
  coins: readonly { readonly pk: string }[],
  step: (tx: Transaction, job: CoinJob, quiet: boolean) => State,
): Promise<void> {
  const key = keys.coinJob(id);
  const job = await readOne(ctx.store, 'coin_job', key);
  if (!job) return;
  const { brk, journal, gift, lock } = job;
  const all = [key, keys.restoring(brk), ...ctx.moneyKeys(), ...coinKeysOf(brk, coins)];
  const more = [...(journal === undefined ? [] : [keys.journal(journal)]), ...(gift === undefined ? [] : [gift])];
  if (lock) more.push(lock.purse);
  await transact(ctx.store, [...all, ...more], (tx) => {
    const now = tx.get('coin_job', key);
    if (!now) return;
    const quiet = tx.need('money', keys.money(brk)).seq === now.seq;
    const state = step(tx, now, quiet);
    tx.drop(key);
    move(tx, brk, { seq: 1n, openOrders: -1n });
    if (journal === undefined) return;
    const { record } = tx.need('journal', keys.journal(journal));
    const { code } = now;
    const why = state === 'failed_not_charged' && isProblemCode(code) ? { code } : {};
    tx.put('journal', keys.journal(journal), {
      record: { ...record, state, ...why, balanceAfterMicro: ctx.total(tx) },
    });
  });
  ctx.changed();
}
