import { describe, expect, it } from 'vitest';
import { makeChallenge } from '../../core/challenge.ts';
import { printCredential } from '../../core/credential.ts';
import { portableCrypto as crypto } from '../../core/crypto.ts';
import { limits } from '../../core/limits.ts';
import type { VerifyInput } from '../../core/method.ts';
import type { ProblemCode } from '../../core/problems.ts';
import { checkProofs } from '../checks.ts';
import { BROKER, mintOf, NOW_MS } from '../fixture.ts';
import { keyListHash } from '../keyset.ts';
import { Hand } from '../wallet-fixture.ts';
import type { EcashKeys } from './keys.ts';
import { ecashVendor } from './role.ts';

const VND = 'news.example';
const mint = mintOf([
  { value: 1000n, vnd: VND },
  { value: 500n, vnd: VND },
  { value: 500n, vnd: 'shop.example' },
  { value: 500n },
]);
const broker = { id: 'b1', url: 'https://b.example', root: BROKER.root };
/** Its map holds the locked coins of all sites: the rules have to find out by themselves whose they are. */
const locked = {
  hash: keyListHash(mint.list(VND), crypto),
  keysets: new Map(mint.keysets.filter(({ record }) => record.vnd !== undefined).map((keyset) => [keyset.ks, keyset])),
};
const keys: EcashKeys = { vnd: VND, api: '/farthing', brokers: [{ ...broker, locked }] };
const env = { nowMs: NOW_MS, crypto, random: (length: number) => new Uint8Array(length), serial: 1n };
const price = { amount: 1500n, currency: 'usd-micro' as const };
const alice = new Hand(mint, new Uint8Array(32).fill(2));
const exp = NOW_MS / 1000 + 300;
const code = (expected: ProblemCode) => expect.objectContaining({ code: expected });

function challengeFor(amount = price.amount) {
  const methodDetails = ecashVendor.details(keys, price, env);
  if (!methodDetails) throw new Error('there are keysets for this vendor');
  const request = { amount, currency: price.currency, recipient: VND, methodDetails };
  const scope = { s: 'GET /a', n: '1' };
  const life = { expiresAtMs: NOW_MS + limits.challengeLifeMs, scope };
  return makeChallenge(
    { realm: VND, method: 'ecash', intent: 'charge', request, ...life },
    [new Uint8Array(32)],
    crypto,
  );
}

/** Pays with these coins as the payer of this amount at this site would. */
function payment(held: Parameters<Hand['pay']>[0], amount = price.amount, vnd = VND): VerifyInput {
  const challenge = challengeFor();
  const coins = alice.pay(held, { challengeId: challenge.id, vnd, amount, cur: price.currency, exp });
  return { challenge, payload: { brk: 'b1', exp, coins }, price, target: 'GET /a', digest: '' };
}

