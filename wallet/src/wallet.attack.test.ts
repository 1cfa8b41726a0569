// Attacks on the wallet by sites, pages and the order of events. Ids are those of the catalogue of attacks.
import {
  type Challenge,
  type Json,
  printChallenge,
  printReceipt,
  readReceipt,
  toBase64url,
  utf8,
} from '@farthing/protocol';
import { beforeEach, expect, test } from 'vitest';
import { AUTO, askFor, drift, makeCustomer, payFor, reopen, send, visit } from './testing/customer.ts';
import { makeWorld, type Site, type World } from './testing/world.ts';
import type { Ask } from './types.ts';
import type { Wallet } from './wallet.ts';

let world: World;
let news: Site;
let wallet: Wallet;
let store: Awaited<ReturnType<typeof makeCustomer>>['store'];
const page = (n: number | string) => `https://news.example/article/${n}`;

beforeEach(async () => {
  world = makeWorld();
  news = world.addSite('news.example');
  ({ wallet, store } = await makeCustomer(world));
});

const reasonOf = async (ask: Ask): Promise<string> => {
  const decision = await wallet.decide(ask);
  return 'reason' in decision ? `${decision.kind} ${decision.reason}` : decision.kind;
};

test('F1: 500 pages at once on a budget of ten cents never cost more than ten cents', async () => {
  news.state.priceMicro = 1000n;
  await wallet.setRule(news.origin, { mode: 'auto', perPageMicro: 10_000n, perDayMicro: 100_000n });
  const asks = await Promise.all(Array.from({ length: 500 }, (_, i) => askFor(world, page(i))));
  const results = await Promise.allSettled(asks.map(async (ask) => send(world, wallet, await payFor(wallet, ask))));
  const paid = results.filter((result) => result.status === 'fulfilled').length;
  expect(paid).toBe(100);
  expect(news.state.earned).toBe(BigInt(paid) * 1000n);
  expect(news.state.earned <= 100_000n).toBe(true);
  expect((await wallet.rule(news.origin)).spentTodayMicro).toBe(news.state.earned);
  expect(await drift(wallet)).toBe(0n);
});

test('F2: many sites at once stay within the budget over all sites', async () => {
  await wallet.setBudget({ perDayMicro: 15_000n, newSites: 'auto', newSitesUpToMicro: 2000n });
  const sites = Array.from({ length: 30 }, (_, i) => world.addSite(`s${i}.example`));
  await Promise.allSettled(sites.map(async ({ origin }) => visit(world, wallet, `${origin}/article/1`)));
  expect(sites.reduce((sum, { state }) => sum + state.earned, 0n)).toBe(15_000n);
  expect(await drift(wallet)).toBe(0n);
});

test('F3: a page without an origin of its own pays nothing', async () => {
  const ask = await askFor(world, page(1));
  expect(await reasonOf({ ...ask, site: 'null' })).toBe('refuse origin-changed');
  expect(await reasonOf({ ...ask, site: 'https://news.example/path' })).toBe('refuse origin-changed');
});

test('F7: the words of a site are shortened and carry no control or direction characters', async () => {
  const description = `Pay\u202Eeerf\u0000 now\u2028${'x'.repeat(200)}`;
  const decision = await wallet.decide({
    ...(await askFor(world, page(1))),
    challenges: [forged(news, { description })],
  });
  if (decision.kind !== 'ask') throw new Error(decision.kind);
  expect(decision.offer.description).toMatch(/^Pay eerf now x+$/);
  expect(decision.offer.description?.length).toBe(120);
});

test('F8: a site cannot raise a limit, and a price above what was approved is not paid', async () => {
  await wallet.setRule(news.origin, AUTO);
  news.state.priceMicro = AUTO.perPageMicro * 101n;
  const ask = await askFor(world, page(1));
  expect(await reasonOf(ask)).toBe('refuse funds-short');
  await wallet.topUp({ amountMicro: 10_000_000n });
  expect(await reasonOf(ask)).toBe('ask over-page-limit');
  const decision = await wallet.decide(ask);
  if (decision.kind !== 'ask') throw new Error(decision.kind);
  const { challengeId } = decision.offer;
  await expect(wallet.pay(ask, { challengeId, maxMicro: 1500n, by: 'person' })).rejects.toMatchObject({
    code: 'over-page-limit',
  });
  await expect(wallet.pay(ask, { challengeId, maxMicro: 10n ** 18n, by: 'rule' })).rejects.toMatchObject({
    code: 'over-page-limit',
  });
  await expect(wallet.pay(ask, { challengeId: 'another', maxMicro: 10n ** 18n, by: 'person' })).rejects.toMatchObject({
    code: 'offer-unusable',
  });
  expect(await wallet.pending()).toEqual([]);
  expect((await wallet.balance()).totalMicro).toBe(11_000_000n);
});

