// Which errors a host may let pass.
import { PaymentProblem } from '@farthing/protocol';

/** Lets the world's faults pass: what they left open is stored. Ours are thrown. */
export function worldsFault(error: unknown): undefined {
  if (!(error instanceof PaymentProblem) || error.code === 'storage-fault') throw error;
}
