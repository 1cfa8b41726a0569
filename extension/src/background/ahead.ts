// What can be paid on the first request: where a site's fresh challenge, or the opening one of a session, also holds.
import { type Challenge, expiresAtMs, readOpaque } from '@farthing/protocol';
import type { Ahead } from '../pattern.ts';
import { SessionMap } from './session.ts';

type Known = Ahead & { readonly untilMs: number };
const MOST_PER_SITE = 16;

export const ahead = new SessionMap<readonly Known[]>('ahead', 100);

/** Remembers where else these challenges of `url` hold: those that came with a paid answer, or the one that opens a session. */
export function learn(url: string, method: string, challenges: readonly Challenge[]): void {
  const { origin } = new URL(url);
  const now = Date.now();
  let known = (ahead.get(origin) ?? []).filter(({ untilMs }) => untilMs > now);
  for (const challenge of challenges) {
    const pattern = readOpaque(challenge)['p'];
    const untilMs = expiresAtMs(challenge);
    if (pattern === undefined || untilMs === undefined || !/^\/[\x21-\x7e]*$/.test(pattern)) continue;
    const session = challenge.intent === 'session';
    const entry = { pattern, method, session, untilMs };
    known = [...known.filter((other) => !isSame(other, entry)), entry].slice(-MOST_PER_SITE);
  }
  if (known.length > 0) ahead.set(origin, known);
}

const isSame = (a: Ahead, b: Ahead) => a.pattern === b.pattern && a.method === b.method && a.session === b.session;

export function aheadOf(origin: string): Ahead[] {
  const now = Date.now();
  return (ahead.get(origin) ?? [])
    .filter(({ untilMs }) => untilMs > now)
    .map(({ pattern, method, session }) => ({ pattern, method, session }));
}
