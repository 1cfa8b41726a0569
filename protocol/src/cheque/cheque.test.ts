import { describe, expect, it } from 'vitest';
import { toBase64url } from '../core/bytes.ts';
import { printCredential } from '../core/credential.ts';
import type { DayCert } from '../core/daycert.ts';
import type { JsonObject } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import { PaymentProblem, type ProblemCode } from '../core/problems.ts';
import { contentKey, keyCommitment } from '../core/sealed.ts';
import { signObject } from '../core/sign.ts';
import { type Books, type ChequeRow, decide, end } from './broker.ts';
import { CUR, certOf, challengeFor, day, env, issuer, NOW_MS, now, root, thief, VND } from './fixture.ts';
import type { ChequeKeys } from './vendor/keys.ts';
import { chequeVendor } from './vendor/role.ts';
import { type ChequeBook, checkReceipt, type Wanted, writeCheque } from './wallet.ts';
import { type Cheque, signCheque } from './wire.ts';

const keys: ChequeKeys = {
  vnd: VND,
  api: '/farthing',
  brokers: [{ id: 'b1', url: 'https://b.example', root: root.pk }],
  currencies: [CUR],
  captures: ['deferred', 'aggregated', 'now'],
  offlineMax: 8000n,
  minLevel: 1,
};
const price = { amount: 3000n, currency: CUR };
const code = (expected: ProblemCode) => expect.objectContaining({ code: expected });
const bookOf = (cert: DayCert, seed = day.seed): ChequeBook => ({ cert, seed: toBase64url(seed) });
const challenge = challengeFor(price.amount);
const wanted: Wanted = {
  challengeId: challenge.id,
  vnd: VND,
  amount: 3000n,
  cur: CUR,
  capture: 'deferred',
  exp: now + 300,
};
const pay = (more: Partial<Wanted> = {}, cert = certOf(), seed = day.seed) => ({
  cheque: writeCheque(bookOf(cert, seed), { ...wanted, ...more }, env),
  cert,
});
const verify = (payload: object, at = env) =>
  chequeVendor.verify({ challenge, payload: payload as JsonObject, price, target: 'GET /a', digest: '' }, keys, {
    ...at,
    serial: 1n,
  });

