import { describe, expect, test } from 'vitest';
import type { TabState, TabView } from '../../view.ts';
import { type Facts, rows, thisPage } from './card.ts';

const view = (state: TabState, more: Partial<TabView> = {}): TabView => ({
  tabId: 1,
  url: 'https://news.example/1',
  origin: 'https://news.example',
  atMs: 0,
  state,
  ...more,
});
const stream = {
  url: 'https://news.example/cam',
  unit: 'second',
  unitMicro: 1000n,
  units: 50,
  spentMicro: 50_000n,
  limitMicro: 50_000n,
  held: true,
};
const here: Facts = { url: 'https://news.example/1', access: true, locked: false, pausedUntilMs: undefined };

/** The design's table: state, priority, facts that make it apply, actions. */
const table: readonly (readonly [number, number, string, Facts, readonly string[]])[] = [
  [1, 14, 'nothing to pay', here, []],
  [2, 7, 'paying', { ...here, view: view('paying') }, ['cancel']],
  [3, 13, 'paid', { ...here, view: view('paid') }, ['receipt']],
  [4, 12, 'asks', { ...here, view: view('asking', { reason: 'approval-needed' }) }, ['review']],
  [
    4,
    12,
    'asked, and was told not now',
    { ...here, view: view('declined', { reason: 'approval-needed' }) },
    ['review'],
  ],
  [
    5,
    11,
    'over the page limit',
    { ...here, view: view('asking', { reason: 'over-page-limit' }) },
    ['payOnce', 'raise'],
  ],
  [2, 7, 'paying on for a stream', { ...here, view: view('streaming') }, ['stop']],
  [3, 13, 'a stream that was stopped', { ...here, view: view('stopped') }, ['receipt', 'playAgain']],
  [5, 11, 'a stream at its limit', { ...here, view: view('limited', { stream }) }, ['raiseStream', 'stop']],
  [
    5,
    11,
    'a stream that ended at its limit',
    { ...here, view: view('limited', { stream: { ...stream, held: false } }) },
    ['playAgain'],
  ],
  [5, 11, 'over the day limit', { ...here, view: view('asking', { reason: 'over-day-limit' }) }, ['payOnce', 'raise']],
  [6, 10, 'not enough money', { ...here, view: view('refused', { reason: 'funds-short' }) }, ['topUp']],
  [7, 6, 'pending', { ...here, view: view('pending') }, ['check', 'details']],
  [8, 9, 'failed', { ...here, view: view('failed') }, ['again', 'why']],
  [8, 9, 'cannot be paid', { ...here, view: view('refused', { reason: 'site-unvouched' }) }, ['again', 'why']],
  [8, 9, 'no account yet', { ...here, view: view('refused', { reason: 'no-account' }) }, ['setUp']],
  [9, 8, 'paid, not delivered', { ...here, view: view('undelivered') }, ['load', 'details']],
  [10, 4, 'off here', { ...here, mode: 'never', view: view('refused', { reason: 'site-never' }) }, ['turnOn']],
  [11, 3, 'paused', { ...here, pausedUntilMs: 5, view: view('refused', { reason: 'paused' }) }, ['resume']],
  [11, 3, 'paused for good', { ...here, pausedUntilMs: 'resumed' }, ['resume']],
  [12, 5, 'no access', { ...here, access: false }, ['allow']],
  [13, 2, 'locked', { ...here, locked: true }, ['unlock']],
  [14, 1, 'browser page', { ...here, url: 'chrome://settings' }, []],
  [14, 1, 'not https', { ...here, url: 'http://news.example/1' }, []],
];

test.each(table)('state %i (priority %i): %s', (state, priority, _what, facts, actions) => {
  const { card } = thisPage(facts);
  expect({ state: card.state, priority: card.priority, actions: card.actions }).toEqual({ state, priority, actions });
});

test('all fourteen states are in the table, each with one priority', () => {
  const priorities = new Map(rows.map(({ state, priority }) => [state, priority]));
  expect([...priorities.keys()].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  expect(new Set(priorities.values()).size).toBe(14);
});

test('loopback over http is for developers and counts as payable', () => {
  for (const url of ['http://127.0.0.1:8080/a', 'http://localhost/a'])
    expect(thisPage({ ...here, url }).card.state).toBe(1);
  expect(thisPage({ ...here, url: 'http://localhost.evil.example/a' }).card.state).toBe(14);
});

describe('of two states that apply, the one with the lower number is shown and the other needs attention', () => {
  /** What each state adds to the facts. A tab has one newest payment, so two of those cannot meet. */
  const outer: readonly (readonly [number, number, Partial<Facts>])[] = [
    [14, 1, { url: 'chrome://settings' }],
    [13, 2, { locked: true }],
    [11, 3, { pausedUntilMs: 5 }],
    [10, 4, { mode: 'never' }],
    [12, 5, { access: false }],
  ];
  for (const [state, priority, , facts] of table) {
    for (const [other, otherPriority, more] of outer) {
      if (state === other || (state === 14 && other === 12) || (facts.pausedUntilMs !== undefined && other === 11))
        continue;
      const both = { ...facts, ...more, ...(state === 14 && facts.url !== undefined ? { url: facts.url } : {}) };
      test(`${state} and ${other}`, () => {
        const { card, attention } = thisPage(both);
        // What lives in the tab's address gives way to the address itself.
        if (other === 14 && state === 12) return expect(card.state).toBe(14);
        expect(card.priority).toBe(Math.min(priority, otherPriority));
        const under = priority < otherPriority ? other : state;
        const quiet = under === 1 || under === 3;
        expect(attention.some((one) => one.state === under)).toBe(!quiet);
      });
    }
  }
});
