// Challenges that are kept from paid answers: they pay the next page of a site with the first request.
import { expiresAtMs, readChallenges, readOpaque, readRequest } from '@farthing/protocol';
import type { Context } from './context.ts';
import { keys } from './documents.ts';
import { originOf } from './sent.ts';
import type { Sent } from './till.ts';
import type { Transaction } from './transaction.ts';
import type { SiteAnswer } from './types.ts';

const MOST_FRESH = 16;

/** One challenge for each scope: it pays the next page of this site with the first request. */
export function keepFresh(tx: Transaction, ctx: Context, { record, sending }: Sent, answer: SiteAnswer): void {
  const key = keys.fresh(originOf(record.url));
  const paidTo = readRequest(sending.challenge)?.recipient;
  const nowMs = ctx.env().nowMs;
  let offers = (tx.get('fresh', key)?.offers ?? []).filter((offer) => offer.expiresAtMs > nowMs);
  // A session is paid with its opening challenge until that expires.
  const still = sending.challenge.intent === 'session' ? [sending.challenge] : [];
  for (const challenge of [...still, ...readChallenges(answer.challenges ?? [])]) {
    const { s: scope, p: pattern } = readOpaque(challenge);
    const expires = expiresAtMs(challenge);
    const usable =
      challenge.method === sending.challenge.method &&
      challenge.intent === sending.challenge.intent &&
      challenge.digest === undefined &&
      readRequest(challenge)?.recipient === paidTo;
    if (!usable || scope === undefined || pattern === undefined || expires === undefined || expires <= nowMs) continue;
    const { httpMethod } = sending;
    offers = offers.filter((offer) => offer.httpMethod !== httpMethod || offer.scope !== scope);
    offers.unshift({ challenge, httpMethod, scope, pattern, expiresAtMs: expires });
  }
  tx.put('fresh', key, { offers: offers.slice(0, MOST_FRESH) });
}