test('F8: neither a person nor a flag overrides Never and Pause, and a flag keeps the limits of the day', async () => {
  await wallet.setRule(news.origin, { ...AUTO, mode: 'never' });
  const ask = await askFor(world, page(1));
  const [line = ''] = ask.challenges;
  const challengeId = /id="([^"]+)"/.exec(line)?.[1] ?? '';
  for (const by of ['person', 'flag', 'rule'] as const) {
    await expect(wallet.pay(ask, { challengeId, maxMicro: 1500n, by })).rejects.toMatchObject({ code: 'site-never' });
  }
  await wallet.setRule(news.origin, { mode: 'ask', perPageMicro: 1n, perDayMicro: 1n });
  await expect(wallet.pay(ask, { challengeId, maxMicro: 1500n, by: 'flag' })).rejects.toMatchObject({
    code: 'over-day-limit',
  });
  await wallet.pause('forever');
  await expect(wallet.pay(ask, { challengeId, maxMicro: 1500n, by: 'person' })).rejects.toMatchObject({
    code: 'paused',
  });
});

test('F9 F11: a challenge of one site shown by another is not paid', async () => {
  const evil = world.addSite('evil.example');
  const stolen = await askFor(world, page(1));
  expect(await reasonOf({ ...stolen, url: `${evil.origin}/article/1`, site: evil.origin })).toBe(
    'refuse site-unvouched',
  );
  expect(await reasonOf({ ...stolen, url: 'https://news.example.evil.example/article/1' })).toBe(
    'refuse site-unvouched',
  );
});

test('F11: a payee that no broker knows is not paid, and loopback is vouched for in test mode only there', async () => {
  const ask = await askFor(world, page(1));
  expect(await reasonOf({ ...ask, challenges: [forged(news, { recipient: 'nobody.example' })] })).toBe(
    'refuse site-unvouched',
  );
  const local = world.addSite('local', 'http://127.0.0.1:8080');
  expect(await reasonOf(await askFor(world, `${local.origin}/article/1`))).toBe('ask approval-needed');
});

test('F10: plain http is refused, for the page and for what it fetches', async () => {
  const ask = await askFor(world, page(1));
  expect(await reasonOf({ ...ask, url: 'http://news.example/article/1' })).toBe('refuse insecure-origin');
  expect(await reasonOf({ ...ask, site: 'http://news.example' })).toBe('refuse insecure-origin');
  expect(await reasonOf({ ...ask, url: 'http://127.0.0.1.evil.example/article/1' })).toBe('refuse insecure-origin');
  expect(
    await wallet.preempt({ url: 'http://news.example/article/1', method: 'GET', site: news.origin }),
  ).toBeUndefined();
});

test('F14: two wallets on one store never hold the same coin for two payments', async () => {
  news.state.priceMicro = 1000n;
  await wallet.setRule(news.origin, AUTO);
  const other = await reopen(world, store);
  const asks = await Promise.all(Array.from({ length: 40 }, (_, i) => askFor(world, page(i))));
  const payments = await Promise.all(asks.map((ask, i) => payFor(i % 2 ? wallet : other, ask)));
  const held = payments.map(({ header }) =>
    JSON.parse(atob(header.value.slice(8).replace(/-/g, '+').replace(/_/g, '/'))),
  );
  expect(new Set(held.map(({ payload }) => payload.scrip.id)).size).toBe(40);
  await Promise.all(payments.map((payment, i) => send(world, i % 2 ? other : wallet, payment)));
  expect(news.state.served).toHaveLength(40);
  expect(await drift(wallet)).toBe(0n);
});

test('F14: paying one offer twice at once makes one payment', async () => {
  const ask = await askFor(world, page(1));
  const decision = await wallet.decide(ask);
  if (decision.kind !== 'ask') throw new Error(decision.kind);
  const approval = { challengeId: decision.offer.challengeId, maxMicro: 1500n, by: 'person' as const };
  const payments = await Promise.all([1, 2, 3].map(() => wallet.pay(ask, approval)));
  expect(new Set(payments.map(({ id }) => id)).size).toBe(1);
  expect((await wallet.budget()).spentTodayMicro).toBe(1500n);
});

