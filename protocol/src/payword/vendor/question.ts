// The question that a vendor asks of the broker when polling falls due: has this customer overspent elsewhere?
import type { Question } from '../../core/method.ts';
import type { SessionState } from './session.ts';

/** Of the oldest deed on credit; prepaid money has no such risk. */
export function questionOf(state: SessionState, about: { vnd: string; amount: bigint }): Question | undefined {
  const sub = state.deeds.find((deed) => deed.sub !== undefined)?.sub;
  if (sub === undefined) return undefined;
  const members = { vnd: about.vnd, sub, cur: state.cur, amount: about.amount.toString() };
  return { brk: state.brk, party: sub, path: '/v1/payword/poll', typ: 'payword-poll/1', members };
}
