import { describe, expect, it } from 'vitest';
import { makeChallenge } from '../../core/challenge.ts';
import { portableCrypto as crypto } from '../../core/crypto.ts';
import type { JsonObject } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { VerifyInput } from '../../core/method.ts';
import type { ProblemCode } from '../../core/problems.ts';
import { signObject } from '../../core/sign.ts';
import { coinSetHash } from '../coin.ts';
import { BROKER, brokerSeed, mintOf, NOW_MS } from '../fixture.ts';
import { Hand, type Held } from '../wallet-fixture.ts';
import type { EcashKeys } from './keys.ts';
import { ecashVendor } from './role.ts';

const VND = 'news.example';
const mint = mintOf([{ value: 1000n, vnd: VND }, { value: 1000n }, { value: 500n }, { value: 2000n }]);
const listOf = (of: string | undefined) => ({
  hash: `list of ${of}`,
  keysets: new Map(mint.keysets.filter(({ record }) => record.vnd === of).map((keyset) => [keyset.ks, keyset])),
});
const broker = { id: 'b1', url: 'https://b.example', root: BROKER.root };
const lists = { everywhere: listOf(undefined), locked: listOf(VND) };
const keys: EcashKeys = { vnd: VND, api: '/farthing', brokers: [{ ...broker, ...lists }] };
const env = {
  ...{ nowMs: NOW_MS, crypto, random: (length: number) => new Uint8Array(length), serial: 1n },
  asksBroker: true as const,
};
const price = { amount: 1500n, currency: 'usd-micro' as const };
const alice = new Hand(mint, new Uint8Array(32).fill(3));
const exp = NOW_MS / 1000 + 300;
const code = (expected: ProblemCode) => expect.objectContaining({ code: expected });

const challenge = makeChallenge(
  {
    ...{ realm: VND, method: 'ecash', intent: 'charge', expiresAtMs: NOW_MS + limits.challengeLifeMs },
    request: { ...price, recipient: VND, methodDetails: {} },
    scope: { s: 'GET /a', n: '1' },
  },
  [new Uint8Array(32)],
  crypto,
);

/** 2000 for 1500: the change is 500. */
function payment(held: readonly Held[] = [alice.take(2000n)], back = [alice.take(500n)], amount = 1500n): VerifyInput {
  const change = back.map(({ output }) => output);
  const terms = { challengeId: challenge.id, vnd: VND, amount, cur: price.currency, exp };
  const coins = alice.pay(held, change.length > 0 ? { ...terms, change } : terms);
  const payload = { brk: 'b1', exp, coins, ...(change.length > 0 ? { change } : {}) };
  return { challenge, payload, price, target: 'GET /a', digest: '' };
}

/** What the broker answers to the question, signed as it signs; altered before or after. */
function answer(
  asked: JsonObject,
  alter: { before?: JsonObject; after?: JsonObject; change?: string[] } = {},
): JsonObject {
  const coins = coinSetHash(asked['coins'] as { pk: string }[], crypto);
  const { vnd, challengeId, amount, cur } = asked;
  const unsigned = {
    ...{ typ: 'ecash-deposit/1', brk: 'b1', vnd, challengeId, amount, cur, coins, state: 'held' },
    ...{ until: NOW_MS / 1000 + 86_400, at: NOW_MS / 1000, ...alter.before },
  } as JsonObject & { typ: string };
  const receipt = { ...unsigned, sig: signObject(unsigned, brokerSeed, crypto), ...alter.after };
  const outputs = (asked['change'] ?? []) as { ks: string; b: string }[];
  return { receipt, change: alter.change ?? outputs.map((output) => mint.sign(output)) };
}

