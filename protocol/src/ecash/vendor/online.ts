// Coins that are good everywhere: only their broker can say that they were not spent. It holds the payment while the page is
// made, signs the change at once, and is told afterwards whether the page was delivered.
import { decode } from '../../core/decode.ts';
import type { JsonObject } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { Approved, Authorization, VendorEnv } from '../../core/method.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { verifyObject } from '../../core/sign.ts';
import { type KnownKeysets, valueOfCoins, valueOfOutputs } from '../checks.ts';
import { coinSetHash } from '../coin.ts';
import { ecashDepositResult } from '../orders.ts';
import { type Checked, type CoinPayment, refuseShort } from './payment.ts';

const NONE: KnownKeysets = new Map();

/**
 * Everything that needs no broker, so that it is asked about payments that add up. Two payments with one coin are its to
 * decide: a site keeps no list of them, because a coin whose payment was given up is good again.
 * @throws {PaymentProblem} as `valueOfCoins`, `valueOfOutputs`; `amount-short`, `sum-wrong`
 */
export function onlinePayment(payment: CoinPayment, { crypto, nowMs, asksBroker }: VendorEnv): Checked {
  const { broker, terms, cur } = payment;
  const { amount, coins, change } = terms;
  const keysets = broker.everywhere?.keysets ?? NONE;
  if (!asksBroker) throw new PaymentProblem('lock-foreign', { detail: 'expected coins that are locked to this site' });
  const rules = { keysets, cur, nowMs };
  const value = valueOfCoins(coins, { ...rules, phases: ['spend'], most: limits.coinsByReference });
  const back = change.length === 0 ? 0n : valueOfOutputs(change, rules);
  refuseShort(value, amount + back);
  if (value > amount + back) throw new PaymentProblem('sum-wrong', { detail: 'the change does not make up the rest' });
  const verified = {
    spends: [],
    tallies: [],
    claims: [],
    untilMs: nowMs + limits.coinHoldMs,
    reference: coinSetHash(coins, crypto),
    details: {},
    authorize: depositOf(payment, (result) => readDeposit(result, payment, crypto)),
  };
  return { keysets, verified };
}

/** Always held, also where the price is charged upfront: if the site dies before it wrote the answer down, nobody has paid. */
function depositOf({ broker, terms, cur }: CoinPayment, read: Authorization['read']): Authorization {
  const { vnd, challengeId, amount, exp, coins, change } = terms;
  const members: JsonObject = {
    ...{ vnd, challengeId, amount: amount.toString(), cur, exp, hold: true },
    coins: coins.map(({ ks, pk, sig, spend }) => ({ ks, pk, sig, spend })),
    ...(change.length > 0 ? { change: change.map(({ ks, b }) => ({ ks, b })) } : {}),
  };
  // Coins of a peer go to our own broker, which is told whose they are.
  const brk = broker.via ?? broker.id;
  const issuer = broker.via === undefined ? {} : { issuer: broker.id };
  return {
    ...{ brk, path: '/v1/ecash/deposit', typ: 'ecash-deposit/1', members: { ...members, ...issuer } },
    read,
    giveUp: { brk, path: '/v1/ecash/void', typ: 'ecash-void/1', members: { vnd, held: [challengeId], ...issuer } },
  };
}

/** @throws {PaymentProblem} `broker-untrusted`: its receipt is of another payment, or not signed; a blind signature is missing */
function readDeposit(result: JsonObject, { broker, terms, cur }: CoinPayment, crypto: VendorEnv['crypto']): Approved {
  const { challengeId, vnd, amount, coins, change } = terms;
  const { receipt, change: signatures } = decode(ecashDepositResult, result, 'broker-untrusted');
  const isOurs =
    receipt.brk === broker.id &&
    receipt.via === broker.via &&
    receipt.vnd === vnd &&
    receipt.challengeId === challengeId &&
    receipt.amount === amount.toString() &&
    receipt.cur === cur &&
    receipt.coins === coinSetHash(coins, crypto) &&
    signatures.length === change.length;
  if (!isOurs || !verifyObject(receipt, broker.root, receipt.sig, crypto)) {
    throw new PaymentProblem('broker-untrusted', { detail: 'its receipt is not of this payment' });
  }
  // More would not fit the header of a receipt: their holder gets them at the broker, which restores what it signed.
  const isShort = signatures.length > 0 && signatures.length <= limits.coinsInHeader;
  const claim = {
    key: `ecash-held.${broker.id}:${challengeId}`,
    add: amount,
    untilMs: receipt.until * 1000 + limits.clockSkewMs,
    evidence: { rank: 0, proof: { cur } },
    once: true as const,
  };
  return {
    claims: receipt.state === 'held' ? [claim] : [],
    details: { deposit: receipt, ...(isShort ? { change: signatures } : {}) },
  };
}
