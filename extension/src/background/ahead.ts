// Paths that can be paid on the first request: where a site's fresh challenge says that its offer also holds.
import { expiresAtMs, readChallenges, readOpaque } from '@farthing/protocol';
import { SessionMap } from './session.ts';

type Ahead = { readonly pattern: string; readonly untilMs: number };
const MOST_PER_SITE = 16;

export const ahead = new SessionMap<readonly Ahead[]>('ahead', 100);

/** Remembers the patterns of challenges that came with a paid answer; `url` is where they came from. */
export function learn(url: string, lines: readonly string[]): void {
  const { origin } = new URL(url);
  const now = Date.now();
  let known = (ahead.get(origin) ?? []).filter(({ untilMs }) => untilMs > now);
  for (const challenge of readChallenges(lines)) {
    const pattern = readOpaque(challenge)['p'];
    const untilMs = expiresAtMs(challenge);
    if (pattern === undefined || untilMs === undefined || !/^\/[\x21-\x7e]*$/.test(pattern)) continue;
    known = [...known.filter((entry) => entry.pattern !== pattern), { pattern, untilMs }].slice(-MOST_PER_SITE);
  }
  if (known.length > 0) ahead.set(origin, known);
}

export function patternsOf(origin: string): string[] {
  const now = Date.now();
  return (ahead.get(origin) ?? []).filter(({ untilMs }) => untilMs > now).map(({ pattern }) => pattern);
}