describe('A site serves a cheque at once', () => {
  it('and counts it against the least of what broker, certificate and site allow', () => {
    const verified = verify(pay());
    expect(verified.spends).toEqual([
      expect.objectContaining({ key: `cheque:${challenge.id}`, code: 'cheque-conflict' }),
    ]);
    expect(verified.tallies).toEqual([expect.objectContaining({ add: 3000n, limit: 8000n, code: 'limit-reached' })]);
    expect(verify(pay({}, certOf({ limit: '5000' }))).tallies[0]?.limit).toBe(5000n);
    expect(verify(pay({}, certOf({ perDay: '4000' }))).tallies[0]?.limit).toBe(4000n);
  });

  it('and keeps what the broker wants to see', () => {
    const { cheque, cert } = pay();
    const [claim] = verify({ cheque, cert }).claims;
    expect(claim).toMatchObject({ add: 3000n, evidence: { proof: { cheque, certExp: cert.exp, certSig: cert.sig } } });
  });

  it('and it fits a header', () => {
    const text = printCredential({ challenge, payload: pay() as unknown as JsonObject });
    expect(text.length).toBeLessThanOrEqual(limits.credentialBytes);
  });

  it('and offers no price above what it lets anybody spend unseen', () => {
    const unseen = { ...keys, captures: ['deferred', 'aggregated'] as const };
    expect(chequeVendor.details(unseen, price, env)).toMatchObject({ captures: unseen.captures, offlineMax: '8000' });
    expect(chequeVendor.details(unseen, { ...price, amount: 8001n }, env)).toBeUndefined();
    expect(chequeVendor.details(keys, { ...price, currency: 'eur-micro' }, env)).toBeUndefined();
  });

  it.each<[string, ProblemCode, () => object]>([
    ['of a key that is not certified', 'cheque-forged', () => pay({}, certOf(), thief.seed)],
    ['whose certificate its holder made', 'cert-forged', () => pay({}, certOf({}, thief))],
    ['whose certificate was raised', 'cert-forged', () => pay({}, { ...certOf(), limit: '999999' })],
    ['of another broker', 'broker-unknown', () => pay({}, certOf({ brk: 'b2' }))],
    ['for another challenge', 'cheque-foreign', () => pay({ challengeId: challengeFor(3000n, '2').id })],
    [
      'for another site',
      'cheque-foreign',
      () => ({ ...pay({ vnd: 'shop.example' }, certOf({ vnd: 'shop.example' })), cert: certOf() }),
    ],
    [
      'with a certificate for another site',
      'cert-foreign',
      () => {
        const { cheque } = pay();
        return { cheque, cert: certOf({ vnd: 'shop.example' }) };
      },
    ],
    [
      'with a certificate for all sites, which is for payments that the broker sees',
      'cert-foreign',
      () => pay({}, certOf({ vnd: '*' })),
    ],
    [
      'with a certificate for something else, such as PayWord',
      'cert-foreign',
      () => {
        const { cheque, cert } = pay();
        const { use: _, sig: __, ...other } = cert;
        return { cheque, cert: { ...other, sig: signObject(other, root.seed, env.crypto) } };
      },
    ],
    [
      'in the name of another account',
      'cheque-foreign',
      () => ({ cheque: pay().cheque, cert: certOf({ sub: 'BBBBBBBBBBBBBBBBBBBBBA' }) }),
    ],
    ['for less', 'amount-short', () => pay({ amount: 2999n })],
    ['for more', 'change-not-asked', () => pay({ amount: 3001n })],
    ['in another currency', 'cheque-foreign', () => pay({ cur: 'eur-micro' }, certOf({ cur: 'eur-micro' }))],
    ['that the broker has to see first, where nobody asks it', 'site-not-ready', () => pay({ capture: 'now' })],
    ['of a customer who is not identified well enough', 'level-too-low', () => pay({}, certOf({ level: 0 }))],
    [
      'altered after it was signed',
      'cheque-forged',
      () => {
        const { cheque, cert } = pay();
        return { cheque: { ...cheque, memo: 'thanks' }, cert };
      },
    ],
  ])('but not one %s', (_, expected, made) => {
    expect(() => verify(made())).toThrow(code(expected));
  });

  it('but not one that is late, nor one of tomorrow', () => {
    const late = { ...env, nowMs: NOW_MS + 301_000 + limits.clockSkewMs };
    expect(() => verify(pay(), late)).toThrow(code('cheque-late'));
    const early = { ...env, nowMs: NOW_MS - limits.clockSkewMs - 1000 };
    expect(() => verify(pay(), early)).toThrow(code('cert-expired'));
  });
});

