// Accept-Payment: which methods a wallet can use, with q-values, most specific first (profile 1 §8).
import { limits } from './limits.ts';

export type Preference = { readonly method: string; readonly intent: string; readonly q: number };

/** Malformed members are ignored; a header that is too long counts as absent. */
export function readAcceptPayment(text: string | undefined): Preference[] {
  if (text === undefined || text.length > limits.acceptPaymentBytes) return [];
  const found: Preference[] = [];
  for (const member of text.split(',')) {
    const match = /^\s*([a-z]+|\*)(?:\/([a-z]+|\*))?\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?\s*$/i.exec(member);
    if (!match) continue;
    found.push({
      method: (match[1] as string).toLowerCase(),
      intent: (match[2] ?? '*').toLowerCase(),
      q: Number(match[3] ?? '1'),
    });
  }
  return found;
}

/** Offers in the order that the wallet prefers; those with q=0 are left out. Without a header every offer stays. */
export function orderOffers<Offer extends { method: string; intent: string }>(
  offers: readonly Offer[],
  preferences: readonly Preference[],
): Offer[] {
  if (preferences.length === 0) return [...offers];
  return offers
    .map((offer, index) => ({ offer, index, q: quality(offer, preferences) }))
    .filter(({ q }) => q > 0)
    .sort((a, b) => b.q - a.q || a.index - b.index)
    .map(({ offer }) => offer);
}

function quality(offer: { method: string; intent: string }, preferences: readonly Preference[]): number {
  let best = { rank: -1, q: 0 };
  for (const { method, intent, q } of preferences) {
    if ((method !== '*' && method !== offer.method) || (intent !== '*' && intent !== offer.intent)) continue;
    const rank = (method === '*' ? 0 : 2) + (intent === '*' ? 0 : 1);
    if (rank > best.rank) best = { rank, q };
  }
  return best.q;
}

/** `q` from 0.001 to 1, which is what is meant without it. */
export function printAcceptPayment(offers: readonly { method: string; intent: string; q?: number }[]): string {
  return offers.map(({ method, intent, q = 1 }) => `${method}/${intent}${q === 1 ? '' : `;q=${q}`}`).join(', ');
}