describe('A site takes coins that are locked to it', () => {
  const held = [alice.take(1000n, VND), alice.take(500n, VND)];

  it('without asking anybody: each coin is spent here once, and the claim carries all that the broker wants to see', () => {
    const verified = ecashVendor.verify(payment(held), keys, env);
    expect(verified.spends.map(({ key }) => key)).toEqual(held.map(({ coin }) => `coin:${coin.pk}`));
    const [claim] = verified.claims;
    expect(claim?.add).toBe(1500n);
    expect(claim?.evidence?.proof).toMatchObject({ exp, coins: held.map(({ coin }) => coin) });
  });

  it('and names the key list that it sees, so that a wallet with another one can refuse', () => {
    expect(challengeFor().request).toBeDefined();
    expect(ecashVendor.details(keys, price, env)).toMatchObject({
      brokers: [{ id: 'b1', url: broker.url, locked: locked.hash }],
    });
  });

  it('and a host that checks signatures by itself gets them as data, coin by coin', () => {
    const [input] = [payment(held)];
    const { proofs = [], ...rest } = ecashVendor.verify(input, keys, { ...env, checksProofs: true });
    expect(rest).toEqual(ecashVendor.verify(input, keys, env));
    expect(proofs.map(({ scheme, code: of }) => `${scheme} ${of}`)).toEqual([
      'ed25519 spend-wrong',
      'rsa-pss coin-forged',
      'ed25519 spend-wrong',
      'rsa-pss coin-forged',
    ]);
    expect(() => checkProofs(proofs, { crypto })).not.toThrow();
    for (const [i, { code: of }] of proofs.entries()) {
      const wrong = proofs.map((proof, j) => (i === j ? { ...proof, message: new Uint8Array(1) } : proof));
      expect(() => checkProofs(wrong, { crypto })).toThrow(code(of));
    }
  });

  it('and has no offer for a price that no four coins make', () => {
    const offers = (amount: bigint) => ecashVendor.details(keys, { ...price, amount }, env) !== undefined;
    expect([500n, 1000n, 1500n, 3500n, 4000n].map(offers)).toEqual([true, true, true, true, true]);
    expect([0n, 1n, 499n, 1501n, 4500n].map(offers)).toEqual([false, false, false, false, false]);
  });

  it('and has no offer in another currency, or when its keysets have ended', () => {
    expect(ecashVendor.details(keys, { ...price, currency: 'eur-micro' }, env)).toBeUndefined();
    const late = { ...env, nowMs: NOW_MS + 40 * 86_400_000 };
    expect(ecashVendor.details(keys, price, late)).toBeUndefined();
  });

  it('and four of them fit a header of 4 KB', () => {
    const four = [alice.take(500n, VND), alice.take(500n, VND), alice.take(500n, VND), alice.take(500n, VND)];
    const { challenge, payload } = payment(four, 2000n);
    expect(printCredential({ challenge, payload }).length).toBeLessThanOrEqual(limits.credentialBytes);
  });

  it.each<[string, ProblemCode, () => VerifyInput]>([
    [
      'coins locked to another site',
      'lock-foreign',
      () => payment([alice.take(1000n, VND), alice.take(500n, 'shop.example')]),
    ],
    ['coins that are not locked', 'keyset-unknown', () => payment([alice.take(1000n, VND), alice.take(500n)])],
    [
      'coins with change',
      'sum-wrong',
      () => {
        const { output } = alice.take(500n);
        const paid = payment([...held, alice.take(500n, VND)]);
        return { ...paid, payload: { ...paid.payload, change: [output] } };
      },
    ],
    ['too little', 'amount-short', () => payment([alice.take(1000n, VND)])],
    ['too much', 'sum-wrong', () => payment([...held, alice.take(500n, VND)])],
    ['coins that were signed for another amount', 'spend-wrong', () => payment(held, 1499n)],
    ['coins that were signed for another site', 'spend-wrong', () => payment(held, 1500n, 'shop.example')],
    ['one coin twice', 'coin-repeated', () => payment([...held.slice(1), ...held.slice(1), ...held.slice(1)])],
    [
      'coins signed for another challenge',
      'spend-wrong',
      () => ({ ...payment(held), challenge: { ...challengeFor(), id: 'stolen' } }),
    ],
    [
      'a broker that it does not take',
      'broker-unknown',
      () => {
        const paid = payment(held);
        return { ...paid, payload: { ...paid.payload, brk: 'b2' } };
      },
    ],
    [
      'a payment that has expired',
      'challenge-expired',
      () => {
        const paid = payment(held);
        return { ...paid, payload: { ...paid.payload, exp: exp - 1000 } };
      },
    ],
    ['no coins', 'payload-invalid', () => ({ ...payment([]) })],
    [
      'a coin under the keyset of another value',
      'coin-forged',
      () => {
        const [thousand, fiveHundred] = held;
        if (!thousand || !fiveHundred) throw new Error('two are held');
        const inflated = { ...fiveHundred, coin: { ...fiveHundred.coin, ks: thousand.coin.ks } };
        return payment([fiveHundred, inflated].map((one, i) => (i === 0 ? alice.take(500n, VND) : one)));
      },
    ],
  ])('but not %s', (_, expected, made) => {
    expect(() => ecashVendor.verify(made(), keys, env)).toThrow(code(expected));
  });
});
