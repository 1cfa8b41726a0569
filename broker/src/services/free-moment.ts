// Certificates are known by pseudonym and expiry: the next one of the same second expires a second later.
import { type Env, limits, PaymentProblem } from '@farthing/protocol';

/** What `make` gives at the first moment at which it gives something. @throws {PaymentProblem} `rate-limit` */
export function atFreeMoment<T>(env: Env, make: (env: Env) => T | undefined): T {
  for (let ms = 0; ms < limits.clockSkewMs / 2; ms += 1000) {
    const made = make({ ...env, nowMs: env.nowMs + ms });
    if (made) return made;
  }
  throw new PaymentProblem('rate-limit', { retryAfter: 30 });
}
