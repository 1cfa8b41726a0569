// What an operator learns of orders: which kind, how it ended, how long it took. Never whose it was, or about what.
import type { Logger } from '@farthing/node-kit';
import { PaymentProblem } from '@farthing/protocol';

/** Runs one order. */
export async function watched<Answer>(path: string, log: Logger, take: () => Promise<Answer>): Promise<Answer> {
  const startMs = performance.now();
  const end = (outcome: string) => log.debug({ path, outcome, ms: Math.round(performance.now() - startMs) }, 'order');
  try {
    const answer = await take();
    end('ok');
    return answer;
  } catch (error) {
    end(error instanceof PaymentProblem ? error.code : 'fault');
    throw error;
  }
}
