// Coins that are locked to sites, out of the phrase: the keysets of every site that has some are looked through, because nobody is
// told which sites a person pays. What a site took and has not claimed yet the broker cannot know: the site says it then.
import { decode } from '@farthing/protocol';
import { ecashLocksResult, type purse as purses } from '@farthing/protocol/wallet';
import { call, fetchVendor, problemOf } from '../broker.ts';
import type { FoundCoins, RestoreProgress } from '../coin-types.ts';
import { type Context, move } from '../context.ts';
import { type Doc, keys } from '../documents.ts';
import { readOne, transact } from '../transaction.ts';
import { bundled, bundleIn } from './bundle.ts';
import { learnMint } from './keysets.ts';
import { busyPlaces, lookThrough, placeOf, spentOf } from './look.ts';
import { type CoinDoc, ECASH, sumOf, toDocs } from './purse.ts';

/** The api of a site that was not paid by this wallet yet: the next payment says it. */
const API = '/farthing';

/** `all`: of every site; else of those that this wallet has coins of. `tell` gets what is added to the progress. */
type Restoring = {
  readonly brk: string;
  readonly all: boolean;
  readonly tell: (by: Partial<RestoreProgress>) => void;
};

/** @throws {PaymentProblem} as `restoreCoins` */
export async function restoreLocked(ctx: Context, { brk, all, tell }: Restoring): Promise<FoundCoins> {
  const sum = { coins: 0, coinsMicro: 0n, spent: 0, lostMicro: 0n };
  for (const vnd of all ? await allSites(ctx, brk) : await ownSites(ctx, brk)) {
    const found = await restoreAt(ctx, { brk, vnd, tell });
    sum.coins += found.coins;
    sum.coinsMicro += found.coinsMicro;
    sum.spent += found.spent;
    sum.lostMicro += found.lostMicro;
  }
  return sum;
}

async function allSites(ctx: Context, brk: string): Promise<readonly string[]> {
  const reply = await call(ctx, `${ctx.broker(brk).url}/v1/ecash/locks`);
  if (reply.status !== 200) throw problemOf(reply);
  return decode(ecashLocksResult, reply.json, 'broker-untrusted').vendors;
}

/** Sites whose key lists this wallet has seen: others have none, or none that it has coins of. */
async function ownSites(ctx: Context, brk: string): Promise<readonly string[]> {
  const prefix = keys.mint(brk, '');
  return (await ctx.store.list(prefix)).map(({ key }) => key.slice(prefix.length));
}

async function restoreAt(
  ctx: Context,
  { brk, vnd, tell }: Omit<Restoring, 'all'> & { vnd: string },
): Promise<FoundCoins> {
  const mint = await learnMint(ctx, brk, vnd);
  tell({ of: mint.keysets.size });
  const next = (await readOne(ctx.store, 'counters', keys.counters(brk)))?.next ?? {};
  const empty: purses.Purse = { brk, cur: ctx.broker(brk).currency, coins: [], next };
  const purse = await lookThrough(ctx, { purse: empty, mint }, (found) => tell({ keysets: 1, found }));
  const own = freeIn(await readOne(ctx.store, 'purse', keys.purse(ECASH, brk, vnd)));
  const busy = await busyPlaces(ctx, brk);
  const found = toDocs(purse.coins, mint).filter((coin) => !busy.has(placeOf(coin)));
  const asked = [...own, ...found];
  tell({ found: asked.length - purse.coins.length });
  const { spent } = await spentOf(ctx, { brk, coins: asked }, (checked) => tell({ checked }));
  const [fresh, gone] = [found.filter(({ pk }) => !spent.has(pk)), own.filter(({ pk }) => spent.has(pk))];
  const lostMicro = await write(ctx, { brk, vnd, mint, fresh, gone, next: purse.next });
  const kept = asked.filter(({ pk }) => !spent.has(pk));
  return { coins: kept.length, coinsMicro: sumOf(kept), spent: spent.size, lostMicro };
}

const freeIn = (purse: Doc<'purse'> | undefined): CoinDoc[] =>
  (purse?.coins ?? []).flatMap(({ holder, piece }) => (holder === undefined ? bundleIn(piece).coins : []));

type Found = {
  readonly brk: string;
  readonly vnd: string;
  readonly mint: purses.Mint;
  readonly fresh: readonly CoinDoc[];
  readonly gone: readonly CoinDoc[];
  readonly next: purses.Purse['next'];
};

async function write(ctx: Context, { brk, vnd, mint, fresh, gone, next }: Found): Promise<bigint> {
  if (fresh.length + gone.length === 0) return 0n;
  const key = keys.purse(ECASH, brk, vnd);
  const { origins } = await fetchVendor(ctx, ctx.broker(brk), vnd);
  const { currency } = ctx.broker(brk);
  return transact(ctx.store, [key, keys.counters(brk), keys.money(brk)], (tx) => {
    const counters = { ...tx.get('counters', keys.counters(brk))?.next };
    for (const [ks, counter] of Object.entries(next)) counters[ks] = Math.max(counters[ks] ?? 0, counter);
    tx.put('counters', keys.counters(brk), { next: counters });
    const empty = { brk, vnd, method: ECASH, currency, origin: origins[0] ?? '', api: API, coins: [] };
    const purse = tx.get('purse', key) ?? empty;
    const held = new Set(purse.coins.flatMap(({ piece }) => bundleIn(piece).coins.map(({ pk }) => pk)));
    const added = fresh
      .filter(({ pk }) => !held.has(pk))
      .map((coin) => bundled({ lock: 'vendor', coins: [coin], planned: [] }, mint));
    const isGone = new Set(gone.map(({ pk }) => pk));
    const lost = purse.coins.filter(
      ({ holder, piece }) => holder === undefined && bundleIn(piece).coins.every(({ pk }) => isGone.has(pk)),
    );
    tx.put('purse', key, { ...purse, coins: [...purse.coins.filter((one) => !lost.includes(one)), ...added] });
    const [inMicro, outMicro] = [sumOf(added), sumOf(lost)];
    move(tx, brk, { coinsMicro: inMicro - outMicro, receivedMicro: inMicro, lostMicro: outMicro });
    return outMicro;
  });
}
