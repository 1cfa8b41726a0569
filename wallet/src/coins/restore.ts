// All coins of a broker out of the phrase: counters are tried until the mint has signed nothing for a while, and each coin
// that it did sign is asked after. Nothing is made meanwhile, and a restore that was cut off begins again.
import { PaymentProblem } from '@farthing/protocol';
import { init } from '../account.ts';
import type { FoundCoins, Restored, RestoreProgress } from '../coin-types.ts';
import { type Context, move } from '../context.ts';
import { keys } from '../documents.ts';
import { ownRecord } from '../journal.ts';
import { readPhrase } from '../phrase.ts';
import { refreshAccount } from '../statement.ts';
import { readOne, type Transaction, transact } from '../transaction.ts';
import { worldsFault } from '../world.ts';
import { advanceJob } from './jobs.ts';
import { learnMint } from './keysets.ts';
import { busyPlaces, type CoinSet, lookThrough, placeOf, spentOf } from './look.ts';
import { mendSet } from './mend.ts';
import { type CoinDoc, coinKeysOf, ECASH, loadPurse, putCoins, sumOf, toDocs } from './purse.ts';
import { restoreLocked } from './restore-locked.ts';

type OnProgress = (progress: RestoreProgress) => void;
export type Restoring = { phrase: string; brokerUrl: string; onProgress?: OnProgress };

/**
 * A wallet out of its words: the account, its balance, and every coin that was not spent. Repeating it is harmless.
 * @throws {PaymentProblem} `payload-invalid`: no phrase, or this wallet has another account; `wallet-locked`; as `init`
 */
export async function restore(ctx: Context, { phrase: typed, brokerUrl, onProgress }: Restoring): Promise<Restored> {
  const phrase = readPhrase(typed);
  if (ctx.account && ctx.secrets().phrase !== phrase) {
    throw new PaymentProblem('payload-invalid', { detail: 'this wallet is not empty: restore into one that is' });
  }
  const { brk } = await init(ctx, { brokerUrl, phrase });
  await refreshAccount(ctx, brk);
  const found = await restoreCoins(ctx, brk, { onProgress, all: true }).catch((error: unknown) => {
    // A broker that makes no coins has none of ours. It stays noted that they were not looked for.
    if (error instanceof PaymentProblem && error.code === 'unavailable') return NOTHING;
    throw error;
  });
  const money = await readOne(ctx.store, 'money', keys.money(brk));
  return { ...found, accountMicro: money?.accountMicro ?? 0n };
}

const NOTHING: FoundCoins = { coins: 0, coinsMicro: 0n, spent: 0, lostMicro: 0n };

/** @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted`, `unavailable` */
export async function restoreCoins(
  ctx: Context,
  brk: string,
  { onProgress, all = false }: { onProgress?: OnProgress | undefined; all?: boolean } = {},
): Promise<FoundCoins> {
  const mint = await learnMint(ctx, brk);
  const everywhere = await transact(ctx.store, [keys.restoring(brk)], (tx) => {
    const isAll = all || tx.get('restoring', keys.restoring(brk))?.all === true;
    tx.put('restoring', keys.restoring(brk), { atMs: ctx.env().nowMs, ...(isAll ? { all: true } : {}) });
    return isAll;
  });
  const tell = tellerOf(onProgress);
  tell({ of: mint.keysets.size });
  const locked = await restoreLocked(ctx, { brk, all: everywhere, tell });
  const { purse: before, docs } = await loadPurse(ctx, brk);
  tell({ found: docs.length });
  const { coins: made, next } = await lookThrough(ctx, { purse: before, mint }, (found) => tell({ keysets: 1, found }));
  const busy = await busyPlaces(ctx, brk);
  const known = new Set(docs.map(({ pk }) => pk));
  const asked = [...docs, ...toDocs(made, mint)].filter((coin) => !busy.has(placeOf(coin)));
  tell({ found: asked.length - docs.length - made.length });
  const { spent, sets } = await spentOf(ctx, { brk, coins: asked }, (checked) => tell({ checked }));
  const inSets = new Set(sets.flatMap(({ coins }) => coins.map(({ pk }) => pk)));
  const fresh = asked.filter(({ pk }) => !known.has(pk) && !spent.has(pk));
  const gone = asked.filter(({ pk }) => known.has(pk) && spent.has(pk) && !inSets.has(pk));
  const found = sets.map((set) => ({ ...set, id: ctx.newId() }));
  const lostMicro = await write(ctx, { brk, fresh, gone, sets: found, next });
  // What they are worth is ours as coins soon; what is in the way is stored, and tried again.
  for (const { id } of found) await advanceJob(ctx, id).catch(worldsFault);
  const kept = asked.filter(({ pk }) => !spent.has(pk));
  const setsMicro = found.reduce((sum, { worthMicro }) => sum + worthMicro, 0n);
  return {
    coins: locked.coins + kept.length + inSets.size,
    coinsMicro: locked.coinsMicro + sumOf(kept) + setsMicro,
    spent: locked.spent + spent.size - inSets.size,
    lostMicro: locked.lostMicro + lostMicro,
  };
}

