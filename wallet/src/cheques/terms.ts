// What an offer says of cheques, and how one is to be captured there.
import { PaymentProblem } from '@farthing/protocol';
import { type Capture, cheque as role } from '@farthing/protocol/wallet';
import type { Found } from '../offers.ts';

type Offer = Pick<Found, 'request' | 'price'>;

/** @throws {PaymentProblem} `offer-unusable` */
export function termsOf({ request }: Pick<Found, 'request'>): role.ChequeTerms {
  const terms = role.chequeTerms(request);
  if (!terms) throw new PaymentProblem('offer-unusable', { detail: 'the terms cannot be read' });
  return terms;
}

/** Served at once where the site does that: nobody is asked then. Sealed goods are paid at the broker, which keeps their key. */
export function captureOf(offer: Offer): Capture {
  const { captures, sealed, offlineMax } = termsOf(offer);
  const later = captures.find((one) => one !== 'now');
  return later !== undefined && sealed === undefined && offer.price <= offlineMax ? later : 'now';
}

export const isServed = (offer: Offer): boolean => captureOf(offer) !== 'now';
