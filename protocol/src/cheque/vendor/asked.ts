// Cheques that the broker decides before anything is delivered (NetBill). Sealed goods are paid at once, because the broker keeps
// their key; for anything else the money waits until the site has delivered.

import type { Env } from '../../core/crypto.ts';
import { decode } from '../../core/decode.ts';
import { limits } from '../../core/limits.ts';
import type { Approved, Authorization, BrokerOrder, ClaimStep, Verified } from '../../core/method.ts';
import { isProblemCode, PaymentProblem, problemInfo } from '../../core/problems.ts';
import { isReceiptOf, opensGoods } from '../checks.ts';
import { chequeCaptureResult } from '../orders.ts';
import { asJson, type ChequePayload, type ChequeReceipt } from '../wire.ts';
import type { ChequeBroker } from './keys.ts';

/** `key` opens the sealed goods that are paid for. */
type Asking = { readonly broker: ChequeBroker; readonly key: string | undefined; readonly env: Env };

export function asked(
  paid: ChequePayload,
  asking: Asking,
): Pick<Verified, 'tallies' | 'claims' | 'details' | 'authorize'> {
  return { tallies: [], claims: [], details: {}, authorize: authorization(paid, asking) };
}

function authorization({ cheque, cert, approvals }: ChequePayload, { broker, key, env }: Asking): Authorization {
  const { brk, epoid, vnd, cur } = cheque;
  const hold = key === undefined;
  const giveUp: BrokerOrder = {
    ...{ brk, path: '/v1/cheque/settle', typ: 'cheque-settle/1' },
    members: { vnd, cur, capture: [], void: [epoid] },
  };
  return {
    ...{ brk, path: '/v1/cheque/capture', typ: 'cheque-capture/1' },
    members: {
      ...{ cheque: asJson(cheque), cert: asJson(cert), hold },
      ...(key === undefined ? {} : { key }),
      ...(approvals ? { approvals: approvals.map(asJson) } : {}),
    },
    read(result) {
      const { receipt, until } = decode(chequeCaptureResult, result, 'broker-untrusted');
      if (!isReceiptOf(receipt, { cheque, cert }, broker.root, env.crypto) || !opensGoods(receipt, cheque)) {
        throw new PaymentProblem('broker-untrusted', {
          detail: 'its receipt is not of this cheque',
          consumed: 'unknown',
        });
      }
      return approved(receipt, { cheque, untilMs: (until ?? cert.exp) * 1000 });
    },
    // What was paid for sealed goods stays paid: the key is at the broker by then.
    ...(hold ? { giveUp } : {}),
  };
}

/** @throws {PaymentProblem} the broker's refusal, for good */
function approved(
  receipt: ChequeReceipt,
  { cheque, untilMs }: { cheque: ChequePayload['cheque']; untilMs: number },
): Approved {
  const details = { receipt: asJson(receipt) };
  if (receipt.result === 'refused') throw refusal(receipt);
  if (receipt.result === 'paid') return { claims: [], details };
  const { brk, epoid, amount, cur } = cheque;
  const claim: ClaimStep = {
    key: `cheque-held.${brk}:${epoid}`,
    add: BigInt(amount),
    untilMs: untilMs + limits.clockSkewMs,
    evidence: { rank: 0, proof: { cur } },
    once: true,
  };
  return { claims: [claim], details };
}

/** A payment that was given back is no fault of anybody now: another cheque, for another challenge, may pay. */
function refusal(receipt: ChequeReceipt): PaymentProblem {
  const { code } = receipt;
  const said = isProblemCode(code) && problemInfo(code).status === 402 ? code : 'cheque-void';
  return new PaymentProblem(said, { members: { receipt: asJson(receipt) } });
}
