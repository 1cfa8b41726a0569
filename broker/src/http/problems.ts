// Whatever went wrong as application/problem+json: ours, the router's, the database's.
import { PaymentProblem } from '@farthing/protocol';
import type { Response } from 'express';

/** What is not the caller's fault is `unavailable`: the same rid gets one outcome. */
export function problemOf(error: unknown): PaymentProblem {
  if (error instanceof PaymentProblem) return error;
  // The router says 400 to a path that cannot be decoded.
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : 500;
  if (status === 400) return new PaymentProblem('request-malformed');
  return new PaymentProblem('unavailable', { consumed: 'unknown', retryAfter: 2 });
}

export function sendProblem(response: Response, problem: PaymentProblem): void {
  const { retryAfter } = problem.extra;
  if (retryAfter !== undefined) response.set('Retry-After', String(retryAfter));
  // What is left of an oversized body would be read as the next request.
  if (problem.status === 413) response.set('Connection', 'close');
  response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem.toBody()));
}
