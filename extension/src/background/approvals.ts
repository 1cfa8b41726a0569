// Payments that wait for a person. An approval belongs to one document of one tab and dies with it.
import type { ProblemCode } from '@farthing/protocol';
import type { Ask, Offer } from '@farthing/wallet';
import { browser } from '../browser.ts';
import type { ApprovalView } from '../view.ts';
import { config, wallet } from './engine.ts';
import { SessionMap } from './session.ts';

export type Approval = {
  readonly id: string;
  readonly tabId: number;
  /** Address of the document that asks, which may differ from what a script in it fetches. */
  readonly page: string;
  readonly ask: Ask;
  readonly offer: Offer;
  readonly reason: ProblemCode;
  readonly kind: 'navigation' | 'fetch';
};
export type Answer = 'approved' | 'declined' | 'void';
type Listener = (entry: Approval) => void;

const approvals = new SessionMap<Approval>('approvals', 20);
const declined = new SessionMap<number>('declined', 100);
/** Yes was said and its credential is on its way: a yes that is sent again is no second one. */
const approved = new SessionMap<number>('approved', 50);
const waiters = new Map<string, (answer: Answer) => void>();
const windows = new Map<number, string>();
const seen = new Set<string>();
let declinedListener: Listener = () => undefined;
const DECLINED_MS = 600_000;
const REPORT_MS = 700;
const SIZE = { width: 400, height: 640 };

export const approvalsReady = Promise.all([approvals.ready, declined.ready, approved.ready]).then(() => {
  // The script that asked is no longer answered: it asked a worker that has died.
  for (const { id, kind } of approvals.values()) if (kind === 'fetch') approvals.delete(id);
});
export const waiting = () => approvals.values().filter(({ offer }) => offer.expiresAtMs > Date.now());
export const wasDeclined = (what: string) => (declined.get(what) ?? 0) > Date.now();
/** Not now: nobody is asked of it for a while. */
export const decline = (what: string) => declined.set(what, Date.now() + DECLINED_MS);
/** Not now to one script is Not now to all of its page. */
export const scriptsOf = (page: string) => `scripts ${page}`;
export const approval = (id: string) => approvals.get(id);
export const wasApproved = (id: string) => approved.get(id) !== undefined;
export const openOf = (tabId: number) =>
  waiting().find((entry) => entry.tabId === tabId && entry.kind === 'navigation');
export const onDeclined = (listener: Listener) => {
  declinedListener = listener;
};

/** Puts the question where the person looks, if this tab is in front; else it waits for the tab. */
export function open(entry: Approval, answered?: (answer: Answer) => void): void {
  for (const old of approvals.values())
    if (old.tabId === entry.tabId && old.kind === 'navigation' && entry.kind === 'navigation') close(old.id, 'void');
  approvals.set(entry.id, entry);
  if (answered) waiters.set(entry.id, answered);
  void present(entry);
}

export function close(id: string, answer: Answer): Approval | undefined {
  const entry = approvals.get(id);
  if (!entry) return undefined;
  approvals.delete(id);
  seen.delete(id);
  if (answer === 'approved') approved.set(id, Date.now());
  if (answer === 'declined') {
    decline(entry.kind === 'fetch' ? scriptsOf(entry.page) : entry.ask.url);
    declinedListener(entry);
  }
  void browser.action.setPopup({ tabId: entry.tabId, popup: 'popup.html' }).catch(() => undefined);
  waiters.get(id)?.(answer);
  waiters.delete(id);
  if (answer === 'void') {
    for (const [windowId, shown] of windows)
      if (shown === id) void browser.windows.remove(windowId).catch(() => undefined);
  }
  return entry;
}

/** The tab shows another document, or is closed: nothing that it asked may be approved any more. */
export function voidOf(tabId: number, exceptPage?: string): void {
  for (const entry of approvals.values())
    if (entry.tabId === tabId && entry.page.split('#', 1)[0] !== exceptPage?.split('#', 1)[0]) close(entry.id, 'void');
}

export async function view(id: string): Promise<ApprovalView | undefined> {
  await approvalsReady;
  seen.add(id);
  const entry = approvals.get(id);
  if (!entry) return undefined;
  const { tabId, ask, offer, reason } = entry;
  const title = await browser.tabs.get(tabId).then(
    (tab) => tab.title,
    () => undefined,
  );
  const { mode, perPageMicro, perDayMicro, changedAtMs } = await (await wallet).rule(ask.site);
  return {
    id,
    tabId,
    url: ask.url,
    site: ask.site,
    reason,
    offer,
    waiting: waiting().length,
    ...(changedAtMs === 0 ? {} : { rule: { mode, perPageMicro, perDayMicro } }),
    ...(title === undefined ? {} : { title: title.slice(0, 200) }),
  };
}

async function present(entry: Approval): Promise<void> {
  const { surface } = await config;
  try {
    await browser.action.setPopup({ tabId: entry.tabId, popup: page(entry) });
    const tab = await browser.tabs.get(entry.tabId);
    if (!tab.active) return;
    if (surface === 'popup' && (await opensPopup(entry.id, tab.windowId))) return;
    if (approvals.get(entry.id)) await openWindow(entry, tab.windowId);
  } catch {
    // A question that comes up after its tab was closed is nobody's: the next one in turn would wait behind it.
    const isGone = await browser.tabs.get(entry.tabId).then(
      () => false,
      () => true,
    );
    if (isGone) close(entry.id, 'void');
  }
}

const page = ({ id }: { id: string }) => `approve.html?id=${encodeURIComponent(id)}`;

/** The popup must report itself: a browser may say yes and show nothing. */
async function opensPopup(id: string, windowId: number | undefined): Promise<boolean> {
  try {
    await browser.action.openPopup(windowId === undefined ? {} : { windowId });
  } catch {
    return false;
  }
  for (let waitedMs = 0; waitedMs < REPORT_MS; waitedMs += 50) {
    if (seen.has(id) || !approvals.get(id)) return true;
    await new Promise((done) => setTimeout(done, 50));
  }
  return false;
}

async function openWindow(entry: Approval, over: number | undefined): Promise<void> {
  const [open] = windows.keys();
  if (open !== undefined) {
    await browser.windows.update(open, { focused: true }).catch(() => windows.delete(open));
    if (windows.has(open)) return; // it lists what waits, one after the other
  }
  const behind = over === undefined ? undefined : await browser.windows.get(over).catch(() => undefined);
  const place =
    behind?.left === undefined || behind.top === undefined
      ? {}
      : {
          left: Math.max(0, Math.round(behind.left + ((behind.width ?? SIZE.width) - SIZE.width) / 2)),
          top: Math.max(0, behind.top + 80),
        };
  const made = await browser.windows.create({ url: page(entry), type: 'popup', ...SIZE, ...place });
  if (made.id !== undefined) windows.set(made.id, entry.id);
}

/** Listeners that the worker needs in its first turn. */
export function watchSurfaces(): void {
  browser.windows.onRemoved.addListener((windowId) => {
    if (!windows.delete(windowId)) return;
    // One window shows one question after the other. Closing it is Not now, never Never.
    for (const id of [...seen]) close(id, 'declined');
  });
  browser.tabs.onActivated.addListener(({ tabId }) => {
    void approvalsReady.then(() => {
      const entry = approvals.values().find((open) => open.tabId === tabId);
      if (entry && !seen.has(entry.id)) void present(entry);
    });
  });
}
