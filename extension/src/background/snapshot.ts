// Keeps the snapshot that the pages paint from, a moment behind the wallet.
import { browser } from '../browser.ts';
import { pack } from '../codec.ts';
import { sessionArea } from '../session-area.ts';
import type { Snapshot, TabView } from '../view.ts';
import { waiting } from './approvals.ts';
import { newestSearch, searchReady } from './coin-search.ts';
import { config, problemOf, wallet } from './engine.ts';
import { views } from './tabs.ts';

const SNAPSHOT = 'snapshot';
/** A pause ends by itself; the icon has to notice. */
export const PUBLISH_ALARM = 'publish';
const PAUSE_MS = 40;
let due = false;
let greyed: boolean | undefined;
const icons = new Map<number, string>();
const MOST_ICONS = 200;

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
  await sessionArea.set({ [SNAPSHOT]: pack(snapshot) });
  await grey(snapshot.budget?.pausedUntilMs !== undefined);
  await Promise.all(Object.values(snapshot.tabs).map((view) => greyTab(view, snapshot)));
  return snapshot;
}

async function build(): Promise<Snapshot> {
  await Promise.all([views.ready, searchReady]);
  const search = newestSearch();
  const tabs = Object.fromEntries(views.entries());
  const start = {
    version: 1,
    config: await config,
    tabs,
    waiting: waiting().length,
    ...(search === undefined ? {} : { search }),
  } as const;
  try {
    const engine = await wallet;
    if (engine.accountId() === undefined) return { ...start, ready: false, sites: {} };
    const [balance, budget, rules] = await Promise.all([engine.balance(), engine.budget(), engine.siteRules()]);
    const here = new Set(views.values().map(({ origin }) => origin));
    const sites = Object.fromEntries(rules.filter(({ origin }) => here.has(origin)).map((rule) => [rule.origin, rule]));
    return { ...start, ready: balance.brokers.length > 0, balance, budget, sites, password: engine.password.state() };
  } catch (error) {
    problemOf(error);
    return { ...start, ready: false, sites: {} };
  }
}

async function grey(paused: boolean): Promise<void> {
  if (paused === greyed) return;
  greyed = paused;
  await browser.action.setIcon({ path: iconOf(paused) });
}

/** Grey where nothing is paid: the site is off, or everything is. A tab's icon is forgotten when it shows another page. */
async function greyTab({ tabId, origin, atMs }: TabView, { sites, budget }: Snapshot): Promise<void> {
  const off = sites[origin]?.mode === 'never' || budget?.pausedUntilMs !== undefined;
  const shown = `${atMs} ${off}`;
  if (icons.get(tabId) === shown) return;
  if (icons.size > MOST_ICONS) icons.clear();
  icons.set(tabId, shown);
  await browser.action.setIcon({ tabId, path: iconOf(off) }).catch(() => undefined); // the tab may be gone
}

const iconOf = (grey: boolean) => {
  const kind = grey ? 'icons/paused-' : 'icons/';
  return { 16: `${kind}16.png`, 32: `${kind}32.png` };
};
