// Which document of which tab asks for money: one a tab, the newest 402 supersedes. A visit belongs to this worker's
// life; what was asked is kept beside it, so that the next worker can take the same document up again.
import type { Ask } from '@farthing/wallet';
import { SessionMap } from './session.ts';

/** A document that answered 402. `settled` resolves when it stands in the tab, so that a reload reloads it. */
export type Visit = {
  readonly ask: Ask;
  readonly tabId: number;
  readonly settled: Promise<void>;
  readonly arrive: () => void;
  /** Whether a reload follows without a question: then nobody needs to see the 402 page. */
  readonly decided: Promise<boolean>;
  readonly decide: (paying: boolean) => void;
};

const visits = new Map<number, Visit>();
const asks = new SessionMap<Ask>('asks', 50);
export const visitsReady = asks.ready;
/** What the last worker was asked, by tab. */
export const leftOver = () => asks.entries().map(([tabId, ask]) => [Number(tabId), ask] as const);

export function begin(tabId: number, ask: Ask): Visit {
  const { promise: settled, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: decided, resolve: decide } = Promise.withResolvers<boolean>();
  const made = { ask, tabId, settled, arrive, decided, decide };
  visits.set(tabId, made);
  asks.set(String(tabId), ask);
  return made;
}

/** The visit of a tab. One of a worker that has died is taken up: its document stands, or the tab is gone. */
export function visitOf(tabId: number): Visit | undefined {
  const here = visits.get(tabId);
  const ask = asks.get(String(tabId));
  if (here || !ask) return here;
  const taken = begin(tabId, ask);
  taken.arrive();
  taken.decide(false);
  return taken;
}

/** True when this worker itself saw the 402, or has taken it up. */
export const isLive = (tabId: number) => visits.has(tabId);
export const isCurrent = (one: Visit) => visits.get(one.tabId) === one;

export function end(tabId: number): void {
  visits.get(tabId)?.arrive();
  visits.delete(tabId);
  asks.delete(String(tabId));
}

const attempts = new Map<string, { count: number; sinceMs: number }>();
const ATTEMPTS = 3;
const ATTEMPT_WINDOW_MS = 20_000;
const key = (tabId: number, url: string) => `${tabId} ${url}`;

/** A site that answers 402 for ever is paid no more than this often. */
export function mayTry(tabId: number, url: string): boolean {
  const now = Date.now();
  for (const [name, { sinceMs }] of attempts) if (sinceMs + ATTEMPT_WINDOW_MS < now) attempts.delete(name);
  const known = attempts.get(key(tabId, url)) ?? { count: 0, sinceMs: now };
  attempts.set(key(tabId, url), { ...known, count: known.count + 1 });
  return known.count < ATTEMPTS;
}

export const succeeded = (tabId: number, url: string) => void attempts.delete(key(tabId, url));