/** Adds up what is told. */
function tellerOf(onProgress: OnProgress | undefined): (by: Partial<RestoreProgress>) => void {
  const sum = { keysets: 0, of: 0, found: 0, checked: 0 };
  return ({ keysets = 0, of = 0, found = 0, checked = 0 }) => {
    sum.keysets += keysets;
    sum.of += of;
    sum.found += found;
    sum.checked += checked;
    onProgress?.({ ...sum });
  };
}

/** With the id of the job that makes coins of it. */
type FoundSet = CoinSet & { readonly id: string };

type Found = {
  readonly brk: string;
  readonly fresh: readonly CoinDoc[];
  readonly gone: readonly CoinDoc[];
  readonly sets: readonly FoundSet[];
  readonly next: Readonly<Record<string, number>>;
};

/** What was found, and what was spent without this wallet. @returns what was written off */
async function write(ctx: Context, { brk, fresh, gone, sets, next }: Found): Promise<bigint> {
  const record = ownRecord(ctx, brk, { kind: 'payment', amountMicro: sumOf(gone), method: ECASH });
  const all = [keys.counters(brk), keys.restoring(brk), keys.journal(record.id), ...ctx.moneyKeys()];
  const coins = coinKeysOf(brk, [...fresh, ...gone, ...sets.flatMap((set) => set.coins)]);
  const jobs = sets.map(({ id }) => keys.coinJob(id));
  const lostMicro = await transact(ctx.store, [...all, ...coins, ...jobs], (tx) => {
    const counters = { ...tx.get('counters', keys.counters(brk))?.next };
    for (const [ks, counter] of Object.entries(next)) counters[ks] = Math.max(counters[ks] ?? 0, counter);
    tx.put('counters', keys.counters(brk), { next: counters });
    const added = fresh.filter(({ pk }) => !tx.has(keys.coin(brk, pk)));
    putCoins(tx, brk, added);
    const lost = gone.filter(({ pk }) => tx.has(keys.coin(brk, pk)));
    for (const { pk } of lost) tx.drop(keys.coin(brk, pk));
    const [inMicro, outMicro] = [sumOf(added), sumOf(lost)];
    move(tx, brk, { cashMicro: inMicro - outMicro, receivedMicro: inMicro, lostMicro: outMicro });
    for (const set of sets) setAside(tx, ctx, { brk, set });
    tx.drop(keys.restoring(brk));
    if (outMicro === 0n) return 0n;
    const said = { state: 'paid' as const, code: 'coin-spent', why: 'another copy of this wallet' };
    tx.put('journal', keys.journal(record.id), {
      record: { ...record, ...said, amountMicro: outMicro, balanceAfterMicro: ctx.total(tx) },
    });
    return outMicro;
  });
  ctx.changed();
  return lostMicro;
}

/** Its coins are free coins no more, for who had some of them; what they are worth together is. */
function setAside(tx: Transaction, ctx: Context, { brk, set }: { brk: string; set: FoundSet }): void {
  const { id, worthMicro, coins } = set;
  const known = coins.filter(({ pk }) => tx.has(keys.coin(brk, pk)));
  for (const { pk } of known) tx.drop(keys.coin(brk, pk));
  const knownMicro = sumOf(known);
  move(tx, brk, { cashMicro: -knownMicro, heldMicro: worthMicro, receivedMicro: worthMicro - knownMicro });
  mendSet(tx, ctx, { id, brk, coins: [...coins], micro: worthMicro });
}
