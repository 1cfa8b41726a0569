// Starts a page of ours: settings, texts, drafts and snapshot first (all local), then one render.
import { type ComponentChild, render } from 'preact';
import { browser } from '../browser.ts';
import { follow } from './client.ts';
import { loadDrafts } from './kept.ts';
import { loadSettings } from './settings.ts';
import { type Key, t } from './t.ts';

export async function start(title: Key, page: () => ComponentChild): Promise<void> {
  const [tab] = await Promise.all([browser.tabs.getCurrent(), loadSettings(), follow(), loadDrafts()]);
  document.documentElement.classList.toggle('in-tab', tab !== undefined);
  document.title = t(title);
  const root = document.getElementById('app');
  if (root) render(page(), root);
}
