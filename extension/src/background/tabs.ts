// One view per tab: the newest document and what happened to its payment. The toolbar badge follows it.
import { browser } from '../browser.ts';
import type { TabState, TabView } from '../view.ts';
import { SessionMap } from './session.ts';

export const views = new SessionMap<TabView>('tabs', 50);
const listeners = new Set<() => void>();
export const onViewChange = (listener: () => void) => void listeners.add(listener);

export const sameDocument = (a: string, b: string) => a.split('#', 1)[0] === b.split('#', 1)[0];

export type ViewChange = Omit<TabView, 'tabId' | 'url' | 'origin' | 'atMs'>;

export function show(tabId: number, url: string, change: ViewChange): void {
  if (tabId < 0) return;
  views.set(String(tabId), { tabId, url, origin: new URL(url).origin, atMs: Date.now(), ...change });
  badge(tabId, change.state);
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

const BADGES: Record<TabState, { text: string; color: string }> = {
  idle: { text: '', color: '#566070' },
  paying: { text: '…', color: '#0b6b53' },
  asking: { text: '!', color: '#8a5300' },
  paid: { text: '✓', color: '#1a6b3a' },
  failed: { text: '!', color: '#b3261e' },
  pending: { text: '…', color: '#8a5300' },
  undelivered: { text: '!', color: '#b3261e' },
  refused: { text: '!', color: '#8a5300' },
  declined: { text: '', color: '#566070' },
};
const CHECK_MS = 4000;

function badge(tabId: number, state: TabState): void {
  const { text, color } = BADGES[state];
  const set = (value: string) => browser.action.setBadgeText({ tabId, text: value }).catch(() => undefined); // the tab may be gone
  void set(text);
  if (text === '') return;
  void browser.action.setBadgeBackgroundColor({ tabId, color }).catch(() => undefined);
  void browser.action.setBadgeTextColor({ tabId, color: '#ffffff' }).catch(() => undefined);
  if (state === 'paid')
    setTimeout(() => {
      if (views.get(String(tabId))?.state === 'paid') void set('');
    }, CHECK_MS);
}
