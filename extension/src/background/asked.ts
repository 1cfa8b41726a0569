// The 402s that pages' own requests were answered with, as this worker saw them: nothing else is ever paid for a script.
import type { Ask } from '@farthing/wallet';
import { askOf, type HeadersSeen } from './observe.ts';
import { sameDocument } from './tabs.ts';

/** The page whose script asks, as the browser names it. */
export type Page = { readonly tabId: number; readonly url: string; readonly origin: string };
type Seen = { readonly ask: Ask; readonly tabId: number; readonly atMs: number };

const seen: Seen[] = [];
const arrivals = new Set<() => void>();
const MOST = 500;
const SEEN_MS = 30_000;
const ARRIVE_MS = 1_500;

/** Notes a 402. An answer that the page could not read is not worth paying: CORS would drop the paid one as well. */
export function fetchAsks(answer: HeadersSeen): void {
  if (answer.speculative || answer.crossed || answer.initiator === undefined) return;
  const own = new URL(answer.url).origin === answer.initiator;
  const readable = answer.allowOrigin === '*' || answer.allowOrigin === answer.initiator;
  if (!own && !readable) return;
  seen.push({ ask: askOf(answer, answer.initiator), tabId: answer.tabId, atMs: Date.now() });
  if (seen.length > MOST) seen.shift();
  wake();
}

/** The 402 of this request. The browser may tell the page a moment before it tells us. */
export function take(
  page: Page,
  request: { url: string; method: string },
  withinMs = ARRIVE_MS,
): Promise<Ask | undefined> {
  return arrival(() => {
    const now = Date.now();
    while (seen[0] && seen[0].atMs + SEEN_MS < now) seen.shift();
    const at = seen.findIndex(
      ({ ask, tabId }) =>
        (tabId === page.tabId || tabId === -1) &&
        ask.site === page.origin &&
        ask.method === request.method &&
        sameDocument(ask.url, request.url),
    );
    return at < 0 ? undefined : seen.splice(at, 1)[0]?.ask;
  }, withinMs);
}

/** Something came that somebody may wait for. */
export function wake(): void {
  for (const look of [...arrivals]) look();
}

/** Looks now, and again whenever something came, until it finds something. */
export async function arrival<Found>(find: () => Found | undefined, withinMs = ARRIVE_MS): Promise<Found | undefined> {
  const { promise, resolve } = Promise.withResolvers<Found | undefined>();
  const look = () => {
    const found = find();
    if (found === undefined) return;
    arrivals.delete(look);
    resolve(found);
  };
  arrivals.add(look);
  const late = setTimeout(() => resolve(undefined), withinMs);
  look();
  return promise.finally(() => {
    arrivals.delete(look);
    clearTimeout(late);
  });
}
