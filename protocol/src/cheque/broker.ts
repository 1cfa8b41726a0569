// The broker's side of cheques: one outcome for each order, decided once and the same for ever. With sealed goods the key is
// checked against the customer's own signature before money moves, and kept, so that nobody can keep it back.
import type { Env } from '../core/crypto.ts';
import type { DayCert } from '../core/daycert.ts';
import { PaymentProblem, type ProblemCode } from '../core/problems.ts';
import { isKeyOf } from '../core/sealed.ts';
import { signObject } from '../core/sign.ts';
import { checkCheque, checkNames, lateness } from './checks.ts';
import { type Cheque, type ChequeReceipt, chequeHash, seenOf } from './wire.ts';

export { type CertTerms, claimableUntilMs, issueCert, type Kept, raiseBy } from './certs.ts';
export { checkCheque as checkGenuine, lateness } from './checks.ts';

/** Who stands behind a pseudonym: the account that is debited. */
export type CertHolder = { readonly cert: DayCert; readonly account: string };

/** What became of one order, by (vendor, epoid). Rows are never changed but from `held` to an end. */
export type ChequeRow = { readonly hash: string; readonly account: string; readonly receipt: ChequeReceipt };

export type Presented = {
  readonly cheque: Cheque;
  readonly cert: DayCert;
  /** The key of sealed goods, h32. */
  readonly key?: string;
  /** The money waits for the vendor's capture. */
  readonly hold: boolean;
};

/** What the account allows for this payment: a code says why not. The host looks at funds, limits, level and approvals. */
export type Allowance = (account: string, cheque: Cheque) => ProblemCode | undefined;

export type Books = {
  readonly vnd: string;
  readonly issuer: { readonly brk: string; readonly root: string; readonly seed: Uint8Array };
  readonly holder: CertHolder | undefined;
  readonly known: ChequeRow | undefined;
  readonly allow: Allowance;
  /** The host has checked both signatures, of this cheque and of the certificate in the books. */
  readonly isChecked?: boolean;
};

/** `row` is to be written when `isNew`; the host debits when its receipt says `paid` or `held`. */
export type Decided = { readonly row: ChequeRow; readonly isNew: boolean };

/**
 * Decides an order that a vendor presents. Money, funds and limits refuse with a stored, final receipt; what is not a genuine
 * order of this vendor's customer is no order at all and leaves nothing behind.
 * @throws {PaymentProblem} `cheque-conflict` another order with this epoid; `cert-…`, `cheque-…`; `key-wrong`
 */
export function decide({ cheque, cert, key, hold }: Presented, books: Books, env: Env): Decided {
  const { vnd, issuer, holder, known, allow, isChecked = false } = books;
  const hash = chequeHash(cheque, env.crypto);
  if (known) {
    if (known.hash !== hash) throw new PaymentProblem('cheque-conflict');
    return { row: known, isNew: false };
  }
  // The certificate as it was issued counts, not the copy that came with the order.
  if (!holder || holder.cert.sig !== cert.sig) throw new PaymentProblem('cert-forged');
  const check = isChecked ? checkNames : checkCheque;
  check({ cheque, cert: holder.cert }, { vnd, brk: issuer.brk, root: issuer.root }, env.crypto);
  // What is late is refused with any key, or none: nobody has to deliver any more.
  const late = lateness(cheque, holder.cert, env.nowMs);
  if (!late && cheque.goods && !(key !== undefined && isKeyOf(key, cheque.goods.kc))) {
    throw new PaymentProblem('key-wrong');
  }
  const refusal = late ?? allow(holder.account, cheque);
  const result = refusal ? ('refused' as const) : hold ? ('held' as const) : ('paid' as const);
  const opened = result === 'paid' && key !== undefined ? { key } : {};
  const seen = seenOf(cheque, holder.cert, env.crypto);
  const receipt = sign(cheque, { hash, seen, result, ...(refusal ? { code: refusal } : {}), ...opened }, issuer, env);
  return { row: { hash, account: holder.account, receipt }, isNew: true };
}

/** The end of a hold: paid, with the key if there is one, or refused. A row that has ended stays as it is. */
export function end(
  row: ChequeRow,
  cheque: Paid,
  { verdict, key }: { verdict: 'capture' | 'void'; key?: string },
  { issuer, env }: { issuer: Books['issuer']; env: Env },
): Decided {
  if (row.receipt.result !== 'held') return { row, isNew: false };
  const how =
    verdict === 'capture' ? ({ result: 'paid' } as const) : ({ result: 'refused', code: 'site-fault' } as const);
  const opened = verdict === 'capture' && key !== undefined ? { key } : {};
  const same = { hash: row.hash, seen: row.receipt.seen };
  return { row: { ...row, receipt: sign(cheque, { ...same, ...how, ...opened }, issuer, env) }, isNew: true };
}

/** What a receipt repeats of its cheque. */
export type Paid = Pick<Cheque, 'epoid' | 'vnd' | 'amount' | 'cur'>;
type Outcome = { hash: string; seen: string; result: ChequeReceipt['result']; code?: ProblemCode; key?: string };

function sign(cheque: Paid, { hash, ...outcome }: Outcome, issuer: Books['issuer'], env: Env): ChequeReceipt {
  const { epoid, vnd, amount, cur } = cheque;
  const unsigned = {
    typ: 'cheque-receipt/1' as const,
    ...{ brk: issuer.brk, epoid, cheque: hash, vnd, amount, cur },
    ...outcome,
    at: Math.floor(env.nowMs / 1000),
  };
  return { ...unsigned, sig: signObject(unsigned, issuer.seed, env.crypto) };
}
