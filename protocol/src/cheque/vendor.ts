// The vendor's side of cheques that are served at once (MiniPay): signatures are checked here, what a customer spends in a day
// is counted against the certificate's limit, and the broker sees the cheques later, in batches.
import type { Env } from '../core/crypto.ts';
import type { DayCert } from '../core/daycert.ts';
import { decode } from '../core/decode.ts';
import type { JsonObject } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import type { ClaimStep, Price, VendorEnv, VendorRole, Verified, VerifyInput } from '../core/method.ts';
import type { Currency } from '../core/money.ts';
import { PaymentProblem } from '../core/problems.ts';
import { checkCheque, checkDates } from './checks.ts';
import { type Cheque, chequeHash, payloadSchema } from './wire.ts';

/** `offlineMax`: what the site lets one customer of a broker spend in a day unseen, in base units. */
export type ChequeKeys = {
  readonly vnd: string;
  readonly api: string;
  readonly brokers: readonly { readonly id: string; readonly url: string; readonly root: string }[];
  readonly currencies: readonly Currency[];
  readonly offlineMax: bigint;
  /** How well a customer must be identified: 0 password and code, 1 passkey, 2 a wallet's key. */
  readonly minLevel: 0 | 1 | 2;
};

export const chequeVendor: VendorRole<ChequeKeys> = {
  method: 'cheque',
  intents: ['charge'],
  details,
  verify,
  services: {},
};

function details({ api, brokers, currencies, offlineMax, minLevel }: ChequeKeys, price: Price): JsonObject | undefined {
  if (!currencies.includes(price.currency) || brokers.length === 0 || price.amount > offlineMax) return undefined;
  return {
    api,
    brokers: brokers.map(({ id, url }) => ({ id, url })),
    captures: ['deferred', 'aggregated'],
    auths: ['ed25519'],
    minLevel,
    offlineMax: offlineMax.toString(),
  };
}

function verify({ challenge, payload, price }: VerifyInput, keys: ChequeKeys, env: VendorEnv): Verified {
  const { cheque, cert, approvals } = decode(payloadSchema, payload, 'payload-invalid');
  const broker = keys.brokers.find(({ id }) => id === cheque.brk);
  if (!broker || cheque.epoid !== challenge.id) throw new PaymentProblem('cheque-foreign');
  if (cheque.capture === 'now' || cheque.goods !== undefined || approvals !== undefined) {
    throw new PaymentProblem('payload-invalid', { detail: 'expected a cheque that is deposited later' });
  }
  checkAmount(cheque, price);
  checkDates({ cheque, cert }, env.nowMs);
  if (cert.level < keys.minLevel) throw new PaymentProblem('level-too-low');
  checkCheque({ cheque, cert }, { vnd: keys.vnd, brk: broker.id, root: broker.root }, env.crypto);
  const untilMs = cert.exp * 1000 + limits.clockSkewMs;
  return {
    spends: [{ key: `cheque:${cheque.epoid}`, untilMs, code: 'cheque-conflict' }],
    tallies: [dayTally(cheque, cert, { offlineMax: keys.offlineMax, untilMs })],
    claims: [claimOf(cheque, cert, env)],
    untilMs,
    reference: chequeHash(cheque, env.crypto),
    details: { pending: true },
  };
}

function checkAmount({ amount, cur }: Cheque, price: Price): void {
  if (cur !== price.currency)
    throw new PaymentProblem('cheque-foreign', { detail: 'the cheque is in another currency' });
  const short = price.amount - BigInt(amount);
  if (short > 0n) throw new PaymentProblem('amount-short', { members: { shortBy: short.toString() } });
  if (short < 0n) throw new PaymentProblem('change-not-asked', { detail: 'a cheque is written for the price exactly' });
}

/** What this pseudonym spent here under this certificate: the broker stands for no more. */
function dayTally(
  { brk, sub, amount }: Cheque,
  { exp, limit, perDay }: DayCert,
  { offlineMax, untilMs }: { offlineMax: bigint; untilMs: number },
): Verified['tallies'][number] {
  const least = [BigInt(limit), BigInt(perDay), offlineMax].reduce((a, b) => (a < b ? a : b));
  return { key: `cheque:${brk}:${sub}:${exp}`, add: BigInt(amount), limit: least, code: 'limit-reached', untilMs };
}

/** One cheque is one claim: the broker sees both signatures. */
function claimOf(cheque: Cheque, cert: DayCert, _env: Env): ClaimStep {
  const untilMs = cert.exp * 1000 + limits.clockSkewMs + limits.chequeWindowMs;
  const proof = { cheque: { ...cheque }, cert: { ...cert } } as unknown as JsonObject;
  return {
    key: `cheque:${cheque.brk}:${cheque.epoid}`,
    add: BigInt(cheque.amount),
    untilMs,
    evidence: { rank: 0, proof },
  };
}
