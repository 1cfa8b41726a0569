import { describe, expect, it } from 'vitest';
import { orderOffers, printAcceptPayment, readAcceptPayment } from './accept-payment.ts';

const offers = [
  { method: 'scrip', intent: 'charge' },
  { method: 'payword', intent: 'session' },
  { method: 'ecash', intent: 'charge' },
];
const order = (header: string | undefined) =>
  orderOffers(offers, readAcceptPayment(header)).map(({ method }) => method);

describe('Accept-Payment', () => {
  it('without a header the site’s own order stays', () =>
    expect(order(undefined)).toEqual(['scrip', 'payword', 'ecash']));
  it('higher q goes first, the site’s order breaks ties', () =>
    expect(order('payword/session, scrip/charge;q=0.8, */*;q=0.1')).toEqual(['payword', 'scrip', 'ecash']));
  it('the most specific member counts, wherever it stands', () =>
    expect(order('*;q=0.9, scrip;q=0.1, scrip/charge;q=1')).toEqual(['scrip', 'payword', 'ecash']));
  it('q=0 takes an offer away, and what is not named is not wanted', () =>
    expect(order('scrip, ecash;q=0')).toEqual(['scrip']));
  it('malformed members are ignored', () => {
    expect(order('scrip;q=2, ;;, payword/session/x, ecash')).toEqual(['ecash']);
    expect(order('x'.repeat(600))).toEqual(['scrip', 'payword', 'ecash']);
  });
  it('what is printed is read back', () =>
    expect(order(printAcceptPayment(offers))).toEqual(['scrip', 'payword', 'ecash']));
});
