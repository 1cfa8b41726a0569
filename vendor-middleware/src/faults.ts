// What a customer is told when it is not the payment that was wrong, but the site or its store. The owner finds the cause in the log.
import { PaymentProblem } from '@farthing/protocol';
import type { Site } from './site.ts';
import { StoreAway } from './store/away.ts';

/** When to come again while the store is away. */
const AWAY_S = 2;

/** @param hasPaid who has paid presents the same again; everybody else comes again */
export function faultOf(error: unknown, { tell }: Pick<Site, 'tell'>, hasPaid = false): PaymentProblem {
  if (error instanceof PaymentProblem) return error;
  tell({ code: 'store-fault', message: error instanceof Error ? error.message : 'unknown fault' });
  if (!(error instanceof StoreAway)) return new PaymentProblem('site-fault');
  const code = hasPaid ? 'outcome-unknown' : 'site-not-ready';
  return new PaymentProblem(code, { consumed: 'unknown', retryAfter: AWAY_S });
}
