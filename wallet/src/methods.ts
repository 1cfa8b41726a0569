// The payment methods that this wallet can use: the one place of the engine that knows any of them by name. A new method is
// one more entry of `methods`.
import { PaymentProblem } from '@farthing/protocol';
import { cheque } from './cheques/cheque.ts';
import { ecash } from './ecash.ts';
import type { Method, PieceMethod } from './method.ts';
import { payword } from './payword.ts';
import { scrip } from './scrip.ts';

/** By name, preferred first. */
export const methods: ReadonlyMap<string, Method> = new Map(
  [scrip, payword, ecash, cheque].map((method: Method) => [method.name, method]),
);

/** @throws {PaymentProblem} `storage-fault` */
export function methodOf(name: string): Method {
  const method = methods.get(name);
  if (!method) throw new PaymentProblem('storage-fault', { detail: `coins of an unknown method ${name}` });
  return method;
}

/** Of money that lies in pieces in a purse. @throws {PaymentProblem} `storage-fault` */
export function piecesOf(name: string): PieceMethod {
  const method = methodOf(name);
  if (method.money !== 'pieces') throw new PaymentProblem('storage-fault', { detail: `${name} has no pieces` });
  return method;
}