describe('A site takes coins that are good everywhere', () => {
  it('with change, after asking their broker, which is held to what it signs', () => {
    const input = payment();
    const { authorize, ...verified } = ecashVendor.verify(input, keys, env);
    expect(verified).toMatchObject({ spends: [], claims: [], details: {} });
    expect(authorize).toMatchObject({
      ...{ brk: 'b1', path: '/v1/ecash/deposit', typ: 'ecash-deposit/1' },
      members: { vnd: VND, challengeId: challenge.id, amount: '1500', exp, hold: true },
      giveUp: { path: '/v1/ecash/void', members: { vnd: VND, held: [challenge.id] } },
    });
    const result = answer(authorize?.members ?? {});
    expect(authorize?.read(result)).toMatchObject({
      claims: [{ key: `ecash-held.b1:${challenge.id}`, add: 1500n }],
      details: { deposit: result['receipt'], change: result['change'] },
    });
  });

  it('and claims nothing of a payment that is paid already', () => {
    const { authorize } = ecashVendor.verify(payment(), keys, env);
    const result = answer(authorize?.members ?? {}, { before: { state: 'paid' } });
    expect(authorize?.read(result).claims).toEqual([]);
  });

  it('and leaves change that fits no header to be fetched at the broker', () => {
    const back = Array.from({ length: 5 }, () => alice.take(500n));
    const held = [alice.take(2000n), alice.take(2000n)];
    const { authorize } = ecashVendor.verify(payment(held, back), keys, env);
    const result = answer(authorize?.members ?? {});
    expect(authorize?.read(result).details).toEqual({ deposit: result['receipt'] });
  });

  it('for each price that coins and change can make, and names both lists where both kinds can pay', () => {
    const offer = (amount: bigint) => ecashVendor.details(keys, { ...price, amount }, env)?.['brokers'];
    const named = { id: 'b1', url: broker.url };
    expect(offer(1000n)).toEqual([{ ...named, keysets: lists.everywhere.hash, locked: lists.locked.hash }]);
    expect(offer(1500n)).toEqual([{ ...named, keysets: lists.everywhere.hash }]);
    expect(offer(128_000n)).toEqual([{ ...named, keysets: lists.everywhere.hash }]);
    expect([0n, 499n, 750n, 128_500n].map(offer)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('only in a host that asks', () => {
    const { asksBroker: _, ...deaf } = env;
    expect(() => ecashVendor.verify(payment(), keys, deaf)).toThrow(code('lock-foreign'));
  });

  it.each<[string, Parameters<typeof answer>[1]]>([
    ['is not signed', { after: { at: 1 } }],
    ['is of another amount', { before: { amount: '15' } }],
    ['is of another challenge', { before: { challengeId: coinSetHash([], crypto) } }],
    ['is for another site', { before: { vnd: 'shop.example' } }],
    ['is of other coins', { before: { coins: coinSetHash([], crypto) } }],
    ['is of another broker', { before: { brk: 'b2' } }],
    ['comes without the change', { change: [] }],
  ])('and does not believe a receipt that %s', (_, alter) => {
    const { authorize } = ecashVendor.verify(payment(), keys, env);
    expect(() => authorize?.read(answer(authorize.members, alter))).toThrow(code('broker-untrusted'));
  });

  it.each<[string, ProblemCode, () => VerifyInput]>([
    ['too little', 'amount-short', () => payment([alice.take(1000n)], [])],
    ['too much, without change', 'sum-wrong', () => payment([alice.take(2000n)], [])],
    ['change that takes of the price', 'amount-short', () => payment([alice.take(2000n)], [alice.take(1000n)])],
    ['coins of two locks', 'lock-foreign', () => payment([alice.take(1000n), alice.take(1000n, VND)])],
    [
      'change that is locked',
      'keyset-unknown',
      () => payment([alice.take(2000n), alice.take(500n)], [alice.take(1000n, VND)]),
    ],
    [
      'one coin twice',
      'coin-repeated',
      () => {
        const coin = alice.take(1000n);
        return payment([coin, coin]);
      },
    ],
    [
      'one output twice',
      'coin-repeated',
      () => {
        const coin = alice.take(500n);
        return payment([alice.take(2000n), alice.take(500n)], [coin, coin]);
      },
    ],
    ['coins that were signed for another amount', 'spend-wrong', () => payment(undefined, undefined, 1400n)],
    [
      'change that was put in place of the signed',
      'spend-wrong',
      () => {
        const paid = payment();
        return { ...paid, payload: { ...paid.payload, change: [alice.take(500n).output] } };
      },
    ],
    [
      'coins signed for another challenge',
      'spend-wrong',
      () => ({ ...payment(), challenge: { ...challenge, id: 'stolen' } }),
    ],
  ])('but not %s, and asks nobody', (_, expected, made) => {
    expect(() => ecashVendor.verify(made(), keys, env)).toThrow(code(expected));
  });
});