describe('The broker decides an order once', () => {
  const goodsKey = contentKey(new Uint8Array(32).fill(9), { item: 'map', pt: root.pk });
  const key = toBase64url(goodsKey);
  const goods = { ct: day.pk, kc: keyCommitment(goodsKey), pt: root.pk };
  const { cheque, cert } = pay({ capture: 'now', goods });
  const books: Books = {
    vnd: VND,
    issuer,
    holder: { cert, account: 'user:alice' },
    known: undefined,
    allow: () => undefined,
  };
  const presented = { cheque, cert, key, hold: false };

  it('pays it, with the key in its receipt, and gives the same answer whoever asks again', () => {
    const { row, isNew } = decide(presented, books, env);
    expect(isNew).toBe(true);
    expect(row.receipt).toMatchObject({ result: 'paid', key, amount: '3000' });
    expect(() => checkReceipt(row.receipt, { cheque, cert }, root.pk, env)).not.toThrow();
    const later = { ...env, nowMs: NOW_MS + 86_400_000 };
    expect(decide({ ...presented, key: 'x' }, { ...books, known: row }, later)).toEqual({ row, isNew: false });
  });

  it('takes no key that does not open the goods, and moves no money then', () => {
    const wrong = toBase64url(new Uint8Array(32));
    expect(() => decide({ ...presented, key: wrong }, books, env)).toThrow(code('key-wrong'));
    expect(() => decide({ cheque, cert, hold: false }, books, env)).toThrow(code('key-wrong'));
  });

  it('refuses another order under the same challenge, and orders that were altered or forged', () => {
    const { row } = decide(presented, books, env);
    const other = signCheque({ ...cheque, memo: 'again' }, day.seed, env.crypto);
    expect(() => decide({ ...presented, cheque: other }, { ...books, known: row }, env)).toThrow(
      code('cheque-conflict'),
    );
    const edited: Cheque = { ...cheque, amount: '1' };
    expect(() => decide({ ...presented, cheque: edited }, books, env)).toThrow(code('cheque-forged'));
    expect(() => decide(presented, { ...books, vnd: 'shop.example' }, env)).toThrow(code('cert-foreign'));
    expect(() => decide(presented, { ...books, holder: undefined }, env)).toThrow(code('cert-forged'));
    const copy = { ...cert, limit: '99999999' };
    expect(() =>
      decide({ ...presented, cert: copy }, { ...books, holder: { cert: copy, account: 'user:eve' } }, env),
    ).toThrow(code('cert-forged'));
  });

  it('takes no order of which any one member was altered, left out or added', () => {
    const altered = (value: unknown): unknown =>
      typeof value === 'number'
        ? value - 1
        : typeof value === 'string'
          ? `${value.slice(0, -1)}${value.endsWith('A') ? 'Q' : 'A'}`
          : undefined;
    const members = Object.entries(cheque).filter(([name]) => name !== 'goods');
    const edits = [
      ...members.map(([name, value]) => [`${name} altered`, { ...cheque, [name]: altered(value) }] as const),
      ...Object.entries(goods).map(([name, value]) => {
        return [`goods.${name} altered`, { ...cheque, goods: { ...goods, [name]: altered(value) } }] as const;
      }),
      ...members
        // Without a signature it is no cheque: the schema at the edge refuses it.
        .filter(([name]) => name !== 'sig')
        .map(([name]) => [`${name} left out`, { ...cheque, [name]: undefined }] as const),
      ['goods left out', { ...cheque, goods: undefined }] as const,
      ['memo added', { ...cheque, memo: 'thanks' }] as const,
    ];
    for (const [what, edited] of edits) {
      const shown = { ...presented, cheque: edited as unknown as Cheque };
      expect(() => decide(shown, books, env), what).toThrow(PaymentProblem);
    }
    expect(edits.length).toBeGreaterThan(20);
  });

  it('writes a refusal down for ever: no funds now is no debit tomorrow', () => {
    const refused = decide(presented, { ...books, allow: () => 'balance-short' }, env);
    expect(refused.row.receipt).toMatchObject({ result: 'refused', code: 'balance-short' });
    expect(refused.row.receipt.key).toBeUndefined();
    expect(decide(presented, { ...books, known: refused.row }, env).row.receipt.result).toBe('refused');
    const late = { ...env, nowMs: NOW_MS + 301_000 + limits.clockSkewMs };
    expect(decide(presented, books, late).row.receipt).toMatchObject({ result: 'refused', code: 'cheque-late' });
  });

  it('holds the money without the key, and gives the key with the capture alone', () => {
    const { row } = decide({ ...presented, hold: true }, books, env);
    expect(row.receipt.result).toBe('held');
    expect(row.receipt.key).toBeUndefined();
    const by = { issuer, env };
    const paid = end(row, cheque, { verdict: 'capture', key }, by);
    expect(paid.row.receipt).toMatchObject({ result: 'paid', key });
    expect(end(paid.row, cheque, { verdict: 'void' }, by)).toEqual({ row: paid.row, isNew: false });
    const voided: ChequeRow = end(row, cheque, { verdict: 'void' }, by).row;
    expect(voided.receipt).toMatchObject({ result: 'refused' });
    expect(end(voided, cheque, { verdict: 'capture', key }, by).isNew).toBe(false);
  });

  it('takes an order that was served in time also when it comes later', () => {
    const deferred = pay();
    const late = { ...env, nowMs: NOW_MS + 3 * 86_400_000 };
    const shown = { ...deferred, hold: false };
    const holder = { cert: deferred.cert, account: 'user:alice' };
    expect(decide(shown, { ...books, holder }, late).row.receipt.result).toBe('paid');
  });

  it('is believed by the wallet only in its own words', () => {
    const { receipt } = decide(presented, books, env).row;
    const forged = { ...receipt, result: 'refused' as const };
    expect(() => checkReceipt(forged, { cheque, cert }, root.pk, env)).toThrow(code('receipt-invalid'));
    expect(() => checkReceipt(receipt, pay(), root.pk, env)).toThrow(code('receipt-invalid'));
    expect(() => checkReceipt(receipt, { cheque, cert }, thief.pk, env)).toThrow(code('receipt-invalid'));
    const renewed = certOf({ exp: cert.exp + 1 });
    expect(() => checkReceipt(receipt, { cheque, cert: renewed }, root.pk, env)).toThrow(code('receipt-invalid'));
  });
});
