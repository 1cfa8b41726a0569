// What vendor and broker both check of a cheque and its certificate, so that neither can be told another story.
import type { Crypto } from '../core/crypto.ts';
import type { DayCert } from '../core/daycert.ts';
import { limits } from '../core/limits.ts';
import { PaymentProblem } from '../core/problems.ts';
import { verifyObject } from '../core/sign.ts';
import { type Cheque, isSigned } from './wire.ts';

export type Expected = { readonly vnd: string; readonly brk: string; readonly root: string; readonly nowMs: number };

/**
 * Bounds, dates and names first, then the two signatures. `root` is the broker's key, h32. `exp` is not checked: a cheque
 * that was served in time may be deposited later.
 * @throws {PaymentProblem} `cert-foreign`, `cert-expired`, `cert-forged`, `cheque-foreign`, `cheque-forged`
 */
export function checkCheque(
  { cheque, cert }: { cheque: Cheque; cert: DayCert },
  { vnd, brk, root }: Omit<Expected, 'nowMs'>,
  crypto: Crypto,
): void {
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
  if (!verifyObject(cert, root, cert.sig, crypto)) throw new PaymentProblem('cert-forged');
  if (!isSigned(cheque, cert.pk, crypto)) throw new PaymentProblem('cheque-forged');
}

/** @throws {PaymentProblem} `cheque-late`, `cert-expired` */
export function checkDates({ cheque, cert }: { cheque: Cheque; cert: DayCert }, nowMs: number): void {
  if (nowMs > cheque.exp * 1000 + limits.clockSkewMs) throw new PaymentProblem('cheque-late');
  if (nowMs + limits.clockSkewMs < cert.nbf * 1000)
    throw new PaymentProblem('cert-expired', { detail: 'not valid yet' });
}
