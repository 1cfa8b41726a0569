// Looking for coins at the mint: what was signed for the counters of a keyset, and what of it is spent.
import { limits } from '@farthing/protocol';
import { coinSetHash, purse as purses } from '@farthing/protocol/wallet';
import type { Context } from '../context.ts';
import { listDocs } from '../transaction.ts';
import { bundleIn } from './bundle.ts';
import { type CoinDoc, ECASH, sumOf } from './purse.ts';
import { signaturesOf, spentAmong, type Voided } from './questions.ts';

/** An order that was refused leaves a gap of counters, which is shorter than what this looks over. */
const BATCH = 25;
const EMPTY_BATCHES = 3;
/** Keysets that are looked through at a time. */
const ABREAST = 4;

/** `coins`: those that were not in the purse. `next`: where the counters of all go on. */
type Looked = Pick<purses.Purse, 'coins' | 'next'>;
type Where = { readonly purse: purses.Purse; readonly mint: purses.Mint };

/** All keysets of a mint. `tell` gets how many coins each has. */
export async function lookThrough(ctx: Context, where: Where, tell?: (found: number) => void): Promise<Looked> {
  const next: Record<string, number> = { ...where.purse.next };
  const coins: purses.PurseCoin[] = [];
  const left = where.mint.keysets.keys();
  const lane = async () => {
    for (const ks of left) {
      const found = await look(ctx, ks, where);
      coins.push(...found.coins);
      next[ks] = Math.max(next[ks] ?? 0, found.next[ks] ?? 0);
      tell?.(found.coins.length);
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, lane));
  return { coins, next };
}

/** Counters of one keyset, from the first on. */
async function look(ctx: Context, ks: string, { purse: from, mint }: Where): Promise<Looked> {
  const env = ctx.env();
  let purse = from;
  let counter = 0;
  for (let empty = 0; empty < EMPTY_BATCHES; ) {
    const { planned, outputs } = purses.restoreBatch({ ks, counter }, BATCH, mint, env);
    const signatures = await signaturesOf(ctx, purse.brk, outputs);
    const found = purses.restored(purse, { planned, signatures }, mint, env);
    purse = found.purse;
    counter += BATCH;
    // What this wallet knows to have used is looked through, however empty.
    empty = found.found > 0 || counter < (from.next[ks] ?? 0) ? 0 : empty + 1;
  }
  return { coins: purse.coins.slice(from.coins.length), next: purse.next };
}

export const placeOf = ({ ks, counter }: purses.Planned): string => `${ks} ${counter}`;

/** Coins that are on their way, set aside, or given and not taken: their jobs, purses and gifts say what they are. */
export async function busyPlaces(ctx: Context, brk: string): Promise<ReadonlySet<string>> {
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

/** Coins of a voided payment, all of them: worth so much together. */
export type CoinSet = { readonly coins: readonly CoinDoc[]; readonly worthMicro: bigint };
type Fates = { readonly spent: ReadonlySet<string>; readonly sets: readonly CoinSet[] };

/** `tell` gets how many more were asked after. Coins of a set are among the spent. */
export async function spentOf(
  ctx: Context,
  { brk, coins }: { brk: string; coins: readonly CoinDoc[] },
  tell?: (checked: number) => void,
): Promise<Fates> {
  const spent = new Set<string>();
  const voided: Voided[] = [];
  for (let at = 0; at < coins.length; at += limits.coinsToRestore) {
    const some = coins.slice(at, at + limits.coinsToRestore);
    const told = await spentAmong(ctx, brk, some);
    for (const pk of told.spent) spent.add(pk);
    voided.push(...told.voided);
    tell?.(some.length);
  }
  return { spent, sets: setsIn(ctx, voided, coins) };
}

/** Those that are here whole: their name says which coins they are. A set may be told in parts. */
function setsIn(ctx: Context, voided: readonly Voided[], coins: readonly CoinDoc[]): CoinSet[] {
  const byName = new Map<string, { pks: Set<string>; worthMicro: bigint }>();
  for (const { name, pks, worthMicro } of voided) {
    const known = byName.get(name) ?? { pks: new Set(), worthMicro };
    for (const pk of pks) known.pks.add(pk);
    byName.set(name, known);
  }
  return [...byName].flatMap(([name, { pks, worthMicro }]) => {
    const own = coins.filter(({ pk }) => pks.has(pk));
    // Change was given for the rest of them.
    const isWhole = coinSetHash(own, ctx.env().crypto) === name && worthMicro < sumOf(own);
    return isWhole ? [{ coins: own, worthMicro }] : [];
  });
}
