// The customer's side of cheques: writes an order with the day key, and believes a receipt only from its broker.
import { fromBase64url, toBase64url } from '../core/bytes.ts';
import type { Env } from '../core/crypto.ts';
import type { DayCert } from '../core/daycert.ts';
import type { Currency } from '../core/money.ts';
import { PaymentProblem } from '../core/problems.ts';
import type { Goods } from '../core/sealed.ts';
import { signObject } from '../core/sign.ts';
import { isReceiptOf, opensGoods } from './checks.ts';
import { type Approval, type Capture, type Cheque, type ChequeReceipt, chequeHash, signCheque } from './wire.ts';

/** A certificate with the seed of its day key, base64url. */
export type ChequeBook = { readonly cert: DayCert; readonly seed: string };

export type Wanted = {
  readonly challengeId: string;
  readonly vnd: string;
  readonly amount: bigint;
  readonly cur: Currency;
  readonly capture: Capture;
  readonly goods?: Goods;
  /** Seconds; the certificate's end if that is sooner. */
  readonly exp: number;
};

/** @throws {PaymentProblem} `cert-foreign`: the certificate is for another site or currency */
export function writeCheque({ cert, seed }: ChequeBook, wanted: Wanted, { crypto }: Env): Cheque {
  const daySeed = fromBase64url(seed);
  const { vnd, cur, amount, capture, goods, challengeId, exp } = wanted;
  if (!daySeed || cert.cur !== cur || (cert.vnd !== vnd && cert.vnd !== '*')) throw new PaymentProblem('cert-foreign');
  const unsigned = {
    typ: 'cheque/1' as const,
    ...{ epoid: challengeId, brk: cert.brk, sub: cert.sub, vnd, amount: amount.toString(), cur, capture },
    ...(goods ? { goods } : {}),
    exp: Math.min(exp, cert.exp),
  };
  return signCheque(unsigned, daySeed, crypto);
}

/**
 * Is this the broker's word about this cheque? With sealed goods, a `paid` one carries the key that opens them.
 * @throws {PaymentProblem} `receipt-invalid`
 */
export function checkReceipt(receipt: ChequeReceipt, cheque: Cheque, root: string, { crypto }: Env): void {
  if (!isReceiptOf(receipt, cheque, root, crypto)) {
    throw new PaymentProblem('receipt-invalid', { detail: 'it is not the broker’s word about this cheque' });
  }
  if (!opensGoods(receipt, cheque)) {
    throw new PaymentProblem('receipt-invalid', { detail: 'the key does not open the goods' });
  }
}

/** The approver's yes to one cheque, where an account needs it. `exp`: seconds. */
export function approve(cheque: Cheque, approverSeed: Uint8Array, exp: number, { crypto }: Env): Approval {
  const unsigned = {
    typ: 'approval/1' as const,
    cheque: chequeHash(cheque, crypto),
    amount: cheque.amount,
    approver: toBase64url(crypto.publicKey(approverSeed)),
    exp,
  };
  return { ...unsigned, sig: signObject(unsigned, approverSeed, crypto) };
}
