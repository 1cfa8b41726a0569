// What a site asks its broker about cheques, and what it makes of the answers.
import { describe, expect, it, test } from 'vitest';
import { toBase64url } from '../../core/bytes.ts';
import type { DayCert } from '../../core/daycert.ts';
import { decode } from '../../core/decode.ts';
import type { JsonObject } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { VendorEnv, Verified } from '../../core/method.ts';
import { PaymentProblem, type ProblemCode } from '../../core/problems.ts';
import { contentKey, keyCommitment } from '../../core/sealed.ts';
import { signObject } from '../../core/sign.ts';
import { isReceiptOf } from '../checks.ts';
import { CUR, certOf, challengeFor, day, env, NOW_MS, now, root, thief, VND } from '../fixture.ts';
import { chequeAuthorizeOrder, chequeCaptureOrder, chequeSettleOrder } from '../orders.ts';
import { type Cheque, type ChequeReceipt, chequeHash, chequeReceiptSchema, seenOf, signCheque } from '../wire.ts';
import type { ChequeKeys } from './keys.ts';
import { chequeVendor } from './role.ts';

const keys: ChequeKeys = {
  vnd: VND,
  api: '/farthing',
  brokers: [{ id: 'b1', url: 'https://b.example', root: root.pk }],
  currencies: [CUR],
  captures: ['now', 'deferred', 'aggregated'],
  offlineMax: 8000n,
  minLevel: 1,
};
const price = { amount: 3000n, currency: CUR };
const code = (expected: ProblemCode) => expect.objectContaining({ code: expected });
const challenge = challengeFor(price.amount);
const goodsKey = contentKey(new Uint8Array(32).fill(9), { item: 'map', pt: root.pk });
const key = toBase64url(goodsKey);
const goods = { ct: day.pk, kc: keyCommitment(goodsKey), pt: root.pk };

const chequeFor = (more: Partial<Cheque> = {}, cert = certOf()): Cheque => {
  const unsigned = {
    ...{ typ: 'cheque/1' as const, epoid: challenge.id, brk: 'b1', sub: cert.sub, vnd: VND as Cheque['vnd'] },
    ...{ amount: '3000', cur: CUR, capture: 'now' as const, exp: now + 300 },
    ...more,
  };
  return signCheque(unsigned, day.seed, env.crypto);
};

type Given = { cheque: Cheque; cert?: DayCert; priced?: object; key?: string; approvals?: object[]; keys?: ChequeKeys };
const host: VendorEnv = { ...env, serial: 1n, checksProofs: true, asksBroker: true };
function verify({ cheque, cert = certOf(), priced = price, approvals, ...given }: Given): Verified {
  const payload = { cheque, cert, ...(approvals ? { approvals } : {}) } as unknown as JsonObject;
  const input = { challenge, payload, price: { ...price, ...priced }, target: 'GET /a', digest: '' };
  return chequeVendor.verify({ ...input, ...(given.key ? { key: given.key } : {}) }, given.keys ?? keys, host);
}

const authorize = (given: Given) => {
  const { authorize: asks } = verify(given);
  if (!asks) throw new Error('expected a question to the broker');
  return asks;
};

const receiptFor = (cheque: Cheque, more: Partial<ChequeReceipt> = {}, by = root): ChequeReceipt => {
  const { epoid, vnd, amount, cur } = cheque;
  const unsigned = {
    ...{ typ: 'cheque-receipt/1' as const, brk: 'b1', epoid, cheque: chequeHash(cheque, env.crypto), vnd, amount, cur },
    seen: seenOf(cheque, certOf(), env.crypto),
    ...{ result: 'paid' as const, at: now },
    ...more,
  };
  return { ...unsigned, sig: signObject(unsigned, by.seed, env.crypto) };
};
const envelope = { from: root.pk, rid: 'AAAAAAAAAAAAAAAAAAAAAA', at: now, sig: `${'A'.repeat(85)}A` };

