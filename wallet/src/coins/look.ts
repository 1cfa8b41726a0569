// Looking for coins at the mint: what was signed for the counters of a keyset, and what of it is spent.
import { type Keyset, purse as purses } from '@farthing/protocol/wallet';
import type { Context } from '../context.ts';
import { listDocs } from '../transaction.ts';
import { bundleIn } from './bundle.ts';
import { type CoinDoc, ECASH } from './purse.ts';
import { isSpent, signaturesOf } from './questions.ts';

/** An order that was refused leaves a gap of counters, which is shorter than what this looks over. */
const BATCH = 25;
const EMPTY_BATCHES = 3;
/** Questions to the mint at a time. */
const ABREAST = 8;

/** Counters of one keyset, from the first on. */
export async function look(
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

export async function spentOf(
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
