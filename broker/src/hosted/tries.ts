// Wrong tries of what can be guessed: after some in a row one has to wait, longer each time.
import { limits, PaymentProblem } from '@farthing/protocol';
import type { Book } from './book.ts';

/** @throws {PaymentProblem} `sign-in-wait` */
export function needPatience(book: Book, what: string, nowMs: number): void {
  const { count, untilMs } = book.tries(what);
  if (count < limits.passwordTries || untilMs <= nowMs) return;
  throw new PaymentProblem('sign-in-wait', { retryAfter: Math.ceil((untilMs - nowMs) / 1000) });
}

export function countTry(book: Book, what: string, nowMs: number): void {
  const count = book.tries(what).count + 1;
  const beyond = Math.min(16, Math.max(0, count - limits.passwordTries));
  const waitMs = Math.min(limits.passwordWaitMaxMs, limits.passwordWaitMs * 2 ** beyond);
  book.setTries(what, { count, untilMs: nowMs + waitMs });
}
