import { expect, test } from 'vitest';
import { decodeMessage, type Sender } from './messages.ts';

const self = { id: 'abcdefghijklmnopabcdefghijklmnop', origin: 'chrome-extension://abcdefghijklmnopabcdefghijklmnop' };
const page: Sender = { id: self.id, url: `${self.origin}/popup.html` };
const content: Sender = { id: self.id, url: 'https://news.example/article/1', tabId: 7, frameId: 0 };
const rule = { mode: 'auto', perPageMicro: '10000', perDayMicro: '500000' };
const wish = { url: 'https://news.example/live', method: 'GET', step: 'asked', kind: 'events' };
const yes = { id: 'a', challengeId: 'c', maxMicro: '1500', rule };

test('our own page may approve', () => {
  expect(decodeMessage({ name: 'approve', body: yes }, page, self)).toMatchObject({
    name: 'approve',
    body: { maxMicro: 1500n, rule: { perPageMicro: 10_000n } },
  });
});

test('a page of ours in a tab is still ours', () => {
  expect(decodeMessage({ name: 'approve', body: yes }, { ...page, tabId: 3, frameId: 0 }, self)).toBeDefined();
});

test('a content script may ask for the stream of its page, and where it goes on', () => {
  expect(decodeMessage({ name: 'payFetch', body: { ...wish, lastEventId: '7' } }, content, self)).toBeDefined();
});

test('a content script may ask to pay ahead', () => {
  expect(decodeMessage({ name: 'preempt', body: { url: 'https://news.example/2' } }, content, self)).toBeDefined();
});

test.each([
  'approve',
  'setRule',
  'pause',
  'resume',
  'topUp',
  'exportCsv',
  'history',
  'refund',
  'start',
  'setBudget',
  'decline',
  'stopStream',
  'raiseStream',
  'playAgain',
  'coins',
  'withdraw',
  'deposit',
  'give',
  'gifts',
  'take',
  'takeBack',
  'goods',
  'buyGoods',
  'declineGoods',
  'disputeGoods',
  'request',
  'requests',
  'readRequest',
  'phrase',
  'restore',
  'checkCoins',
  'fillPocket',
  'unlock',
  'lock',
  'setPassword',
  'changePassword',
  'removePassword',
  'pocket',
  'collectPocket',
])('a content script gets no privileged command: %s', (name) => {
  const bodies: Record<string, unknown> = {
    approve: yes,
    setRule: { origin: 'https://news.example', rule },
    pause: { until: 'hour' },
    topUp: { amountMicro: '1' },
    history: { limit: 1 },
    refund: { origin: 'https://news.example' },
    setBudget: { perDayMicro: '1', newSites: 'auto', newSitesUpToMicro: '1', prefer: 'private' },
    decline: { id: 'a' },
    stopStream: { tabId: 1 },
    raiseStream: { tabId: 1, limitMicro: '1' },
    playAgain: { tabId: 1 },
    withdraw: { amountMicro: '1' },
    deposit: { amountMicro: '1' },
    give: { amountMicro: '1', memo: 'tea' },
    request: { amountMicro: '1' },
    readRequest: { text: 'farthing-request:' },
    gifts: { refresh: true },
    take: { text: 'farthing-gift:' },
    takeBack: { id: 'a' },
    unlock: { password: 'x' },
    setPassword: { password: 'x' },
    changePassword: { from: 'x', to: 'y' },
    removePassword: { password: 'x' },
    fillPocket: { amountMicro: '1', tabId: 1 },
    goods: { url: 'https://news.example/print' },
    buyGoods: { url: 'https://news.example/print', goods: 'A'.repeat(43), maxMicro: '1' },
    declineGoods: { url: 'https://news.example/print' },
    disputeGoods: { paymentId: 'a', goods: 'A'.repeat(43) },
    restore: { phrase: 'abandon', brokerUrl: 'https://broker.example' },
  };
  const message = { name, body: bodies[name] ?? {} };
  expect(decodeMessage(message, page, self)).toBeDefined();
  expect(decodeMessage(message, content, self)).toBeUndefined();
});

test.each([
  ['another extension', { ...page, id: 'ponmlkjihgfedcbaponmlkjihgfedcba' }],
  ['a sender without a name', { ...page, id: undefined }],
  ['a site whose address begins like ours', { ...page, url: `${self.origin}.evil.example/popup.html` }],
  ['a sender without an address', { ...page, url: undefined }],
])('%s is not one of our pages', (_who, sender) => {
  expect(decodeMessage({ name: 'approve', body: yes }, sender, self)).toBeUndefined();
});

test('a page of ours is not a content script either', () => {
  expect(decodeMessage({ name: 'preempt', body: { url: 'https://news.example/2' } }, page, self)).toBeUndefined();
});

test.each([
  ['an unknown message', { name: 'mint', body: {} }],
  ['a name from the prototype', { name: 'constructor', body: {} }],
  ['a member too many', { name: 'preempt', body: { url: 'https://news.example/2', site: 'https://bank.example' } }],
  ['an address that is no page', { name: 'preempt', body: { url: 'javascript:alert(1)' } }],
  ['an address without end', { name: 'preempt', body: { url: `https://news.example/${'a'.repeat(5000)}` } }],
  ['no body', { name: 'preempt' }],
  [
    'a place in a stream that would end its header',
    { name: 'payFetch', body: { ...wish, lastEventId: 'a\r\nX-Evil: 1' } },
  ],
  ['a place in a stream without end', { name: 'payFetch', body: { ...wish, lastEventId: 'a'.repeat(2000) } }],
  ['a name of a payment that we did not give', { name: 'payFetch', body: { ...wish, step: 'ended', nonce: 'any' } }],
  ['a digest that is none', { name: 'payFetch', body: { ...wish, digest: 'sha-256=:short:' } }],
  ['a kind of request that we do not pay', { name: 'payFetch', body: { ...wish, kind: 'script-element' } }],
  ['no envelope', 'preempt'],
])('%s is refused', (_what, message) => {
  expect(decodeMessage(message, content, self)).toBeUndefined();
});

test.each(['-1', '1.5', '1e3', '01', '', '9'.repeat(30), 1500, null])('%j is no amount', (maxMicro) => {
  expect(decodeMessage({ name: 'approve', body: { ...yes, maxMicro } }, page, self)).toBeUndefined();
});

test('a rule is for an origin, not for an address or a pattern', () => {
  for (const origin of ['https://news.example/', 'https://news.example/a', 'https://*', 'news.example', 'null'])
    expect(decodeMessage({ name: 'setRule', body: { origin, rule } }, page, self)).toBeUndefined();
});
