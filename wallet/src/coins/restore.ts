// All coins of a broker out of the phrase: counters are tried until the mint has signed nothing for a while, and each coin
// that it did sign is asked after. Nothing is made meanwhile, and a restore that was cut off begins again.
import { PaymentProblem } from '@farthing/protocol';
import { type Keyset, purse as purses } from '@farthing/protocol/wallet';
import { init } from '../account.ts';
import type { FoundCoins, Restored, RestoreProgress } from '../coin-types.ts';
import { type Context, move } from '../context.ts';
import { keys } from '../documents.ts';
import { ownRecord } from '../journal.ts';
import { readPhrase } from '../phrase.ts';
import { refreshAccount } from '../statement.ts';
import { listDocs, readOne, transact } from '../transaction.ts';
import { bundleIn } from './bundle.ts';
import { learnMint } from './keysets.ts';
import { type CoinDoc, coinKeysOf, ECASH, loadPurse, putCoins, sumOf, toDocs } from './purse.ts';
import { isSpent, signaturesOf } from './questions.ts';

/** An order that was refused leaves a gap of counters, which is shorter than what this looks over. */
const BATCH = 25;
const EMPTY_BATCHES = 3;
/** Questions to the mint at a time. */
const ABREAST = 8;

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
  const found = await restoreCoins(ctx, brk, onProgress).catch((error: unknown) => {
    // A broker that makes no coins has none of ours. It stays noted that they were not looked for.
    if (error instanceof PaymentProblem && error.code === 'unavailable') return NOTHING;
    throw error;
  });
  const money = await readOne(ctx.store, 'money', keys.money(brk));
  return { ...found, accountMicro: money?.accountMicro ?? 0n };
}

const NOTHING: FoundCoins = { coins: 0, coinsMicro: 0n, spent: 0, lostMicro: 0n };

/** @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted`, `unavailable` */
export async function restoreCoins(ctx: Context, brk: string, onProgress?: OnProgress): Promise<FoundCoins> {
  const mint = await learnMint(ctx, brk);
  await transact(ctx.store, [keys.restoring(brk)], (tx) => {
    tx.put('restoring', keys.restoring(brk), { atMs: ctx.env().nowMs });
  });
  const { purse: before, docs } = await loadPurse(ctx, brk);
  const progress = { keysets: 0, of: mint.keysets.size, found: 0, checked: 0 };
  const tell = (by: Partial<RestoreProgress>) => onProgress?.(Object.assign(progress, by));
  let purse = before;
  for (const keyset of mint.keysets.values()) {
    purse = await look(ctx, { purse, keyset, mint });
    tell({ keysets: progress.keysets + 1, found: purse.coins.length });
  }
  const busy = await busyPlaces(ctx, brk);
  const known = new Set(docs.map(({ pk }) => pk));
  const asked = [...docs, ...toDocs(purse.coins, mint).filter(({ pk }) => !known.has(pk))].filter(
    (coin) => !busy.has(placeOf(coin)),
  );
  const spent = await spentOf(ctx, { brk, coins: asked, mint }, (checked) => tell({ checked }));
  const fresh = asked.filter(({ pk }) => !known.has(pk) && !spent.has(pk));
  const gone = asked.filter(({ pk }) => known.has(pk) && spent.has(pk));
  const lostMicro = await write(ctx, { brk, fresh, gone, next: purse.next });
  const kept = asked.filter(({ pk }) => !spent.has(pk));
  return { coins: kept.length, coinsMicro: sumOf(kept), spent: spent.size, lostMicro };
}

/** Counters of one keyset, from the first on. */
async function look(
  ctx: Context,
  { purse: from, keyset: { ks }, mint }: { purse: purses.Purse; keyset: Keyset; mint: purses.Mint },
): Promise<purses.Purse> {
  const env = ctx.env();
  let purse = from;
  let counter = 0;
  for (let empty = 0; empty < EMPTY_BATCHES; ) {
    const { planned, outputs } = purses.restoreBatch({ ks, counter }, BATCH, mint, env);
    const signatures = await signaturesOf(ctx, purse.brk, outputs);
    const found = purses.restored(purse, { planned, signatures }, mint, env);
    purse = found.purse;
    counter = (planned.at(-1)?.counter ?? counter) + 1;
    // What this wallet knows to have used is looked through, however empty.
    empty = found.found > 0 || counter < (from.next[ks] ?? 0) ? 0 : empty + 1;
  }
  return purse;
}

const placeOf = ({ ks, counter }: purses.Planned): string => `${ks} ${counter}`;

/** Coins that are on their way, set aside, or given and not taken: their jobs, purses and gifts say what they are. */
async function busyPlaces(ctx: Context, brk: string): Promise<ReadonlySet<string>> {
  const [jobs, gifts, purses] = await Promise.all([
    listDocs(ctx.store, 'coin_job', 'coin-job/'),
    listDocs(ctx.store, 'gift', 'gift/'),
    listDocs(ctx.store, 'purse', `purse/${ECASH}/${brk}/`),
  ]);
  const bundles = purses.flatMap(({ doc }) => doc.coins.map(({ piece }) => bundleIn(piece)));
  const places = [
    ...jobs.filter(({ doc }) => doc.brk === brk).flatMap(({ doc }) => [...doc.planned, ...doc.coins]),
    ...gifts.filter(({ doc }) => doc.brk === brk).flatMap(({ doc }) => doc.coins),
    ...bundles.flatMap(({ coins, planned }) => [...coins, ...planned]),
  ];
  return new Set(places.map(placeOf));
}

async function spentOf(
  ctx: Context,
  { brk, coins, mint }: { brk: string; coins: readonly CoinDoc[]; mint: purses.Mint },
  tell: (checked: number) => void,
): Promise<ReadonlySet<string>> {
  const spent = new Set<string>();
  for (let at = 0; at < coins.length; at += ABREAST) {
    const some = coins.slice(at, at + ABREAST);
    const answers = await Promise.all(some.map((coin) => isSpent(ctx, brk, coin, mint)));
    for (const [i, { pk }] of some.entries()) if (answers[i]) spent.add(pk);
    tell(at + some.length);
  }
  return spent;
}

type Found = {
  readonly brk: string;
  readonly fresh: readonly CoinDoc[];
  readonly gone: readonly CoinDoc[];
  readonly next: Readonly<Record<string, number>>;
};

/** What was found, and what was spent without this wallet. @returns what was written off */
async function write(ctx: Context, { brk, fresh, gone, next }: Found): Promise<bigint> {
  const record = ownRecord(ctx, brk, { kind: 'payment', amountMicro: sumOf(gone), method: 'ecash' });
  const all = [keys.counters(brk), keys.restoring(brk), keys.journal(record.id), ...ctx.moneyKeys()];
  const lostMicro = await transact(ctx.store, [...all, ...coinKeysOf(brk, [...fresh, ...gone])], (tx) => {
    const counters = { ...tx.get('counters', keys.counters(brk))?.next };
    for (const [ks, counter] of Object.entries(next)) counters[ks] = Math.max(counters[ks] ?? 0, counter);
    tx.put('counters', keys.counters(brk), { next: counters });
    const added = fresh.filter(({ pk }) => !tx.has(keys.coin(brk, pk)));
    putCoins(tx, brk, added);
    const lost = gone.filter(({ pk }) => tx.has(keys.coin(brk, pk)));
    for (const { pk } of lost) tx.drop(keys.coin(brk, pk));
    const [inMicro, outMicro] = [sumOf(added), sumOf(lost)];
    move(tx, brk, { cashMicro: inMicro - outMicro, receivedMicro: inMicro, lostMicro: outMicro });
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