test('F15: an old backup spends a coin twice: it is refused, dropped, and kept as evidence', async () => {
  await wallet.setRule(news.origin, AUTO);
  await visit(world, wallet, page(1));
  const backup = await store.read([
    'account',
    `broker/${world.broker.brk}`,
    `money/${world.broker.brk}`,
    'budget',
    `purse/scrip/${world.broker.brk}/news.example`,
    `vendor/${world.broker.brk}/news.example`,
    `site/${news.origin}`,
  ]);
  await visit(world, wallet, page(2));
  const names = [
    'account',
    `broker/${world.broker.brk}`,
    `money/${world.broker.brk}`,
    'budget',
    `purse/scrip/${world.broker.brk}/news.example`,
    `vendor/${world.broker.brk}/news.example`,
    `site/${news.origin}`,
  ];
  await store.update(names, () => ({ put: Object.fromEntries(names.map((name, i) => [name, backup[i]])), result: 0 }));
  const restored = await reopen(world, store);
  const { settled } = await visit(world, restored, page(3));
  expect(settled.record).toMatchObject({ state: 'paid_not_delivered', code: 'scrip-spent', lostMicro: 28_500n });
  expect(await restored.evidence()).toHaveLength(1);
  expect(await drift(restored)).toBe(0n);
  expect((await visit(world, restored, page(4))).settled.outcome).toBe('paid');
  await restored.balance({ refresh: true });
  expect(await drift(restored)).toBe(0n);
});

test('F18: a site that answers 402 for ever is paid once, and a person is asked after that', async () => {
  await wallet.setRule(news.origin, AUTO);
  await visit(world, wallet, page('warm'));
  const earned = news.state.earned;
  news.state.priceMicro = 1n;
  let presented = 0;
  world.control.middle = async ({ request, url }, on) => {
    if (url.hostname !== 'news.example' || !request.headers.has('authorization')) return on();
    presented++;
    const body = JSON.stringify({ code: 'scrip-forged', consumed: false });
    const headers = { 'content-type': 'application/problem+json', 'www-authenticate': news.challenges()[0] ?? '' };
    return new Response(body, { status: 402, headers });
  };
  expect((await visit(world, wallet, page(1))).settled.outcome).toBe('not_charged');
  for (let i = 0; i < 5; i++) await expect(visit(world, wallet, page(1))).rejects.toThrow('scrip-forged');
  expect(await wallet.preempt({ url: page(1), method: 'GET', site: news.origin })).toBeUndefined();
  expect(presented).toBe(1);
  expect(news.state.earned).toBe(earned);
  expect(await drift(wallet)).toBe(0n);
});

test('F18: a page that was paid and is refused now is not paid again without a person', async () => {
  await wallet.setRule(news.origin, AUTO);
  const { payment } = await visit(world, wallet, page(1));
  await wallet.settle(payment.id, { status: 402, problem: { code: 'challenge-reused', consumed: false } });
  expect(await reasonOf(await askFor(world, page(1)))).toBe('ask challenge-reused');
  world.clock.nowMs += 61_000;
  expect(await reasonOf(await askFor(world, page(1)))).toBe('pay');
});

test('F19: 50 pages at once get a credential each, and the budget is exact', async () => {
  await wallet.setRule(news.origin, AUTO);
  const results = await Promise.all(Array.from({ length: 50 }, (_, i) => visit(world, wallet, page(i))));
  expect(new Set(results.map(({ payment }) => payment.header.value)).size).toBe(50);
  expect(results.every(({ settled }) => settled.outcome === 'paid')).toBe(true);
  expect((await wallet.rule(news.origin)).spentTodayMicro).toBe(75_000n);
  expect((await wallet.balance()).totalMicro).toBe(925_000n);
  expect(await drift(wallet)).toBe(0n);
});

test('two requests that are sent ahead do not share one stored challenge', async () => {
  await wallet.setRule(news.origin, AUTO);
  await visit(world, wallet, page(1));
  await visit(world, wallet, page(2));
  const ahead = (n: number) => wallet.preempt({ url: page(n), method: 'GET', site: news.origin });
  const found = (await Promise.all([3, 4, 5].map(ahead))).filter((payment) => payment !== undefined);
  expect(found).toHaveLength(1);
});

