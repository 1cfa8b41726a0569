// Streams on a session's row: which are running, and what each took and has not yet delivered. That counts as spent, but is
// claimed only when it was delivered: a stream that is cut, or whose process died, costs the customer nothing more.
import { limits } from '../../core/limits.ts';
import type { StreamProgress } from '../../core/method.ts';
import { add, type SessionState, type StreamState, type Take } from './session.ts';

/**
 * Without the streams that were not heard of for their time: what they took is free again, and stays so if one of them
 * should speak after all.
 */
export function withoutLost(state: SessionState, nowMs: number): SessionState {
  const { streams = [] } = state;
  const lost = streams.filter(({ untilMs }) => untilMs < nowMs);
  if (lost.length === 0) return state;
  const running = streams.filter((stream) => !lost.includes(stream));
  return withStreams(add(state, lost.flatMap(takesOf), -1n), running);
}

/** Takes one stream off the row. `sent`: what it delivered since it spoke last; `held`: what it took and did not deliver. */
export function lift(state: SessionState, { id, done }: StreamProgress) {
  const { streams = [] } = state;
  const mine = streams.find((stream) => stream.id === id);
  const others = streams.filter((stream) => stream !== mine);
  const sent: Take[] = [];
  const held: Take[] = [];
  let left = BigInt(Math.max(0, Math.floor(done))) * BigInt(mine?.price ?? '0');
  for (const { d, amount } of mine ? takesOf(mine) : []) {
    const part = amount < left ? amount : left;
    if (part > 0n) sent.push({ d, amount: part });
    if (amount > part) held.push({ d, amount: amount - part });
    left -= part;
  }
  return { state: withStreams(state, others), sent, held };
}

export function put(
  state: SessionState,
  { id, price, takes, nowMs }: { id: string; price: bigint; takes: readonly Take[]; nowMs: number },
): SessionState {
  const stream: StreamState = {
    id,
    price: price.toString(),
    takes: takes.map(({ d, amount }) => [d, amount.toString()]),
    untilMs: nowMs + limits.streamLeaseMs,
  };
  return withStreams(state, [...(state.streams ?? []), stream]);
}

const takesOf = ({ takes }: StreamState): Take[] => takes.map(([d, amount]) => ({ d, amount: BigInt(amount) }));

function withStreams({ streams: _, ...state }: SessionState, streams: readonly StreamState[]): SessionState {
  return streams.length === 0 ? state : { ...state, streams };
}
