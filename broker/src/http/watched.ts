// What an operator learns of orders: which kind, how it ended, how long it took. Never whose it was, or about what.
import type { Logger } from '@farthing/node-kit';
import type { Trail } from '@farthing/node-kit/telemetry';
import { PaymentProblem } from '@farthing/protocol';
import type { Figures } from '../telemetry/figures.ts';

export type Watch = { readonly log: Logger; readonly figures: Figures };

/** Runs one order. */
export async function watched<Answer>(
  path: string,
  { log, figures }: Watch,
  take: (trail: Trail) => Promise<Answer>,
): Promise<Answer> {
  const startMs = performance.now();
  const trail = figures.order(path);
  const end = (outcome: string) => {
    trail.end(outcome);
    log.debug({ path, outcome, ms: Math.round(performance.now() - startMs) }, 'order');
  };
  try {
    const answer = await take(trail);
    end('ok');
    return answer;
  } catch (error) {
    end(error instanceof PaymentProblem ? error.code : 'fault');
    throw error;
  }
}