describe('A cheque for sealed goods', () => {
  const cheque = chequeFor({ goods });
  const sold = { cheque, key, priced: { goods } };

  it('is shown to the broker with the key, paid at once, and never given up', () => {
    const asks = authorize(sold);
    expect(asks).toMatchObject({ brk: 'b1', path: '/v1/cheque/capture', typ: 'cheque-capture/1' });
    expect(
      decode(chequeCaptureOrder, { typ: asks.typ, ...asks.members, ...envelope }, 'request-malformed'),
    ).toMatchObject({
      ...{ cheque, key, hold: false },
    });
    expect(asks.giveUp).toBeUndefined();
    const receipt = receiptFor(cheque, { key });
    expect(asks.read({ receipt: { ...receipt } })).toEqual({ claims: [], details: { receipt } });
  });

  it.each<[string, ProblemCode, () => Given]>([
    [
      'that are others than promised',
      'cheque-foreign',
      () => ({ ...sold, priced: { goods: { ...goods, ct: root.pk } } }),
    ],
    ['where none are sold', 'cheque-foreign', () => ({ cheque })],
    ['that does not name them', 'cheque-foreign', () => ({ ...sold, cheque: chequeFor() })],
    [
      'that would be paid for later',
      'payload-invalid',
      () => ({ ...sold, cheque: chequeFor({ goods, capture: 'deferred' }) }),
    ],
    ['whose key the host does not give', 'site-not-ready', () => ({ cheque, priced: { goods } })],
  ])('is not taken for goods %s', (_, expected, given) => {
    expect(() => verify(given())).toThrow(code(expected));
  });

  it('is not paid by an answer without the key to them', () => {
    const other = toBase64url(new Uint8Array(32));
    const { read } = authorize(sold);
    expect(() => read({ receipt: { ...receiptFor(cheque) } })).toThrow(code('broker-untrusted'));
    expect(() => read({ receipt: { ...receiptFor(cheque, { key: other }) } })).toThrow(code('broker-untrusted'));
  });
});

