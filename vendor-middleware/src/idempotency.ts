// Idempotency-Key: the first payment for a key and request claims the key, together with its instruments and in the
// same write. Another payment under it is refused and charges nothing; the first credential gets its stored outcome.
import { createHash } from 'node:crypto';
import { limits, PaymentProblem, type Spend } from '@farthing/protocol';
import type { Request } from 'express';
import type { Visit } from './check.ts';
import { linesOf } from './headers.ts';

const METHODS = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * A spend of the key for this route's scope; the caller sets how long it lives.
 * @throws {PaymentProblem} `request-malformed` a key that is empty or too long, or several
 */
export function idempotencySpend(req: Request, { scope }: Visit): Spend[] {
  if (!METHODS.has(req.method)) return [];
  const values = linesOf(req, 'idempotency-key');
  if (values.length === 0) return [];
  const [value = ''] = values;
  // A structured-field string in the RFC draft, but seen bare: both name the same key.
  const key = /^".*"$/.test(value) ? value.slice(1, -1).replace(/\\(["\\])/g, '$1') : value;
  if (values.length > 1 || key.length === 0 || key.length > limits.idempotencyKeyBytes) {
    throw new PaymentProblem('request-malformed', {
      detail: `Idempotency-Key: expected one key of 1 to ${limits.idempotencyKeyBytes} characters`,
    });
  }
  const hash = createHash('sha256')
    .update(JSON.stringify([scope.s, key]))
    .digest('base64url');
  return [{ key: `idempotency:${hash}`, untilMs: 0, code: 'idempotency-reused' }];
}