test('an unknown outcome gives nothing back, however the site dresses it', async () => {
  const answers: [string, Parameters<Wallet['settle']>[1]][] = [
    ['no answer', { status: 0 }],
    ['500', { status: 500, problem: { code: 'site-fault', consumed: false } }],
    ['503', { status: 503, problem: { code: 'outcome-unknown', consumed: 'unknown' } }],
    ['402 without a word', { status: 402 }],
    ['402 with a lie of another type', { status: 402, problem: { consumed: 'false' } }],
    ['404', { status: 404 }],
    ['200 without a receipt', { status: 200 }],
    ['200 with rubbish', { status: 200, receipt: 'rubbish' }],
  ];
  for (const [name, answer] of answers) {
    const payment = await payFor(wallet, await askFor(world, page(encodeURIComponent(name))), 'person');
    const before = (await wallet.budget()).spentTodayMicro;
    expect([name, (await wallet.settle(payment.id, answer)).outcome]).toEqual([name, 'unknown']);
    expect((await wallet.budget()).spentTodayMicro).toBe(before);
    expect((await wallet.pending()).some(({ id }) => id === payment.id)).toBe(true);
    expect((await wallet.decide(await askFor(world, payment.url))).kind).toBe('again');
    expect(await drift(wallet)).toBe(0n);
  }
});

test('a lying receipt pays nothing: less change, another root, a forged proof, another challenge', async () => {
  const lies: [string, (receipt: { [name: string]: Json }) => void][] = [
    ['less change', (receipt) => Object.assign(receipt['change'] as object, { val: '28499' })],
    ['no change', (receipt) => delete receipt['change']],
    ['another root', (receipt) => Object.assign(receipt['change'] as object, { root: 'k1.77' })],
    ['another life', (receipt) => Object.assign(receipt['change'] as object, { exp: 4_000_000_000 })],
    ['a forged proof', (receipt) => Object.assign(receipt, { proof: toBase64url(new Uint8Array(32)) })],
    ['another challenge', (receipt) => Object.assign(receipt, { challengeId: 'another' })],
    ['another method', (receipt) => Object.assign(receipt, { method: 'payword' })],
  ];
  for (const [name, change] of lies) {
    const payment = await payFor(wallet, await askFor(world, page(encodeURIComponent(name))), 'person');
    const response = await world.fetch(payment.url, { headers: { authorization: payment.header.value } });
    const honest = response.headers.get('payment-receipt') ?? '';
    const read = readReceipt(honest);
    if (!read) throw new Error('no receipt');
    const { details, ...common } = read;
    const members: { [name: string]: Json } = structuredClone({ ...details, ...common });
    change(members);
    const lie = toBase64url(utf8(JSON.stringify(members)));
    expect([name, (await wallet.settle(payment.id, { status: 200, receipt: lie })).outcome]).toEqual([name, 'unknown']);
    expect(await wallet.record(payment.id)).toMatchObject({ state: 'pending', code: 'receipt-invalid' });
    expect(await drift(wallet)).toBe(0n);
    // The honest receipt still settles it.
    expect((await wallet.settle(payment.id, { status: 200, receipt: honest })).outcome).toBe('paid');
    expect(await drift(wallet)).toBe(0n);
  }
  expect(await wallet.evidence()).toHaveLength(lies.length);
});

test('a receipt of one payment settles no other', async () => {
  const one = await payFor(wallet, await askFor(world, page(1)), 'person');
  const two = await payFor(wallet, await askFor(world, page(2)), 'person');
  const response = await world.fetch(one.url, { headers: { authorization: one.header.value } });
  const receipt = response.headers.get('payment-receipt') ?? '';
  expect((await wallet.settle(two.id, { status: 200, receipt })).outcome).toBe('unknown');
  expect((await wallet.settle(one.id, { status: 200, receipt })).outcome).toBe('paid');
  expect((await wallet.settle(one.id, { status: 200, receipt })).outcome).toBe('paid');
  expect((await wallet.balance()).brokers[0]?.coinsMicro).toBe(28_500n);
  expect(await drift(wallet)).toBe(0n);
});

