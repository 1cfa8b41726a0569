// Work that nobody waits for: what a dead worker left is finished, open payments are shown to their sites again, coins
// that are about to expire are renewed. One round at a time.
import { browser } from '../browser.ts';
import type { TabView } from '../view.ts';
import { check } from './delivery.ts';
import { problemOf, wallet } from './engine.ts';
import { takeUp } from './navigation.ts';
import { flying } from './rules.ts';
import { RECOVERY_ALARM, resolve, unwatch } from './settling.ts';
import { publish } from './snapshot.ts';
import { show, views } from './tabs.ts';

export const RENEWAL_ALARM = 'renew';
const RENEWAL_MINUTES = 360;
const DAY_MS = 86_400_000;

/** Joins the round that is running, if one is: two would send the same orders. */
function oneAtATime(round: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= round()
      .catch((error) => void problemOf(error))
      .finally(() => {
        running = undefined;
        publish();
      });
    return running;
  };
}

/** At start and every minute while something is open. */
export const recover = oneAtATime(async () => {
  const engine = await wallet;
  const { open } = await engine.recover();
  for (const payment of await engine.pending()) if (!flying.has(payment.id)) await resolve(payment);
  for (const { tabId, state } of views.values()) if (state === 'pending') await check(tabId);
  if (open === 0 && (await engine.pending()).length === 0) await unwatch();
});

/** Site coins live for a limited time: those in their last day are exchanged for new ones. */
export const renew = oneAtATime(async () => {
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
}

/** Pages that the last worker was paying when it died, by tab. */
const orphans = new Map<number, TabView>();

/** Before the first event is looked at. */
export function findOrphans(): void {
  for (const view of views.values()) if (view.state === 'paying') orphans.set(view.tabId, view);
}

export async function mendAll(): Promise<void> {
  await recover();
  for (const tabId of [...orphans.keys()]) await mend(tabId);
}

/** A document stands in the tab of an orphan: now it can be seen how far the payment came. */
export async function stands(tabId: number): Promise<void> {
  if (!orphans.has(tabId)) return;
  await recover();
  await mend(tabId);
}

async function mend(tabId: number): Promise<void> {
  const orphan = orphans.get(tabId);
  const tab = await browser.tabs.get(tabId).catch(() => undefined);
  if (!orphan || tab?.status === 'loading') return; // its document will stand soon
  const status = tab && (await statusOf(tabId));
  const record = orphan.paymentId === undefined ? undefined : await (await wallet).record(orphan.paymentId);
  const same = views.get(String(tabId))?.atMs === orphan.atMs;
  if (!orphans.delete(tabId) || !same) return; // somebody else has got there
  if (status === 402) return takeUp(tabId);
  const { url, tabId: _, origin: __, atMs: ___, ...facts } = orphan;
  const there = status !== undefined && status < 400;
  if (!record) show(tabId, url, { state: 'idle' });
  else if (record.state === 'pending') show(tabId, url, { ...facts, state: 'pending' });
  else if (record.state === 'failed_not_charged') show(tabId, url, { ...facts, state: 'failed' });
  else show(tabId, url, { ...facts, state: there ? 'paid' : 'undelivered' });
}

/** What the site answered to the document that stands in the tab; `undefined` for an error page and a download. */
async function statusOf(tabId: number): Promise<number | undefined> {
  const [found] = await browser.scripting
    .executeScript({
      target: { tabId },
      func: () => {
        const [entry] = performance.getEntriesByType('navigation');
        return entry && 'responseStatus' in entry ? entry.responseStatus : undefined;
      },
    })
    .catch(() => []);
  return typeof found?.result === 'number' ? found.result : undefined;
}
