// What the toolbar says of a tab: four characters, and a colour.
import { browser } from '../browser.ts';
import type { TabState, TabView } from '../view.ts';
import { shortAmount } from './short-amount.ts';

const GREEN = '#1a6b3a';
const AMBER = '#8a5300';
const RED = '#b3261e';
const GREY = '#566070';
const BADGES: Record<TabState, { text: string; color: string }> = {
  idle: { text: '', color: GREY },
  paying: { text: '…', color: '#0b6b53' },
  asking: { text: '!', color: AMBER },
  paid: { text: '✓', color: GREEN },
  failed: { text: '!', color: RED },
  pending: { text: '…', color: AMBER },
  undelivered: { text: '!', color: RED },
  refused: { text: '!', color: AMBER },
  declined: { text: '', color: GREY },
  streaming: { text: '…', color: '#0b6b53' },
  limited: { text: '!', color: AMBER },
  stopped: { text: '', color: GREY },
};

/** What a stream has cost so far stands in place of its sign. */
export async function setBadge({ tabId, state, amountMicro, currency }: TabView): Promise<void> {
  const { text, color } = BADGES[state];
  const cost = state === 'streaming' && amountMicro !== undefined && currency ? shortAmount(amountMicro, currency) : '';
  try {
    await browser.action.setBadgeText({ tabId, text: cost === '' ? text : cost });
    if (text === '') return;
    await browser.action.setBadgeBackgroundColor({ tabId, color });
    await browser.action.setBadgeTextColor({ tabId, color: '#ffffff' });
  } catch {
    // The tab is gone.
  }
}

export async function clearBadge(tabId: number): Promise<void> {
  await browser.action.setBadgeText({ tabId, text: '' }).catch(() => undefined); // the tab may be gone
}
