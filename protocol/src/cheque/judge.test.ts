import { describe, expect, it } from 'vitest';
import { toBase64url } from '../core/bytes.ts';
import { keyCommitment, signOffer } from '../core/sealed.ts';
import { signObject } from '../core/sign.ts';
import { CUR, certOf, challengeFor, day, env, issuer, now, root, thief, VND, vendorKey } from './fixture.ts';
import { type Fault, judge } from './judge.ts';
import { type Cheque, type ChequeReceipt, chequeHash, signCheque } from './wire.ts';

const { crypto } = env;
const key = new Uint8Array(32).fill(7);
const goods = { ct: day.pk, kc: keyCommitment(key), pt: root.pk };
const cert = certOf();
const unsigned = {
  typ: 'cheque/1' as const,
  ...{ epoid: challengeFor(3000n).id, brk: 'b1', sub: cert.sub, vnd: VND, amount: '3000', cur: CUR },
  ...{ capture: 'now' as const, goods, exp: now + 300 },
};
const cheque = signCheque(unsigned, day.seed, crypto);

function receiptOf(more: Partial<ChequeReceipt>, by = issuer.seed, of: Cheque = cheque): ChequeReceipt {
  const { sig: _, ...over } = more;
  const { epoid, vnd, amount, cur } = of;
  const said = {
    typ: 'cheque-receipt/1' as const,
    ...{ brk: 'b1', epoid, cheque: chequeHash(of, crypto), vnd, amount, cur },
    ...{ result: 'paid' as const, key: toBase64url(key), at: now },
    ...over,
  };
  return { ...said, sig: signObject(said, by, crypto) };
}
const promised = {
  typ: 'offer/1' as const,
  ...{ vnd: VND, item: 'map', url: '/sealed/map', media: 'image/png', size: 10 },
  ...{ ...goods, amount: '3000', cur: CUR, exp: now + 300 },
};
const offer = signOffer(promised, vendorKey.seed, crypto);
const papers = { typ: 'dispute/1', cheque, cert, receipts: [receiptOf({})], offer };
const judged = (more: object): Fault =>
  judge({ ...papers, ...more }, { root: root.pk, vendorKey: vendorKey.pk }, crypto);

describe('A third party with the papers of one payment names who broke the protocol', () => {
  it('nobody, when all is in order, also while the money was held first', () => {
    expect(judged({})).toEqual({ who: 'nobody', what: 'in-order' });
    const { key: _, ...held } = receiptOf({ result: 'held' });
    const first = { ...held, sig: signObject(held, issuer.seed, crypto) };
    expect(judged({ receipts: [first, receiptOf({})] })).toEqual({ who: 'nobody', what: 'in-order' });
  });

  it.each<[string, Fault, object]>([
    [
      'the broker, that said paid and refused',
      { who: 'broker', what: 'two-outcomes' },
      { receipts: [receiptOf({}), receiptOf({ result: 'refused' })] },
    ],
    [
      'the broker, that took money for a key that opens nothing',
      { who: 'broker', what: 'paid-with-wrong-key' },
      { receipts: [receiptOf({ key: toBase64url(new Uint8Array(32)) })] },
    ],
    [
      'the broker, that paid an order which nobody signed',
      { who: 'broker', what: 'paid-without-order' },
      (() => {
        const forged = signCheque({ ...unsigned, amount: '9999' }, thief.seed, crypto);
        return { cheque: forged, receipts: [receiptOf({}, issuer.seed, forged)] };
      })(),
    ],
    [
      'the vendor, whose signed offer was cheaper',
      { who: 'vendor', what: 'offer-differs' },
      { offer: signOffer({ ...promised, amount: '2000' }, vendorKey.seed, crypto) },
    ],
    [
      'the vendor, whose signed offer promised other content',
      { who: 'vendor', what: 'offer-differs' },
      { offer: signOffer({ ...promised, pt: thief.pk }, vendorKey.seed, crypto) },
    ],
    [
      'the customer, who signed two orders for one challenge',
      { who: 'customer', what: 'two-orders' },
      { twin: signCheque({ ...unsigned, memo: 'b' }, day.seed, crypto) },
    ],
  ])('%s', (_, fault, more) => {
    expect(judged(more)).toEqual(fault);
  });

  it.each<[string, Fault['what'], object]>([
    [
      'receipts that the broker did not sign',
      'not-signed',
      { receipts: [receiptOf({ result: 'refused' }, thief.seed)] },
    ],
    ['a certificate that the broker did not sign', 'not-signed', { cert: certOf({}, thief) }],
    ['an order that nobody signed and nobody paid', 'not-signed', { cheque: { ...cheque, memo: 'x' }, receipts: [] }],
    ['papers of another shape', 'malformed', { cheque: null }],
  ])('blames nobody for %s', (_, what, more) => {
    expect(judged(more)).toEqual({ who: 'unknown', what });
  });

  it('does not take another’s offer or a copy of the same order for a fault', () => {
    const foreign = signOffer({ ...promised, amount: '1' }, thief.seed, crypto);
    expect(judged({ offer: foreign })).toEqual({ who: 'nobody', what: 'in-order' });
    expect(judged({ twin: cheque })).toEqual({ who: 'nobody', what: 'in-order' });
  });
});
