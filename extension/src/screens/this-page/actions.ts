// What the buttons of a card do.
import type { Mode, SiteRule } from '@farthing/wallet';
import { browser } from '../../browser.ts';
import { send } from '../../ui/client.ts';
import { go } from '../../ui/router.ts';
import type { Key } from '../../ui/t.ts';
import { raised, type TabView } from '../../view.ts';
import type { ActionName } from './card.ts';
import { type Page, siteOf } from './page.ts';

export const ACTIONS: Readonly<Record<ActionName, Key>> = {
  cancel: 'cancel',
  receipt: 'action_receipt',
  review: 'action_review',
  payOnce: 'action_pay_once',
  raise: 'action_raise',
  topUp: 'action_top_up',
  check: 'action_check',
  details: 'action_details',
  again: 'action_again',
  why: 'action_why',
  load: 'action_load',
  turnOn: 'action_turn_on',
  resume: 'action_resume',
  allow: 'action_allow',
  unlock: 'action_unlock',
  stop: 'action_stop',
  raiseStream: 'action_raise_stream',
  playAgain: 'action_play_again',
  setUp: 'action_set_up',
};

export type Context = { readonly page: Page; readonly rule: SiteRule | undefined; readonly view?: TabView };

export async function perform(name: ActionName, { page, rule, view }: Context): Promise<void> {
  const { tabId } = page;
  const record = view?.paymentId;
  const retry = () => send('retry', { tabId });
  const site = siteOf(page);
  switch (name) {
    case 'cancel':
      return send('cancel', { tabId });
    case 'receipt':
    case 'details':
      return record === undefined ? go('activity') : go('receipt', record);
    case 'why':
      return go('why', view?.reason ?? 'other');
    case 'review':
    case 'payOnce':
      return review(tabId, view);
    case 'raise':
      return site === undefined ? undefined : go('site', site);
    case 'topUp':
      return go('top-up');
    case 'check':
      return send('check', { tabId });
    case 'again':
    case 'load':
      return retry();
    case 'turnOn':
      return rule && turnOn(page, rule);
    case 'resume':
      return send('resume', { tabId });
    case 'allow':
      // The browser's own prompt must come straight from the click: nothing is awaited before it.
      return site !== undefined && (await browser.permissions.request({ origins: [`${site}/*`] }))
        ? retry()
        : undefined;
    case 'stop':
      return send('stopStream', { tabId });
    case 'raiseStream':
      return view?.stream && send('raiseStream', { tabId, limitMicro: String(raised(view.stream)) });
    case 'playAgain':
      return send('playAgain', { tabId });
    case 'unlock':
      return go('unlock');
    case 'setUp':
      await browser.tabs.create({ url: 'welcome.html' });
  }
}

async function turnOn(page: Page, { perPageMicro, perDayMicro, origin }: SiteRule): Promise<void> {
  const mode: Mode = 'ask';
  await send('setRule', {
    origin,
    rule: { mode, perPageMicro: String(perPageMicro), perDayMicro: String(perDayMicro) },
  });
  await send('retry', { tabId: page.tabId });
}

/** An open question, or a new one about the same page. */
async function review(tabId: number, view: TabView | undefined): Promise<void> {
  const open =
    view?.state === 'asking' && view.approvalId !== undefined
      ? await send('approval', { id: view.approvalId })
      : undefined;
  const asked = open ?? (await send('ask', { tabId }));
  if (asked) location.assign(`approve.html?id=${encodeURIComponent(asked.id)}`);
  else if (view?.state === 'declined' || view?.state === 'asking') await send('retry', { tabId });
}
