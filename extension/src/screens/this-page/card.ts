// What the popup says about the page: a table of the 14 states (design: screens, section 2.2), each with the facts that
// make it apply. Exactly one is shown, the one with the lowest priority number; the others need attention below it.

import type { Mode } from '@farthing/wallet';
import type { Tone } from '../../ui/parts.tsx';
import type { Key } from '../../ui/t.ts';
import type { TabView } from '../../view.ts';

export type Facts = {
  /** Address of the tab; absent for a tab that we may not know. */
  readonly url?: string;
  readonly access: boolean;
  readonly locked: boolean;
  /** As the budget says it. */
  readonly pausedUntilMs: number | 'resumed' | undefined;
  /** Mode of the site's own rule, when it has one. */
  readonly mode?: Mode;
  readonly view?: TabView;
};

export type ActionName =
  | 'cancel'
  | 'receipt'
  | 'review'
  | 'payOnce'
  | 'raise'
  | 'topUp'
  | 'check'
  | 'details'
  | 'again'
  | 'why'
  | 'load'
  | 'turnOn'
  | 'resume'
  | 'allow'
  | 'unlock'
  | 'stop'
  | 'raiseStream'
  | 'playAgain'
  | 'setUp';

export type Card = {
  /** Number in the design's table. */
  readonly state: number;
  readonly priority: number;
  readonly text: Key;
  readonly tone: Tone;
  /** The first one is the main one. */
  readonly actions: readonly ActionName[];
};

type Row = Card & { readonly applies: (facts: Facts) => boolean };

const loopback = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?\//;
const isWeb = (url: string | undefined) => url !== undefined && /^https?:\/\//.test(url);
const isPayable = (url: string | undefined) => url !== undefined && (url.startsWith('https://') || loopback.test(url));
const is =
  (state: TabView['state'], ...reasons: readonly (string | undefined)[]) =>
  ({ view }: Facts) =>
    view?.state === state && (reasons.length === 0 || reasons.includes(view.reason));
const LIMITS = ['over-page-limit', 'over-day-limit'];
const asks = (reasons: readonly string[], wanted: boolean) => (facts: Facts) => {
  const open = facts.view?.state === 'asking' || facts.view?.state === 'declined';
  return open && reasons.includes(facts.view?.reason ?? '') === wanted;
};
const row = (state: number, priority: number, rest: Omit<Row, 'state' | 'priority'>): Row => ({
  state,
  priority,
  ...rest,
});

export const rows: readonly Row[] = [
  row(1, 14, { applies: () => true, text: 'state_nothing', tone: 'plain', actions: [] }),
  row(2, 7, { applies: is('paying'), text: 'state_paying', tone: 'plain', actions: ['cancel'] }),
  row(2, 7, { applies: is('streaming'), text: 'state_streaming', tone: 'plain', actions: ['stop'] }),
  row(3, 13, { applies: is('stopped'), text: 'state_stream_stopped', tone: 'ok', actions: ['receipt', 'playAgain'] }),
  row(3, 13, { applies: is('paid'), text: 'state_paid', tone: 'ok', actions: ['receipt'] }),
  row(4, 12, { applies: asks(LIMITS, false), text: 'state_asks', tone: 'warn', actions: ['review'] }),
  row(5, 11, {
    applies: asks(['over-page-limit'], true),
    text: 'state_over_page',
    tone: 'warn',
    actions: ['payOnce', 'raise'],
  }),
  row(5, 11, {
    applies: asks(['over-day-limit'], true),
    text: 'state_over_day',
    tone: 'warn',
    actions: ['payOnce', 'raise'],
  }),
  row(5, 11, {
    applies: (facts) => is('limited')(facts) && facts.view?.stream?.held === true,
    text: 'state_stream_limit',
    tone: 'warn',
    actions: ['raiseStream', 'stop'],
  }),
  row(5, 11, {
    applies: (facts) => is('limited')(facts) && facts.view?.stream?.held !== true,
    text: 'state_stream_over',
    tone: 'warn',
    actions: ['playAgain'],
  }),
  row(6, 10, { applies: is('refused', 'funds-short'), text: 'state_short', tone: 'warn', actions: ['topUp'] }),
  row(7, 6, { applies: is('pending'), text: 'state_pending', tone: 'warn', actions: ['check', 'details'] }),
  row(8, 9, {
    applies: (facts) => is('failed')(facts) && facts.view?.reason !== 'wallet-locked',
    text: 'state_failed',
    tone: 'bad',
    actions: ['again', 'why'],
  }),
  row(8, 9, {
    applies: (facts) =>
      is('refused')(facts) &&
      !is('refused', 'funds-short', 'site-never', 'paused', 'insecure-origin', 'no-account', 'wallet-locked')(facts),
    text: 'state_refused',
    tone: 'warn',
    actions: ['again', 'why'],
  }),
  row(8, 9, { applies: is('refused', 'no-account'), text: 'state_no_account', tone: 'warn', actions: ['setUp'] }),
  row(9, 8, { applies: is('undelivered'), text: 'state_undelivered', tone: 'bad', actions: ['load', 'details'] }),
  row(10, 4, { applies: ({ mode }) => mode === 'never', text: 'state_off', tone: 'warn', actions: ['turnOn'] }),
  row(11, 3, {
    applies: ({ pausedUntilMs: until }) => typeof until === 'number',
    text: 'state_paused',
    tone: 'warn',
    actions: ['resume'],
  }),
  row(11, 3, {
    applies: ({ pausedUntilMs: until }) => until === 'resumed',
    text: 'state_paused_open',
    tone: 'warn',
    actions: ['resume'],
  }),
  row(12, 5, {
    applies: ({ url, access }) => isPayable(url) && !access,
    text: 'state_no_access',
    tone: 'warn',
    actions: ['allow'],
  }),
  row(13, 2, { applies: ({ locked }) => locked, text: 'state_locked', tone: 'warn', actions: ['unlock'] }),
  row(14, 1, { applies: ({ url }) => !isWeb(url), text: 'state_browser_page', tone: 'plain', actions: [] }),
  row(14, 1, {
    applies: ({ url }) => isWeb(url) && !isPayable(url),
    text: 'state_insecure',
    tone: 'plain',
    actions: [],
  }),
];

/** "Nothing to pay" and a quiet paid page are no news beside another state. */
const WORTH_ATTENTION = (card: Card) => card.state !== 1 && card.state !== 3;

export function thisPage(facts: Facts): { readonly card: Card; readonly attention: readonly Card[] } {
  const [card, ...rest] = rows.filter(({ applies }) => applies(facts)).sort((a, b) => a.priority - b.priority);
  if (!card) throw new Error('one state always applies');
  return { card, attention: rest.filter(WORTH_ATTENTION) };
}
