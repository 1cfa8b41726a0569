// What our screens stand over: as a popup, the tab in front; in a tab of their own, nothing.
import { browser, type Tabs } from '../browser.ts';

/**
 * The tab under the popup, or `undefined` for screens that fill a tab of their own. Its address cannot tell the two apart:
 * without the permission `tabs`, some versions of Chromium keep the addresses of the wallet's own pages from the wallet too.
 */
export async function tabBelow(): Promise<Tabs.Tab | undefined> {
  if ((await browser.tabs.getCurrent()) !== undefined) return undefined;
  const [front] = await browser.tabs.query({ active: true, currentWindow: true });
  return front;
}
