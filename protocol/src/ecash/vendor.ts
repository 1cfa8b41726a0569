// The vendor's side of coins that are locked to it: checked and marked spent by the vendor alone, claimed later. Anonymous,
// off-line, and without double spending: what no system of the nineties had together.
import * as v from 'valibot';
import type { Env } from '../core/crypto.ts';
import { brk, decode, seconds } from '../core/decode.ts';
import type { JsonObject } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import type { Price, VendorEnv, VendorRole, Verified, VerifyInput } from '../core/method.ts';
import { PaymentProblem } from '../core/problems.ts';
import type { Rsa } from '../core/rsa.ts';
import { checkProofs, type KnownKeysets, proofsOfSpend, valueOfCoins } from './checks.ts';
import { coinSetHash, type SpendTerms, type SpentCoin, spentCoinSchema } from './coin.ts';
import { phaseOf } from './keyset.ts';

/** `list` is the hash of the key list that this vendor sees; a wallet that sees another refuses (it may be tagged). */
export type EcashBroker = {
  readonly id: string;
  readonly url: string;
  readonly list: string;
  readonly keysets: KnownKeysets;
};
export type EcashKeys = {
  readonly vnd: string;
  readonly api: string;
  readonly brokers: readonly EcashBroker[];
  /** Native RSA where the host has it. */
  readonly rsa?: Rsa;
};

const payloadSchema = v.strictObject({
  brk,
  exp: seconds,
  coins: v.pipe(v.array(spentCoinSchema), v.minLength(1), v.maxLength(limits.coinsByReference)),
});

export const lockedCoinVendor: VendorRole<EcashKeys> = {
  method: 'ecash',
  intents: ['charge'],
  details,
  verify,
  services: {},
};

/** Brokers that have keysets for this vendor now, out of whose coins the price can be made. */
function details(
  { vnd, api, brokers }: EcashKeys,
  { amount, currency }: Price,
  { nowMs }: Env,
): JsonObject | undefined {
  const able = brokers.filter(({ keysets }) => {
    const good = [...keysets.values()].filter(
      ({ record }) => record.vnd === vnd && record.cur === currency && phaseOf(record, nowMs) === 'spend',
    );
    return isPayable(amount, new Set(good.map(({ value }) => value)));
  });
  if (able.length === 0) return undefined;
  return {
    api,
    brokers: able.map(({ id, url, list }) => ({ id, url, keysets: list })),
    lock: 'vendor',
    maxCoins: limits.coinsInHeader,
    change: false,
  };
}

/** Is it the sum of one to four of these values? Locked coins give no change. Two and two: the broker may list hundreds. */
function isPayable(amount: bigint, values: ReadonlySet<bigint>): boolean {
  const some = [0n, ...values];
  const pairs = new Set(some.flatMap((one) => some.map((other) => one + other)));
  return amount > 0n && [...pairs].some((pair) => pairs.has(amount - pair));
}

function verify({ challenge, payload, price }: VerifyInput, keys: EcashKeys, env: VendorEnv): Verified {
  const { brk: id, exp, coins } = decode(payloadSchema, payload, 'payload-invalid');
  const broker = keys.brokers.find((one) => one.id === id);
  if (!broker) throw new PaymentProblem('keyset-unknown', { detail: 'this site takes no coins of that broker' });
  if (env.nowMs > exp * 1000 + limits.clockSkewMs) throw new PaymentProblem('challenge-expired');
  const { vnd } = keys;
  const { amount, currency } = price;
  const { keysets } = broker;
  const phases = ['spend'] as const;
  const rules = { keysets, cur: currency, vnd, phases, nowMs: env.nowMs, most: limits.coinsByReference };
  const value = valueOfCoins(coins, rules);
  if (value < amount) throw new PaymentProblem('amount-short', { members: { shortBy: (amount - value).toString() } });
  if (value > amount) throw new PaymentProblem('sum-wrong', { detail: 'locked coins give no change' });
  const terms = { challengeId: challenge.id, vnd, amount, cur: currency, coins, exp };
  const proofs = proofsOfSpend(coins, terms, keysets, env.crypto);
  if (!env.checksProofs) checkProofs(proofs, { crypto: env.crypto, ...(keys.rsa ? { rsa: keys.rsa } : {}) });
  const untils = coins.map(({ ks }) => (keysets.get(ks)?.record.claimUntil ?? 0) * 1000 + limits.clockSkewMs);
  const untilMs = Math.max(...untils);
  return {
    spends: coins.map(({ pk }) => ({ key: `coin:${pk}`, untilMs, code: 'coin-spent' })),
    tallies: [],
    claims: [claimOf(id, { ...terms, untilMs: Math.min(...untils) })],
    untilMs,
    reference: coinSetHash(coins, env.crypto),
    details: {},
    ...(env.checksProofs ? { proofs } : {}),
  };
}

/** One payment is one claim at the coins' broker, which repeats every check from what goes with it. */
function claimOf(
  id: string,
  paid: Omit<SpendTerms, 'coins'> & { coins: readonly SpentCoin[]; untilMs: number },
): Verified['claims'][number] {
  const { challengeId, amount, cur, coins, exp, untilMs } = paid;
  const proof = { challengeId, cur, exp, coins: coins.map(({ ks, pk, sig, spend }) => ({ ks, pk, sig, spend })) };
  return { key: `ecash.${id}:${challengeId}`, add: amount, untilMs, evidence: { rank: 0, proof } };
}