test('one bad challenge spoils no neighbour, and what cannot be paid is refused with its reason', async () => {
  const ask = await askFor(world, page(1));
  const [good = ''] = ask.challenges;
  const with_ = (...challenges: string[]) => reasonOf({ ...ask, challenges });
  expect(await with_('Payment id="x", method="GARBAGE!!', 'Bearer realm="a"', good)).toBe('ask approval-needed');
  expect(await with_(`Payment id="a", id="b", ${good}`)).toBe('ask approval-needed');
  expect(await with_()).toBe('refuse offer-unusable');
  expect(await with_(forged(news, {}, { method: 'ecash' }))).toBe('refuse offer-unusable');
  expect(await with_(forged(news, {}, { intent: 'session' }))).toBe('refuse offer-unusable');
  expect(await with_(forged(news, { currency: 'eur-micro' }))).toBe('refuse offer-unusable');
  expect(await with_(forged(news, { currency: 'usd' }))).toBe('refuse offer-unusable');
  for (const amount of ['0', '-1', '1.5', '1e3', '01', '1000000000000000001', '']) {
    expect(await with_(forged(news, { amount }))).toBe('refuse offer-unusable');
  }
  world.clock.nowMs += 300_000;
  expect(await with_(good)).toBe('refuse challenge-expired');
});

test('a challenge for another body is not paid', async () => {
  const ask = await askFor(world, page(1));
  const challenges = news.challenges('POST', 'sha-256=:AAAA:');
  const posted = { ...ask, method: 'POST', challenges };
  expect(await reasonOf({ ...posted, digest: 'sha-256=:AAAA:' })).toBe('ask approval-needed');
  expect(await reasonOf({ ...posted, digest: 'sha-256=:BBBB:' })).toBe('refuse digest-mismatch');
  expect(await reasonOf(posted)).toBe('refuse digest-mismatch');
});

/** A challenge of the site with other members: the wallet cannot check its id, so it must check all else. */
function forged(site: Site, members: { [name: string]: string }, slots: Partial<Challenge> = {}): string {
  const challenge = site.challengeFor('GET', '');
  const request = JSON.parse(atob(challenge.request.replace(/-/g, '+').replace(/_/g, '/')));
  return printChallenge({
    ...challenge,
    ...slots,
    request: toBase64url(utf8(JSON.stringify({ ...request, ...members }))),
  });
}

test('a receipt on an error is no receipt', async () => {
  const payment = await payFor(wallet, await askFor(world, page(1)), 'person');
  const receipt = printReceipt({
    status: 'success',
    method: 'scrip',
    timestamp: '',
    reference: 'r',
    challengeId: 'c',
    details: {},
  });
  expect((await wallet.settle(payment.id, { status: 500, receipt })).outcome).toBe('unknown');
});

test('two wallets that finish the same orders and moves at once count nothing twice', async () => {
  await visit(world, wallet, page(1), 'person');
  for (const cut of ['/v1/faucet', '/v1/scrip/buy', '/farthing/scrip/release', '/v1/scrip/refund', '/v1/scrip/renew']) {
    let broken = true;
    world.control.middle = async ({ url }, on) => {
      const response = await on();
      if (broken && url.pathname === cut) throw new TypeError('connection lost');
      return response;
    };
    await wallet.topUp({ amountMicro: 1000n }).catch(() => undefined);
    await visit(world, wallet, page(cut.replaceAll('/', '-')), 'person').catch(() => undefined);
    if (cut === '/v1/scrip/renew') await wallet.renewExpiring(365 * 86_400_000);
    else await wallet.refund();
    broken = false;
    const others = await Promise.all([1, 2, 3].map(() => reopen(world, store)));
    await Promise.all([wallet, ...others].map((one) => one.recover()));
    await wallet.recover();
    expect([cut, await drift(wallet)]).toEqual([cut, 0n]);
    const { totalMicro } = await wallet.balance({ refresh: true });
    const [law] = await wallet.conservation();
    expect([cut, law?.receivedMicro, law?.heldMicro]).toEqual([cut, 0n, 0n]);
    expect([cut, totalMicro]).toEqual([cut, (law?.toppedUpMicro ?? 0n) - news.state.earned]);
  }
});

test('F18: a host that pays by the rule without asking again is refused after a refusal', async () => {
  await wallet.setRule(news.origin, AUTO);
  const first = await payFor(wallet, await askFor(world, page(1)));
  await wallet.settle(first.id, { status: 402, problem: { code: 'scrip-forged', consumed: false } });
  const ask = await askFor(world, page(1));
  const challengeId = /id="([^"]+)"/.exec(ask.challenges[0] ?? '')?.[1] ?? '';
  const pay = (by: 'rule' | 'person') => wallet.pay(ask, { challengeId, maxMicro: 1500n, by });
  await expect(pay('rule')).rejects.toMatchObject({ code: 'approval-needed' });
  expect((await pay('person')).amountMicro).toBe(1500n);
});
