// Scripts for the sites that the person has let us see. Registered at run time: a list in the manifest would ask for
// every site at install.
import { browser, isPrivate } from '../browser.ts';
import { problemOf } from './engine.ts';

const SCRIPTS = [
  { id: 'bridge', js: ['content/bridge.js'], world: 'ISOLATED' },
  { id: 'wrapper', js: ['content/wrapper.js'], world: 'MAIN' },
] as const;

let last: Promise<void> = Promise.resolve();

/** One after the other: two changes at once would fight over the same ids. */
export function registerScripts(): Promise<void> {
  // Private windows get the scripts that the other worker has registered.
  if (isPrivate) return last;
  last = last.then(register).catch((error) => void problemOf(error));
  return last;
}

async function register(): Promise<void> {
  const { origins = [] } = await browser.permissions.getAll();
  const matches = origins.filter((pattern) => /^(https?|\*):\/\//.test(pattern));
  const known = await browser.scripting.getRegisteredContentScripts();
  if (known.length > 0) await browser.scripting.unregisterContentScripts({ ids: known.map(({ id }) => id) });
  if (matches.length === 0) return;
  await browser.scripting.registerContentScripts(
    SCRIPTS.map(({ id, js, world }) => ({ id, js: [...js], world, matches, runAt: 'document_start' as const })),
  );
}
