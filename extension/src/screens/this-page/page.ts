// Which page the popup stands over, and what is known about it.
import { browser } from '../../browser.ts';
import { tabBelow } from '../../ui/below.ts';
import { snapshot } from '../../ui/client.ts';
import type { Snapshot } from '../../view.ts';
import type { Facts } from './card.ts';

export type Page = { readonly tabId: number; readonly url?: string; readonly title?: string; readonly access: boolean };

/** The tab that the popup stands over; in a tab of its own, the one that last had something to do with money. */
export async function currentPage(): Promise<Page> {
  const given = Number(new URLSearchParams(location.search).get('tab') ?? Number.NaN);
  const below = await tabBelow();
  const newest = Object.values(snapshot.value.tabs).sort((a, b) => b.atMs - a.atMs)[0]?.tabId;
  const tabId = Number.isInteger(given) ? given : below ? below.id : newest;
  const tab = tabId === undefined ? undefined : await browser.tabs.get(tabId).catch(() => undefined);
  const url = tab?.url ?? below?.url;
  const access =
    url !== undefined &&
    /^https?:/.test(url) &&
    (await browser.permissions.contains({ origins: [`${new URL(url).origin}/*`] }));
  return {
    tabId: tabId ?? -1,
    access,
    ...(url === undefined ? {} : { url }),
    ...(tab?.title === undefined ? {} : { title: tab.title }),
  };
}

export function factsOf(page: Page, { tabs, sites, budget, password }: Snapshot): Facts {
  const view = tabs[String(page.tabId)];
  const mode = page.url !== undefined && /^https?:/.test(page.url) ? sites[new URL(page.url).origin]?.mode : undefined;
  return {
    access: page.access,
    locked: view?.reason === 'wallet-locked' && password?.locked !== false,
    pausedUntilMs: budget?.pausedUntilMs,
    ...(page.url === undefined ? {} : { url: page.url }),
    ...(mode === undefined ? {} : { mode }),
    ...(view === undefined ? {} : { view }),
  };
}

export const siteOf = ({ url }: Pick<Page, 'url'>): string | undefined =>
  url !== undefined && /^https?:/.test(url) ? new URL(url).origin : undefined;
