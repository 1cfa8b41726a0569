// How the wallet looks: kept apart from money, so that a page can apply it before the first paint.
import { signal } from '@preact/signals';
import { browser } from '../browser.ts';
import { direction, languages, localeTag, useTexts } from './t.ts';

export type Theme = 'system' | 'light' | 'dark';
export const theme = signal<Theme>('system');
/** `undefined`: the browser's language. */
export const language = signal<string | undefined>(undefined);

/** When the person last showed that they have the recovery words; `undefined`: never. */
export const wordsCheckedAtMs = signal<number | undefined>(undefined);
const CHECKED = 'wordsCheckedAtMs';

export async function loadSettings(): Promise<void> {
  const stored = await browser.storage.local.get(['theme', 'language', CHECKED]);
  if (typeof stored[CHECKED] === 'number') wordsCheckedAtMs.value = stored[CHECKED];
  if (stored['theme'] === 'light' || stored['theme'] === 'dark') theme.value = stored['theme'];
  if (typeof stored['language'] === 'string') language.value = stored['language'];
  await loadTexts(language.value);
  apply();
}

export async function setTheme(next: Theme): Promise<void> {
  theme.value = next;
  apply();
  await browser.storage.local.set({ theme: next });
}

export async function wordsWereRight(nowMs: number): Promise<void> {
  wordsCheckedAtMs.value = nowMs;
  await browser.storage.local.set({ [CHECKED]: nowMs });
}

export async function setLanguage(next: string | undefined): Promise<void> {
  await (next === undefined ? browser.storage.local.remove('language') : browser.storage.local.set({ language: next }));
  location.reload();
}

function apply(): void {
  const root = document.documentElement;
  root.dataset['theme'] = theme.value;
  root.lang = localeTag();
  root.dir = direction();
}

async function loadTexts(picked?: string): Promise<void> {
  const ui = browser.i18n.getUILanguage();
  const wanted = picked ?? ui;
  const language = languages.find((one) => wanted === one || wanted.startsWith(`${one}-`)) ?? 'en';
  const answer = await fetch(browser.runtime.getURL(`_locales/${language}/messages.json`));
  useTexts(picked === undefined && ui.startsWith(language) ? ui : language, await answer.json());
}
