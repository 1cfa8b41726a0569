// Memory that outlives worker and pages, but not the browser (`storage.session`). Chromium has one for private windows and all
// others together: private ones keep theirs under names of their own, which are forgotten when they are closed.
import { browser, isPrivate } from './browser.ts';

const PRIVATE = 'private ';
const nameOf = (key: string) => (isPrivate ? PRIVATE + key : key);
const renamed = (items: Readonly<Record<string, unknown>>, name: (key: string) => string) =>
  Object.fromEntries(Object.entries(items).map(([key, value]) => [name(key), value]));

export const sessionArea = {
  async get(keys: readonly string[] | null): Promise<Record<string, unknown>> {
    const found = await browser.storage.session.get(keys?.map(nameOf) ?? null);
    const own = Object.entries(found).filter(([key]) => key.startsWith(PRIVATE) === isPrivate);
    return renamed(Object.fromEntries(own), (key) => (isPrivate ? key.slice(PRIVATE.length) : key));
  },
  set: (items: Record<string, unknown>): Promise<void> => browser.storage.session.set(renamed(items, nameOf)),
  remove: (keys: string[]): Promise<void> => browser.storage.session.remove(keys.map(nameOf)),
};

/** Calls `listener` with each new value of `key`. */
export function onSessionChange(key: string, listener: (value: unknown) => void): void {
  browser.storage.session.onChanged.addListener((changes) => {
    for (const [name, change] of Object.entries(changes))
      if (name === nameOf(key) && typeof change === 'object' && change !== null && 'newValue' in change)
        listener(change.newValue);
  });
}

/** From outside of private windows, when there are none any more. */
export async function forgetPrivate(): Promise<void> {
  const names = Object.keys(await browser.storage.session.get(null)).filter((name) => name.startsWith(PRIVATE));
  await browser.storage.session.remove(names);
}
