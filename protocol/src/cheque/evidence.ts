// The papers of one payment by cheque in a file of its own: whoever reads it needs nobody else to say who broke the protocol.
import * as v from 'valibot';
import { fromBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { tryDecode } from '../core/decode.ts';
import type { Currency } from '../core/money.ts';
import { brokerKeysSchema, readBrokerKeys, vendorRecordSchema } from '../core/orders.ts';
import { PaymentProblem } from '../core/problems.ts';
import { verifyObject } from '../core/sign.ts';
import { disputeSchema, type Fault, judge, type OpenedGoods } from './judge.ts';
import type { ChequeReceipt } from './wire.ts';

export const chequeEvidenceSchema = v.strictObject({
  typ: v.literal('cheque-evidence/1'),
  /** As the broker publishes them: its id is the hash of its key. */
  broker: brokerKeysSchema,
  /** The broker's word whose site that is. */
  vendor: vendorRecordSchema,
  papers: disputeSchema,
});
export type ChequeEvidence = v.InferOutput<typeof chequeEvidenceSchema>;

/** `key`: opens the goods, where some were paid for. */
export type JudgedCheque = {
  readonly fault: Fault;
  readonly brk: string;
  /** What broker and site call themselves: `brk` cannot be copied, names can. */
  readonly brokerName: string;
  readonly test: boolean;
  readonly vnd: string;
  readonly siteName: string;
  readonly amountMicro: bigint;
  readonly currency: Currency;
  readonly challengeId: string;
  readonly results: readonly ChequeReceipt['result'][];
  readonly key?: string;
};

/**
 * Off line, by signatures alone. `goods`: as whoever judges has opened them.
 * @throws {PaymentProblem} `proof-invalid`: papers that prove nothing about anybody
 */
export function judgeEvidence(
  paper: unknown,
  { crypto, goods }: { crypto: Crypto; goods?: OpenedGoods },
): JudgedCheque {
  const evidence = tryDecode(chequeEvidenceSchema, paper);
  if (!evidence) throw new PaymentProblem('proof-invalid', { detail: 'it is no evidence about a cheque' });
  const { vendor, papers } = evidence;
  const { brk, root, name, test } = readBrokerKeys(evidence.broker, fromBase64url, crypto);
  if (vendor.brk !== brk || vendor.vnd !== papers.cheque.vnd || !verifyObject(vendor, root, vendor.sig, crypto)) {
    throw new PaymentProblem('proof-invalid', { detail: 'the broker does not say that this is the site' });
  }
  const fault = judge(papers, { root, vendorKey: vendor.pk, ...(goods ? { goods } : {}) }, crypto);
  if (fault.who === 'unknown')
    throw new PaymentProblem('proof-invalid', { detail: 'the papers are not what they say' });
  const { cheque, receipts } = papers;
  const key = receipts.find((receipt) => receipt.result === 'paid')?.key;
  return {
    fault,
    ...{ brk, brokerName: name, test, vnd: vendor.vnd, siteName: vendor.name },
    ...{ amountMicro: BigInt(cheque.amount), currency: cheque.cur, challengeId: cheque.epoid },
    results: receipts.map(({ result }) => result),
    ...(key === undefined ? {} : { key }),
  };
}
