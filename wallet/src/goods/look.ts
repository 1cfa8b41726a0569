// What a 402 sells sealed, before anybody pays: to fetch it and compare it.
import type { SealedOffer } from '@farthing/protocol';
import type { Context } from '../context.ts';
import { usableOffers } from '../offers.ts';
import type { Ask } from '../types.ts';
import { sealedIn } from './sealed.ts';

/** Genuine, and at the price that is asked. @throws {PaymentProblem} as `usableOffers` */
export async function sealedOffer(ctx: Context, ask: Ask): Promise<SealedOffer | undefined> {
  ctx.needAccount();
  for (const found of await usableOffers(ctx, { ...ask, goods: 'any' })) {
    const offer = sealedIn(found);
    if (offer) return offer;
  }
  return undefined;
}
