// Whatever went wrong as application/problem+json: ours, the router's, the database's.
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { PaymentProblem } from '@farthing/protocol';

/** What is not the caller's fault is `unavailable`: the same rid gets one outcome. */
export function problemOf(error: unknown): PaymentProblem {
  if (error instanceof PaymentProblem) return error;
  // The router says 400 to a path that cannot be decoded.
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : 500;
  if (status === 400) return new PaymentProblem('request-malformed');
  return new PaymentProblem('unavailable', { consumed: 'unknown', retryAfter: 2 });
}

/** `headers`: beside those that tell of the problem. */
export function sendProblem(response: ServerResponse, problem: PaymentProblem, headers: OutgoingHttpHeaders): void {
  const { retryAfter } = problem.extra;
  const body = JSON.stringify(problem.toBody());
  response
    .writeHead(problem.status, {
      ...headers,
      'Content-Type': 'application/problem+json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
      // What is left of an oversized body would be read as the next request.
      ...(problem.status === 413 ? { Connection: 'close' } : {}),
    })
    .end(body);
}
