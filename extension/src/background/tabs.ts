// One view per tab: the newest document and what happened to its payment. The toolbar badge follows it.
import type { TabView } from '../view.ts';
import { clearBadge, setBadge } from './badge.ts';
import { SessionMap } from './session.ts';

export const views = new SessionMap<TabView>('tabs', 50);
const listeners = new Set<() => void>();
export const onViewChange = (listener: () => void) => void listeners.add(listener);

export const sameDocument = (a: string, b: string) => a.split('#', 1)[0] === b.split('#', 1)[0];

export type ViewChange = Omit<TabView, 'tabId' | 'url' | 'origin' | 'atMs'>;

export function show(tabId: number, url: string, change: ViewChange): void {
  if (tabId < 0) return;
  const view = { tabId, url, origin: new URL(url).origin, atMs: Date.now(), ...change };
  views.set(String(tabId), view);
  badge(view);
  for (const listener of listeners) listener();
}

/** A document arrived that asked nothing, so what was said about the last one no longer holds. */
export function arrived(tabId: number, url: string): void {
  const view = views.get(String(tabId));
  if (view && sameDocument(view.url, url)) return;
  if (/^https?:/.test(url)) show(tabId, url, { state: 'idle' });
  else gone(tabId);
}

export function gone(tabId: number): void {
  if (!views.delete(String(tabId))) return;
  for (const listener of listeners) listener();
}

const CHECK_MS = 4000;

function badge(view: TabView): void {
  void setBadge(view);
  if (view.state !== 'paid') return;
  setTimeout(() => {
    if (views.get(String(view.tabId))?.state === 'paid') void clearBadge(view.tabId);
  }, CHECK_MS);
}
