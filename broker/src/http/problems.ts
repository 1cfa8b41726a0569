// Whatever went wrong as application/problem+json: ours, Express's body parser's, the database's.
import { PaymentProblem, type ProblemCode } from '@farthing/protocol';
import type { Response } from 'express';

/** Status codes of the body parser and the router. */
const BY_STATUS: Record<number, ProblemCode> = {
  400: 'request-malformed',
  413: 'body-too-large',
  415: 'type-unsupported',
};

/** What is not the caller's fault is `unavailable`: the same rid gets one outcome. */
export function problemOf(error: unknown): PaymentProblem {
  if (error instanceof PaymentProblem) return error;
  const status = typeof error === 'object' && error !== null && 'status' in error ? Number(error.status) : 500;
  const code = BY_STATUS[status];
  return code ? new PaymentProblem(code) : new PaymentProblem('unavailable', { consumed: 'unknown', retryAfter: 2 });
}

export function sendProblem(response: Response, problem: PaymentProblem): void {
  const { retryAfter } = problem.extra;
  if (retryAfter !== undefined) response.set('Retry-After', String(retryAfter));
  // What is left of an oversized body would be read as the next request.
  if (problem.status === 413) response.set('Connection', 'close');
  response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem.toBody()));
}
