// Work that nobody waits for: what a dead worker left is finished, open payments are shown to their sites again, coins
// that are about to expire are renewed. One round at a time.
import type { Ask, PaymentState } from '@farthing/wallet';
import { browser, isPrivate } from '../browser.ts';
import type { TabState, TabView } from '../view.ts';
import { takeUpSearch } from './coin-search.ts';
import { check } from './delivery.ts';
import { problemOf, wallet } from './engine.ts';
import { takeUp } from './navigation.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { KEEPER_ALARM, lookAfterPocket } from './pocket/keeper.ts';
import { ALIVE_ALARM, stillHere } from './pocket/private.ts';
import { isFlying } from './rules.ts';
import { RECOVERY_ALARM, resolve, unwatch } from './settling.ts';
import { publish } from './snapshot.ts';
import { AWAKE_ALARM } from './stay-awake.ts';
import { isMetered, takeUp as takeUpStreams } from './streams.ts';
import { sameDocument, show, views } from './tabs.ts';
import { leftOver } from './visits.ts';

export const RENEWAL_ALARM = 'renew';
const RENEWAL_MINUTES = 360;
const DAY_MS = 86_400_000;

/** A round in the background: what stops it is written down, and tried again with the next one. */
const inBackground = (round: () => Promise<void>) =>
  oneAtATime(() =>
    round()
      .catch((error) => void problemOf(error))
      .finally(publish),
  );

/** At start and every minute while something is open. */
export const recover = inBackground(async () => {
  const engine = await wallet;
  const { open } = await engine.recover();
  for (const payment of await engine.pending())
    if (!isFlying(payment.id) && !isMetered(payment.id)) await resolve(payment);
  for (const { tabId, state } of views.values()) if (state === 'pending') await check(tabId);
  if (open === 0 && (await engine.pending()).length === 0) await unwatch();
});

/** Site coins live for a limited time: those in their last day are exchanged for new ones. */
export const renew = inBackground(async () => {
  const engine = await wallet;
  if (engine.accountId() !== undefined) await engine.renewExpiring(DAY_MS);
});

export async function scheduleRenewal(): Promise<void> {
  if (await browser.alarms.get(RENEWAL_ALARM)) return;
  await browser.alarms.create(RENEWAL_ALARM, { delayInMinutes: 5, periodInMinutes: RENEWAL_MINUTES });
}

export function tend(alarm: string): void {
  if (alarm === RECOVERY_ALARM) void recover();
  if (alarm === RENEWAL_ALARM) void renew();
  if (alarm === ALIVE_ALARM && isPrivate) void stillHere().catch(problemOf);
  if (alarm === KEEPER_ALARM && !isPrivate) void lookAfterPocket().catch(problemOf);
  if (alarm === AWAKE_ALARM) void takeUpStreams().catch(problemOf);
}

/** Pages that asked the last worker for money, and of which it had not said how that ended; by tab. */
const orphans = new Map<number, { readonly ask: Ask; readonly view: TabView | undefined }>();

/** Before the first event is looked at. */
export function findOrphans(): void {
  for (const [tabId, ask] of leftOver()) {
    const view = views.get(String(tabId));
    const open = !view || !sameDocument(view.url, ask.url) || view.state === 'paying' || view.state === 'idle';
    if (open) orphans.set(tabId, { ask, view });
  }
}

export async function mendAll(): Promise<void> {
  await takeUpStreams();
  await takeUpSearch().catch(problemOf);
  await recover();
  for (const tabId of [...orphans.keys()]) {
    const tab = await browser.tabs.get(tabId).catch(() => undefined);
    if (tab?.status !== 'loading') await mend(tabId);
  }
}

/** The tab of an orphan has loaded: now it can be seen how far the payment came. */
export async function loaded(tabId: number): Promise<void> {
  if (!orphans.has(tabId)) return;
  await recover();
  await mend(tabId);
}

async function mend(tabId: number): Promise<void> {
  const orphan = orphans.get(tabId);
  if (!orphan) return;
  const { ask, view } = orphan;
  const status = await statusOf(tabId);
  const id = view?.paymentId;
  const record = id === undefined ? undefined : await (await wallet).record(id);
  const untouched = views.get(String(tabId))?.atMs === view?.atMs;
  if (!orphans.delete(tabId) || !untouched) return; // somebody else has got there
  if (status === 402) return takeUp(tabId);
  if (view?.state !== 'paying') return;
  const { tabId: _, url: __, origin: ___, atMs: ____, ...facts } = view;
  show(tabId, ask.url, { ...facts, state: record ? ended(record.state, status) : 'idle' });
}

function ended(state: PaymentState, status: number | undefined): TabState {
  if (state === 'pending') return 'pending';
  if (state === 'failed_not_charged') return 'failed';
  return status !== undefined && status < 400 ? 'paid' : 'undelivered';
}

/** What the site answered to the document that stands in the tab; `undefined` for an error page and a download. */
async function statusOf(tabId: number): Promise<number | undefined> {
  const [found] = await browser.scripting
    .executeScript({
      target: { tabId },
      injectImmediately: true,
      func: () => {
        const [entry] = performance.getEntriesByType('navigation');
        return entry && 'responseStatus' in entry ? entry.responseStatus : undefined;
      },
    })
    .catch(() => []);
  return typeof found?.result === 'number' ? found.result : undefined;
}
