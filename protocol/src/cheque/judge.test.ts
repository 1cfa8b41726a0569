import { describe, expect, it } from 'vitest';
import { toBase64url } from '../core/bytes.ts';
import { makeAnswer, makeOrder } from '../core/orders.ts';
import { keyCommitment, signOffer } from '../core/sealed.ts';
import { signObject } from '../core/sign.ts';
import { CUR, certOf, challengeFor, day, env, issuer, now, root, thief, VND, vendorKey } from './fixture.ts';
import { type Fault, judge, type OpenedGoods } from './judge.ts';
import { type Cheque, type ChequeReceipt, chequeHash, seenOf, signCheque } from './wire.ts';

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
    ...{ brk: 'b1', epoid, cheque: chequeHash(of, crypto), seen: seenOf(of, cert, crypto), vnd, amount, cur },
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
const judged = (more: object, goodsOpened?: OpenedGoods): Fault =>
  judge(
    { ...papers, ...more },
    { root: root.pk, vendorKey: vendorKey.pk, ...(goodsOpened ? { goods: goodsOpened } : {}) },
    crypto,
  );
const IN_ORDER: Fault = { who: 'nobody', what: 'in-order' };
const UNPROVEN: Fault = { who: 'unknown', what: 'not-signed' };
const refusedAt = (at: number) => {
  const { key: _, ...said } = receiptOf({ result: 'refused', code: 'cheque-late', at });
  return { ...said, sig: signObject(said, issuer.seed, crypto) };
};

/** The answer of the broker about goods that it was shown. */
function verdictOf(verdict: string, by = issuer.seed, about: Cheque = cheque) {
  const order = makeOrder('cheque-dispute/1', { cheque: { ...about }, certExp: cert.exp }, thief.seed, env);
  const result = { verdict, refunded: '0', balance: '0', cur: CUR };
  return { order, answer: makeAnswer(order, result, { brk: 'b1', seed: by }, env) };
}
const bad: OpenedGoods = { ct: goods.ct, pt: thief.pk };

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
      'the broker, that took money for an order on a certificate for another site',
      { who: 'broker', what: 'paid-without-order' },
      (() => {
        const elsewhere = signCheque({ ...unsigned, vnd: 'other.example' }, day.seed, crypto);
        return { cheque: elsewhere, receipts: [receiptOf({}, issuer.seed, elsewhere)] };
      })(),
    ],
    [
      'the broker, that took more than was ordered',
      { who: 'broker', what: 'receipt-differs' },
      { receipts: [receiptOf({ amount: '9999' })] },
    ],
    [
      'the broker, that kept the key back',
      { who: 'broker', what: 'paid-with-wrong-key' },
      (() => {
        const { key: _, ...keyless } = receiptOf({});
        return { receipts: [{ ...keyless, sig: signObject(keyless, issuer.seed, crypto) }] };
      })(),
    ],
    [
      'the broker, that refused as late what was in time',
      { who: 'broker', what: 'refused-in-time' },
      { receipts: [refusedAt(unsigned.exp)] },
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

  it('names the vendor, whose goods open to something else than it signed, and to nothing', () => {
    expect(judged({}, bad)).toEqual({ who: 'vendor', what: 'goods-differ' });
    expect(judged({}, { ...bad, pt: undefined })).toEqual({ who: 'vendor', what: 'goods-differ' });
  });

  it('names the broker that called such goods as promised', () => {
    expect(judged({ verdict: verdictOf('as-promised') }, bad)).toEqual({ who: 'broker', what: 'verdict-false' });
    expect(judged({ verdict: verdictOf('differs') }, bad)).toEqual({ who: 'vendor', what: 'goods-differ' });
    expect(judged({ verdict: verdictOf('as-promised') }, { ...bad, pt: goods.pt })).toEqual(IN_ORDER);
  });
});

describe('Nobody is blamed by papers that somebody else made up', () => {
  const other = signCheque({ ...unsigned, epoid: challengeFor(1n).id }, day.seed, crypto);

  it.each<[string, Fault, object]>([
    [
      'the broker, by an order whose signature was damaged after it was paid',
      UNPROVEN,
      { cheque: { ...cheque, sig: other.sig } },
    ],
    [
      'the broker, by the certificate of another day key of the same customer',
      UNPROVEN,
      { cert: certOf({ pk: thief.pk, exp: cert.exp + 86_400 }) },
    ],
    [
      'the broker, by its refusal of another order',
      UNPROVEN,
      { receipts: [receiptOf({}), receiptOf({ result: 'refused' }, issuer.seed, other)] },
    ],
    ['the broker, by the receipt for other goods', UNPROVEN, { receipts: [receiptOf({}, issuer.seed, other)] }],
    ['the broker, for a cheque that was late by its clock', IN_ORDER, { receipts: [refusedAt(unsigned.exp + 60)] }],
    ['the customer, by a copy of the same order', IN_ORDER, { twin: cheque }],
    ['the customer, by a twin that somebody else signed', IN_ORDER, { twin: signCheque(unsigned, thief.seed, crypto) }],
    ['the customer, by a second order for another challenge', IN_ORDER, { twin: other }],
  ])('%s', (_, fault, more) => {
    expect(judged(more)).toEqual(fault);
  });

  it.each<[string, object]>([
    ['an offer that somebody else signed', { offer: signOffer(promised, thief.seed, crypto) }],
    [
      'an offer of other goods',
      { offer: signOffer({ ...promised, pt: root.pk.replace(/^./, 'x') }, vendorKey.seed, crypto) },
    ],
    ['goods that were never paid for', { receipts: [] }],
    ['no offer at all', { offer: undefined }],
  ])('the vendor, by wrong goods and %s', (_, more) => {
    const { offer: _offer, ...rest } = { ...papers, ...more };
    const shown = 'offer' in more && more.offer === undefined ? rest : { ...papers, ...more };
    expect(judge(shown, { root: root.pk, vendorKey: vendorKey.pk, goods: bad }, crypto)).toEqual(IN_ORDER);
  });

  it.each<[string, object]>([
    ['that somebody else signed', verdictOf('as-promised', thief.seed)],
    ['about another payment', verdictOf('as-promised', issuer.seed, other)],
    ['to another question', { ...verdictOf('as-promised'), order: verdictOf('as-promised', issuer.seed, other).order }],
  ])('the broker, by a verdict %s', (_, verdict) => {
    expect(judged({ verdict }, bad)).toEqual({ who: 'vendor', what: 'goods-differ' });
  });
});
