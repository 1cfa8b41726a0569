// Private windows: the person has let the extension into them, and the debugger sees their pages like any other.
import type { Page } from 'playwright-core';
import { EXTENSION_ID, type Visit } from './browser.ts';

type Developer = {
  updateProfileConfiguration(change: { inDeveloperMode: boolean }): Promise<void>;
  updateExtensionConfiguration(change: { extensionId: string; incognitoAccess: boolean }): Promise<void>;
};
type Chrome = {
  developerPrivate: Developer;
  windows: { create(options: { incognito: true; url: string }): Promise<unknown> };
};

/** As with the switch "Allow in Incognito". The browser loads the extension anew. */
export async function allowPrivate({ context }: Visit): Promise<void> {
  const settings = await context.newPage();
  await settings.goto('chrome://extensions/');
  const loaded = context.waitForEvent('serviceworker');
  await settings.evaluate(async (extensionId) => {
    const { developerPrivate } = (globalThis as unknown as { chrome: Chrome }).chrome;
    // Without it the browser would not load an unpacked extension again.
    await developerPrivate.updateProfileConfiguration({ inDeveloperMode: true });
    await developerPrivate.updateExtensionConfiguration({ extensionId, incognitoAccess: true });
  }, EXTENSION_ID);
  await loaded;
  await settings.close();
}

/** A private window at this address, opened by a page of the extension. */
export async function openPrivately({ context }: Visit, from: Page, url: string): Promise<Page> {
  const opened = context.waitForEvent('page', { predicate: (page) => page.url() === url, timeout: 20_000 });
  await from.evaluate(
    (address) => (globalThis as unknown as { chrome: Chrome }).chrome.windows.create({ incognito: true, url: address }),
    url,
  );
  return opened;
}
