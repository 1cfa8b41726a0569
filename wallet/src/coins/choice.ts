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
 * The keysets of the list that the site names. `undefined`: it takes no such coins, or names a list that this wallet never saw.
 * Who pays with coins that the site's list does not name could be told from others by them.
 */
export function namedBySite({ named }: ListedMint, hash: string | undefined): ReadonlySet<string> | undefined {
  const list = named.find((one) => one.hash === hash);
  return list && new Set(list.keysets);
}

/** The key lists that the site names at this broker: of coins that go everywhere, and of its own. */
export const listsOf = (
  found: Pick<Found, 'request' | 'brk'>,
): { readonly keysets?: string; readonly locked?: string } =>
  termsOf(found).brokers.find(({ id }) => id === found.brk) ?? {};

/**
 * Free coins that pay this offer, from what is stored alone: those of the site first, because nobody is asked then; in a
 * header if they fit, else by reference.
 */
export async function choose(ctx: Context, found: Found): Promise<Choice | undefined> {
  // A wallet that began without words has no coins yet; a locked one cannot spend them, and says so when it comes to swapping.
  if (!ctx.hasWords) return undefined;
  return (await chooseLocked(ctx, found)) ?? (await chooseFree(ctx, found));
}

async function chooseLocked(ctx: Context, found: Found): Promise<Choice | undefined> {
  const { brk, price, request } = found;
  const { locked } = listsOf(found);
  if (locked === undefined) return undefined;
  const [mint, purse] = await Promise.all([
    knownMint(ctx, brk, request.recipient),
    readOne(ctx.store, 'purse', found.purse),
  ]);
  const named = namedBySite(mint, locked);
  const { nowMs } = ctx.env();
  const able = lockedIn(purse?.coins ?? [])
    .map(({ coin }) => coin)
    .filter(({ ks }) => named?.has(ks) === true && isSpendable(ks, mint, nowMs));
  const values = able.map(({ micro }) => micro);
  const picked = pickCoins(values, price, { most: termsOf(found).maxCoins, change: false });
  return picked && { lock: 'vendor', mint, coins: picked.give.flatMap((place) => able[place] ?? []) };
}

async function chooseFree(ctx: Context, found: Found): Promise<Choice | undefined> {
  const { brk, price } = found;
  const { keysets } = listsOf(found);
  const mint = await knownMint(ctx, brk);
  const named = keysets === undefined ? undefined : namedBySite(mint, keysets);
  if (!named) return undefined;
  const { purse, docs } = await loadPurse(ctx, brk);
  const able = { ...purse, coins: purse.coins.filter(({ coin }) => named.has(coin.ks)) };
  for (const limit of limitsOf(found)) {
    const taken = purses.take(able, { price, change: true, ...limit }, mint, ctx.env());
    if (!taken) continue;
    const coins = docsOf(taken.coins, docs);
    const back = taken.change.planned.length > 0 ? { change: taken.change, before: purse.next } : {};
    return { lock: 'none', mint, coins, ...back };
  }
  return undefined;
}

/** Coins and change of one payment: in a header; else by reference, with no more change than a receipt brings. */
export function limitsOf(found: Pick<Found, 'request'>): readonly { most: number; mostChange?: number }[] {
  const { maxCoins, maxByReference } = termsOf(found);
  if (maxByReference === undefined) return [{ most: maxCoins }];
  return [{ most: maxCoins }, { most: maxByReference, mostChange: maxCoins }];
}
