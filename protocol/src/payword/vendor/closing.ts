// The end of a session at the vendor: a signed word for each of its deeds about what was spent, so that the broker can
// refund the rest of a ticket at once, or allot it to another site.
import type { Env } from '../../core/crypto.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import type { Stepped } from '../../core/method.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { signObject } from '../../core/sign.ts';
import type { PaywordKeys } from './keys.ts';
import { endOfRow, receiptOf } from './outcome.ts';
import { readRow, type SessionState, toRow } from './session.ts';
import { withoutLost } from './streams.ts';

/** Closing a closed session gives the same closings, but for their time. */
export function close(row: Json, keys: PaywordKeys, env: Env): { next: Json; closings: readonly JsonObject[] } {
  const state = withoutLost(readRow(row), env.nowMs);
  return { next: toRow({ ...state, state: 'final' }), closings: closingsOf(state, keys, env) };
}

/** As a step: the customer asks for it, also when it was idle or stopped. @throws {PaymentProblem} `session-final` */
export function closingOf(seen: SessionState, intent: string, keys: PaywordKeys, env: Env): Stepped {
  const state = withoutLost(seen, env.nowMs);
  if (state.state === 'final') throw new PaymentProblem('session-final', { members: { session: state.id } });
  if (intent !== 'session') throw new PaymentProblem('payload-invalid', { detail: 'action: a session is closed' });
  const { next, closings } = close(toRow(state), keys, env);
  return {
    next,
    undo: { a: -1, i: 0, takes: [] },
    untilMs: endOfRow(state),
    claims: [],
    deeds: [],
    reference: state.id,
    details: { ...receiptOf(state, intent), units: 0, final: true, closings },
  };
}

function closingsOf(state: SessionState, keys: PaywordKeys, env: Env): JsonObject[] {
  return state.deeds.map(({ id, spent }, d) => {
    const chains = state.chains.filter((chain) => chain.d === d);
    const unsigned = {
      typ: 'close/1',
      vnd: keys.vnd,
      session: id,
      last: chains.map(({ hi }, a) => ({ a, i: hi })),
      spent,
      at: Math.floor(env.nowMs / 1000),
    };
    return { ...unsigned, sig: signObject(unsigned, keys.seed, env.crypto) };
  });
}
