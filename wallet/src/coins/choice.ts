// Which coins pay an offer: those of a key list that the site and this wallet both see, as few as possible.
import { PaymentProblem } from '@farthing/protocol';
import { type CoinTerms, coinTerms, pickCoins, purse as purses } from '@farthing/protocol/wallet';
import type { Context } from '../context.ts';
import type { Found } from '../offers.ts';
import { readOne } from '../transaction.ts';
import { type Bundle, isSpendable, lockedIn } from './bundle.ts';
import { knownMint, type ListedMint } from './keysets.ts';
import { type CoinDoc, docsOf, loadPurse } from './purse.ts';

/** `change`: outputs for what is too much, made with the counters after `before`. */
export type Choice = {
  readonly lock: Bundle['lock'];
  readonly mint: ListedMint;
  readonly coins: readonly CoinDoc[];
  readonly change?: purses.Draft;
  readonly before?: Readonly<Record<string, number>>;
};

/** @throws {PaymentProblem} `offer-unusable` */
export function termsOf({ request }: Pick<Found, 'request'>): CoinTerms {
  const terms = coinTerms(request);
  if (!terms) throw new PaymentProblem('offer-unusable', { detail: 'the terms cannot be read' });
  return terms;
}

/**
 * The keysets of the list that the site names. `undefined`: this wallet never saw that list. Who pays with coins that the site's
 * list does not name could be told from others by them.
 */
export function namedBySite(
  { named }: ListedMint,
  found: Pick<Found, 'request' | 'brk'>,
): ReadonlySet<string> | undefined {
  const shown = termsOf(found).brokers.find(({ id }) => id === found.brk)?.keysets;
  const list = named.find(({ hash }) => hash === shown);
  return list && new Set(list.keysets);
}

/** Free coins that pay this offer, from what is stored alone. */
export async function choose(ctx: Context, found: Found): Promise<Choice | undefined> {
  // A wallet that began without words has no coins yet; a locked one cannot spend them, and says so when it comes to swapping.
  if (!ctx.hasWords) return undefined;
  return termsOf(found).lock === 'vendor' ? chooseLocked(ctx, found) : chooseFree(ctx, found);
}

async function chooseLocked(ctx: Context, found: Found): Promise<Choice | undefined> {
  const { brk, price, request } = found;
  const mint = await knownMint(ctx, brk, request.recipient);
  const purse = await readOne(ctx.store, 'purse', found.purse);
  const good = namedBySite(mint, found);
  const { nowMs } = ctx.env();
  const able = lockedIn(purse?.coins ?? [])
    .map(({ coin }) => coin)
    .filter(({ ks }) => good?.has(ks) === true && isSpendable(ks, mint, nowMs));
  const values = able.map(({ micro }) => micro);
  const picked = pickCoins(values, price, { most: termsOf(found).maxCoins, change: false });
  return picked && { lock: 'vendor', mint, coins: picked.give.flatMap((place) => able[place] ?? []) };
}

async function chooseFree(ctx: Context, found: Found): Promise<Choice | undefined> {
  const { brk, price } = found;
  const { maxCoins: most, change } = termsOf(found);
  const mint = await knownMint(ctx, brk);
  const good = namedBySite(mint, found);
  if (!good) return undefined;
  const { purse, docs } = await loadPurse(ctx, brk);
  const able = { ...purse, coins: purse.coins.filter(({ coin }) => good.has(coin.ks)) };
  const taken = purses.take(able, { price, most, change }, mint, ctx.env());
  if (!taken) return undefined;
  const coins = docsOf(taken.coins, docs);
  const back = taken.change.planned.length > 0 ? { change: taken.change, before: purse.next } : {};
  return { lock: 'none', mint, coins, ...back };
}
