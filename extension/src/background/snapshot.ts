// Keeps the snapshot that the pages paint from, a moment behind the wallet.
import { browser } from '../browser.ts';
import { pack } from '../codec.ts';
import type { Snapshot } from '../view.ts';
import { waiting } from './approvals.ts';
import { config, problemOf, wallet } from './engine.ts';
import { views } from './tabs.ts';

const SNAPSHOT = 'snapshot';
/** A pause ends by itself; the icon has to notice. */
export const PUBLISH_ALARM = 'publish';
const PAUSE_MS = 40;
let due = false;
let greyed: boolean | undefined;

/** Many changes in a burst make one write. */
export function publish(): void {
  if (due) return;
  due = true;
  setTimeout(() => {
    due = false;
    void write();
  }, PAUSE_MS);
}

export async function write(): Promise<Snapshot> {
  const snapshot = await build();
  await browser.storage.session.set({ [SNAPSHOT]: pack(snapshot) });
  await grey(snapshot.budget?.pausedUntilMs !== undefined);
  return snapshot;
}

async function build(): Promise<Snapshot> {
  await views.ready;
  const tabs = Object.fromEntries(views.entries());
  const start = { version: 1, config: await config, tabs, waiting: waiting().length } as const;
  try {
    const engine = await wallet;
    if (engine.accountId() === undefined) return { ...start, ready: false, sites: {} };
    const [balance, budget, rules] = await Promise.all([engine.balance(), engine.budget(), engine.siteRules()]);
    const here = new Set(views.values().map(({ origin }) => origin));
    const sites = Object.fromEntries(rules.filter(({ origin }) => here.has(origin)).map((rule) => [rule.origin, rule]));
    return { ...start, ready: balance.brokers.length > 0, balance, budget, sites };
  } catch (error) {
    problemOf(error);
    return { ...start, ready: false, sites: {} };
  }
}

async function grey(paused: boolean): Promise<void> {
  if (paused === greyed) return;
  greyed = paused;
  const kind = paused ? 'icons/paused-' : 'icons/';
  await browser.action.setIcon({ path: { 16: `${kind}16.png`, 32: `${kind}32.png` } });
}