describe('A cheque for a page, that the broker decides', () => {
  const cheque = chequeFor();

  it('is held until the page is delivered: then it is claimed, else given up', () => {
    const asks = authorize({ cheque });
    expect(asks.members).toMatchObject({ hold: true });
    const until = now + 86_400;
    const receipt = receiptFor(cheque, { result: 'held' });
    expect(asks.read({ receipt: { ...receipt }, until })).toEqual({
      claims: [
        {
          key: `cheque-held.b1:${cheque.epoid}`,
          add: 3000n,
          untilMs: until * 1000 + limits.clockSkewMs,
          evidence: { rank: 0, proof: { cur: CUR } },
          once: true,
        },
      ],
      details: { receipt },
    });
    const { giveUp } = asks;
    if (!giveUp) throw new Error('expected a way back');
    expect(
      decode(chequeSettleOrder, { typ: giveUp.typ, ...giveUp.members, ...envelope }, 'request-malformed'),
    ).toMatchObject({
      ...{ vnd: VND, capture: [], void: [cheque.epoid] },
    });
  });

  it('takes along what other people say to it', () => {
    const unsigned = {
      typ: 'approval/1' as const,
      cheque: chequeHash(cheque, env.crypto),
      amount: '3000',
      approver: thief.pk,
      exp: now + 300,
    };
    const approvals = [{ ...unsigned, sig: signObject(unsigned, thief.seed, env.crypto) }];
    expect(authorize({ cheque, approvals }).members['approvals']).toEqual(approvals);
    expect(() => verify({ cheque: chequeFor({ capture: 'deferred' }), approvals })).toThrow(code('payload-invalid'));
  });

  it.each<[string, object, ProblemCode]>([
    ['for want of money', { code: 'balance-short' }, 'balance-short'],
    ['for its limit', { code: 'limit-reached' }, 'limit-reached'],
    ['for lateness', { code: 'cheque-late' }, 'cheque-late'],
    ['after it was given back', { code: 'site-fault' }, 'cheque-void'],
    ['without a word', {}, 'cheque-void'],
  ])('is refused %s with the broker’s signed word', (_, more, expected) => {
    const receipt = receiptFor(cheque, { result: 'refused', ...more });
    let thrown: unknown;
    try {
      authorize({ cheque }).read({ receipt: { ...receipt } });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toEqual(code(expected));
    const shown = thrown instanceof PaymentProblem ? thrown.extra.members?.['receipt'] : undefined;
    expect(
      isReceiptOf(
        decode(chequeReceiptSchema, shown, 'receipt-invalid'),
        { cheque, cert: certOf() },
        root.pk,
        env.crypto,
      ),
    ).toBe(true);
  });

  it.each<[string, () => ChequeReceipt]>([
    ['about another cheque', () => receiptFor(chequeFor({ memo: 'another' }))],
    ['that somebody else signed', () => receiptFor(cheque, {}, thief)],
    ['over another amount', () => receiptFor(cheque, { amount: '1' })],
  ])('is not settled by an answer %s', (_, made) => {
    expect(() => authorize({ cheque }).read({ receipt: { ...made() } })).toThrow(code('broker-untrusted'));
  });

  it('is no more than an offer where the site does not take such', () => {
    expect(() => verify({ cheque, keys: { ...keys, captures: ['deferred'] } })).toThrow(code('payload-invalid'));
  });
});

describe('A cheque above the limit', () => {
  it('asks the broker how much more it stands for', () => {
    const [tally] = verify({ cheque: chequeFor({ capture: 'deferred' }) }).tallies;
    const asks = tally?.raise?.(7000n);
    if (!asks) throw new Error('expected a question to the broker');
    const order = decode(chequeAuthorizeOrder, { typ: asks.typ, ...asks.members, ...envelope }, 'request-malformed');
    expect(order).toMatchObject({ vnd: VND, spent: 7000n, amount: 3000n, certExp: certOf().exp, sub: certOf().sub });
    expect(asks.read({ limit: '20000' })).toBe(20_000n);
    expect(() => asks.read({ limit: 'much' })).toThrow(code('broker-untrusted'));
  });

  it('counts for each day and each customer apart', () => {
    const tomorrow = certOf({ exp: now + 90_000 });
    const other = certOf({ sub: 'BBBBBBBBBBBBBBBBBBBBBA' });
    const keyOf = (cert: DayCert) => verify({ cheque: chequeFor({ capture: 'deferred' }, cert), cert }).tallies[0]?.key;
    expect(new Set([certOf(), tomorrow, other].map(keyOf)).size).toBe(3);
  });
});

test('What is offered depends on the price, and on whether goods are sealed', () => {
  const captures = (priced: object) => chequeVendor.details(keys, { ...price, ...priced }, env)?.['captures'];
  expect(captures({})).toEqual(['now', 'deferred', 'aggregated']);
  expect(captures({ amount: 8001n })).toEqual(['now']);
  expect(captures({ goods })).toEqual(['now']);
});

test('A certificate is checked once a day, and only a genuine one is remembered', () => {
  const names = new Map<string, DayCert>();
  let checks = 0;
  const crypto = {
    ...env.crypto,
    verify: (...args: Parameters<typeof env.crypto.verify>) => {
      checks++;
      return env.crypto.verify(...args);
    },
  };
  const once = (cert: DayCert) =>
    chequeVendor.verify(
      {
        challenge,
        payload: { cheque: { ...chequeFor({}, cert) }, cert: { ...cert } },
        price,
        target: 'GET /a',
        digest: '',
      },
      { ...keys, genuine: names },
      { ...host, nowMs: NOW_MS, crypto },
    );
  for (let i = 0; i < 5; i++) once(certOf());
  expect([checks, names.size]).toEqual([1, 1]);
  const raised = { ...certOf(), limit: '999999999' };
  for (let i = 0; i < 2; i++) expect(() => once(raised)).toThrow(code('cert-forged'));
  expect([checks, names.size]).toEqual([3, 1]);
});
