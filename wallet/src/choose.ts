// Which offer of a 402 is paid, where a site takes several kinds of money, and why that one.
import { printAcceptPayment } from '@farthing/protocol';
import type { Context } from './context.ts';
import { keys } from './documents.ts';
import { sealedIn } from './goods/sealed.ts';
import { methods } from './methods.ts';
import { type FindOptions, type Found, usableOffers } from './offers.ts';
import { tillOf } from './tills.ts';
import { readOne } from './transaction.ts';
import type { Ask, PaymentRecord, Prefer } from './types.ts';

export type Chosen = { readonly found: Found; readonly chosen: NonNullable<PaymentRecord['chosen']> };

type Rated = {
  readonly found: Found;
  readonly isReady: boolean;
  readonly isFunded: boolean;
  /** Sealed goods on an account: its broker knows what was promised, and gives money back for goods that are something else. */
  readonly isInsured: boolean;
};

/** Money of which nobody can say who paid with it: first where the person prefers what tells the least. */
export const isUnnamed = (method: string): boolean => methods.get(method)?.money === 'coins';

/**
 * The offer to pay: one that there is money for, then the kind that the person prefers. Cheapest is what needs no broker now;
 * sessions come first among those, because a site that sells by the unit expects more payments. Sealed goods are another
 * matter: money that comes back beats money that is quick.
 * @throws {PaymentProblem} as `usableOffers`
 */
export async function findOffer(ctx: Context, ask: Ask, options: FindOptions = {}): Promise<Chosen> {
  const usable = await usableOffers(ctx, ask, options);
  const [only] = usable;
  if (usable.length === 1 && only) return { found: only, chosen: 'only' };
  const prefer = (await readOne(ctx.store, 'budget', keys.budget))?.prefer ?? 'cheapest';
  const rated = await Promise.all(
    usable.map(async (found): Promise<Rated> => {
      const { ready, shortMicro } = await tillOf(found.method.name).able(ctx, found);
      const isInsured = found.method.money === 'cheques' && sealedIn(found) !== undefined;
      return { found, isReady: ready, isFunded: shortMicro === 0n, isInsured };
    }),
  );
  const ranked = rated.toSorted((a, b) => compare(rankOf(a, prefer), rankOf(b, prefer)));
  const [first, second] = ranked;
  if (!first) throw new Error('there is an offer');
  const isOnly = first.isFunded && second?.isFunded !== true;
  const wish = first.isInsured && prefer !== 'private' ? 'goods' : prefer;
  return { found: first.found, chosen: isOnly ? 'only' : wish };
}

/** Smaller is better, the first number that differs decides. */
function rankOf({ found, isReady, isFunded, isInsured }: Rated, prefer: Prefer): number[] {
  const named = isUnnamed(found.method.name) ? 0 : 1;
  const ways = [found.intent === 'session' ? 0 : 1, isReady ? 0 : 1, 1 - named];
  return [isFunded ? 0 : 1, ...(prefer === 'private' ? [named] : []), isInsured ? 0 : 1, ...ways];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const place = a.findIndex((value, i) => value !== b[i]);
  return place < 0 ? 0 : (a[place] ?? 0) - (b[place] ?? 0);
}

/** Value of `Accept-Payment`: what this wallet pays with, what the person prefers first. `undefined`: with nothing yet. */
export async function acceptPayment(ctx: Context, only?: readonly string[]): Promise<string | undefined> {
  if (!ctx.account || ctx.brokers.size === 0) return undefined;
  const prefer = (await readOne(ctx.store, 'budget', keys.budget))?.prefer ?? 'cheapest';
  const wanted = [...methods.values()].filter(({ name }) => only?.includes(name) !== false);
  const offers = wanted.flatMap(({ name, intents }) =>
    intents.map((intent) => ({
      method: name,
      intent,
      q: prefer === 'private' && !isUnnamed(name) ? LATER : 1,
    })),
  );
  return printAcceptPayment(offers.toSorted((a, b) => b.q - a.q));
}
const LATER = 0.5;
