// What more than one party checks of a cheque, its certificate and its receipt, so that none can be told another story.
import type { Crypto } from '../core/crypto.ts';
import type { DayCert } from '../core/daycert.ts';
import { limits } from '../core/limits.ts';
import { PaymentProblem, type ProblemCode } from '../core/problems.ts';
import { isKeyOf } from '../core/sealed.ts';
import { verifyObject } from '../core/sign.ts';
import { claimableUntilMs } from './certs.ts';
import { type Cheque, type ChequeReceipt, chequeHash, isSigned, seenOf } from './wire.ts';

export type Expected = { readonly vnd: string; readonly brk: string; readonly root: string; readonly nowMs: number };

type Pair = { readonly cheque: Cheque; readonly cert: DayCert };

/**
 * Names and bounds first, then the two signatures. `root` is the broker's key, h32. Dates are not checked: a cheque that was
 * served in time may be deposited later.
 * @throws {PaymentProblem} `cert-foreign`, `cert-expired`, `cert-forged`, `cheque-foreign`, `cheque-forged`
 */
export function checkCheque({ cheque, cert }: Pair, expected: Omit<Expected, 'nowMs'>, crypto: Crypto): void {
  checkNames({ cheque, cert }, expected);
  if (!verifyObject(cert, expected.root, cert.sig, crypto)) throw new PaymentProblem('cert-forged');
  if (!isSigned(cheque, cert.pk, crypto)) throw new PaymentProblem('cheque-forged');
}

/** All but the signatures. @throws {PaymentProblem} `cert-foreign`, `cert-expired`, `cheque-foreign` */
export function checkNames({ cheque, cert }: Pair, { vnd, brk }: Pick<Expected, 'vnd' | 'brk'>): void {
  if (cert.use !== 'cheque' || cert.brk !== brk || (cert.vnd !== vnd && cert.vnd !== '*'))
    throw new PaymentProblem('cert-foreign');
  if (cert.vnd === '*' && cheque.capture !== 'now') {
    throw new PaymentProblem('cert-foreign', {
      detail: 'a certificate for all sites is for payments that the broker sees',
    });
  }
  const same = cheque.vnd === vnd && cheque.brk === brk && cheque.sub === cert.sub && cheque.cur === cert.cur;
  if (!same) throw new PaymentProblem('cheque-foreign');
  if (cheque.exp > cert.exp)
    throw new PaymentProblem('cert-expired', { detail: 'the cheque outlives its certificate' });
}

/** Is it an order that this certificate allows at this site? */
export function isCovered(pair: Pair, at: Pick<Expected, 'vnd' | 'brk'>): boolean {
  try {
    checkNames(pair, at);
    return true;
  } catch (error) {
    if (error instanceof PaymentProblem) return false;
    throw error;
  }
}

/** @throws {PaymentProblem} `cheque-late`, `cert-expired` */
export function checkDates({ cheque, cert }: { cheque: Cheque; cert: DayCert }, nowMs: number): void {
  if (nowMs > cheque.exp * 1000 + limits.clockSkewMs) throw new PaymentProblem('cheque-late');
  if (nowMs + limits.clockSkewMs < cert.nbf * 1000)
    throw new PaymentProblem('cert-expired', { detail: 'not valid yet' });
}

/**
 * Cheques that are served at once may come later, until their certificate cannot be claimed on any more; they were in time when
 * the vendor took them, which nobody else can tell. `undefined`: in time.
 */
export function lateness(cheque: Cheque, cert: DayCert, nowMs: number): ProblemCode | undefined {
  if (cheque.capture !== 'now') return nowMs > claimableUntilMs(cert) ? 'cheque-late' : undefined;
  try {
    checkDates({ cheque, cert }, nowMs);
    return undefined;
  } catch (error) {
    if (error instanceof PaymentProblem) return error.code;
    throw error;
  }
}

/** Is this the word of the broker whose key is `root` (h32) about exactly this cheque under this certificate? */
export const isReceiptOf = (receipt: ChequeReceipt, pair: Pair, root: string, crypto: Crypto): boolean =>
  isAbout(receipt, pair, crypto) && repeats(receipt, pair.cheque) && verifyObject(receipt, root, receipt.sig, crypto);

/** Does it name this cheque, with these signatures? */
export const isAbout = ({ cheque: hash, seen }: ChequeReceipt, { cheque, cert }: Pair, crypto: Crypto): boolean =>
  hash === chequeHash(cheque, crypto) && seen === seenOf(cheque, cert, crypto);

/** Does it say of the cheque what stands there? */
export const repeats = (receipt: ChequeReceipt, { brk, epoid, vnd, amount, cur }: Cheque): boolean =>
  receipt.brk === brk &&
  receipt.epoid === epoid &&
  receipt.vnd === vnd &&
  receipt.amount === amount &&
  receipt.cur === cur;

/** With sealed goods, a `paid` one carries the key that opens them. */
export const opensGoods = ({ result, key = '' }: ChequeReceipt, { goods }: Cheque): boolean =>
  !goods || result !== 'paid' || isKeyOf(key, goods.kc);
