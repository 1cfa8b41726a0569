// Cheques that are served at once (MiniPay): what a customer spends is counted against a limit that the broker stands for, and
// the broker sees them later, in batches. Above the limit it is asked how much more it stands for.
import { decode } from '../../core/decode.ts';
import { limits } from '../../core/limits.ts';
import type { BrokerAsk, ClaimStep, Tally, Verified } from '../../core/method.ts';
import { chequeAuthorizeResult } from '../orders.ts';
import { asJson, type ChequePayload } from '../wire.ts';
import type { ChequeKeys } from './keys.ts';

export function served(paid: ChequePayload, keys: ChequeKeys): Pick<Verified, 'tallies' | 'claims' | 'details'> {
  return { tallies: [dayTally(paid, keys)], claims: [claimOf(paid)], details: { pending: true } };
}

/** What is spent on this certificate: unasked no more than the least of what broker, customer and site allow. */
function dayTally({ cheque, cert }: ChequePayload, { vnd, offlineMax }: ChequeKeys): Tally {
  const { brk, sub, amount, cur } = cheque;
  const least = [BigInt(cert.limit), BigInt(cert.perDay), offlineMax].reduce((a, b) => (a < b ? a : b));
  const raise = (spent: bigint): BrokerAsk<bigint> => ({
    ...{ brk, path: '/v1/cheque/authorize', typ: 'cheque-authorize/1' },
    members: { vnd, sub, certExp: cert.exp, cur, spent: spent.toString(), amount },
    read: (result) => decode(chequeAuthorizeResult, result, 'broker-untrusted').limit,
  });
  const untilMs = cert.exp * 1000 + limits.clockSkewMs;
  const key = `cheque:${brk}:${sub}:${cert.exp}`;
  return { key, add: BigInt(amount), limit: least, code: 'limit-reached', untilMs, raise };
}

/** One cheque is one claim: the broker sees the customer's own word, and knows the certificate. */
function claimOf({ cheque, cert }: ChequePayload): ClaimStep {
  return {
    key: `cheque.${cheque.brk}:${cheque.epoid}`,
    add: BigInt(cheque.amount),
    untilMs: cert.exp * 1000 + limits.clockSkewMs + limits.chequeWindowMs,
    evidence: { rank: 0, proof: { cheque: asJson(cheque), certExp: cert.exp, certSig: cert.sig } },
    once: true,
  };
}
