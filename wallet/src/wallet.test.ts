import { limits } from '@farthing/protocol';
import { beforeEach, expect, test } from 'vitest';
import { AUTO, askFor, drift, makeCustomer, payFor, reopen, send, visit } from './testing/customer.ts';
import { makeWorld, type Site, type World } from './testing/world.ts';
import type { Wallet } from './wallet.ts';

let world: World;
let news: Site;
let wallet: Wallet;
let store: Awaited<ReturnType<typeof makeCustomer>>['store'];
const page = (n: number | string) => `https://news.example/article/${n}`;
const sent = () => world.control.log.filter(({ url }) => url.hostname === 'news.example').length;

beforeEach(async () => {
  world = makeWorld();
  news = world.addSite('news.example');
  ({ wallet, store } = await makeCustomer(world));
});

test('a person approves a page: coins are bought, the page comes, the change stays in the purse', async () => {
  const ask = await askFor(world, page(1));
  const decision = await wallet.decide(ask);
  expect(decision).toMatchObject({
    kind: 'ask',
    reason: 'approval-needed',
    offer: {
      amountMicro: 1500n,
      currency: 'usd-micro',
      origin: 'https://news.example',
      vnd: 'news.example',
      balanceAfterMicro: 998_500n,
      suggested: { mode: 'auto', perPageMicro: 10_000n, perDayMicro: 500_000n },
    },
  });
  const { settled, text } = await visit(world, wallet, page(1), 'person');
  expect(text).toBe('content of /article/1');
  expect(settled).toMatchObject({ outcome: 'paid', record: { state: 'paid', why: 'person', amountMicro: 1500n } });
  const { totalMicro, brokers } = await wallet.balance();
  expect(totalMicro).toBe(998_500n);
  expect(brokers[0]).toMatchObject({ accountMicro: 970_000n, coinsMicro: 28_500n, heldMicro: 0n });
  expect(await drift(wallet)).toBe(0n);
});

test('with a rule, the second page of a site is paid with one request', async () => {
  await wallet.setRule(news.origin, AUTO);
  await visit(world, wallet, page(1));
  const before = sent();
  const payment = await wallet.preempt({ url: page(2), method: 'GET', site: news.origin });
  if (!payment) throw new Error('nothing was prepared');
  const { settled, text } = await send(world, wallet, payment);
  expect(text).toBe('content of /article/2');
  expect(settled.outcome).toBe('paid');
  expect(sent() - before).toBe(1);
  expect(news.state.earned).toBe(3000n);
  expect(await drift(wallet)).toBe(0n);
});

test('nothing is paid ahead on other paths, for other methods, or after the challenge has died', async () => {
  await wallet.setRule(news.origin, AUTO);
  await visit(world, wallet, page(1));
  const ahead = (url: string, method = 'GET') => wallet.preempt({ url, method, site: news.origin });
  expect(await ahead('https://news.example/about')).toBeUndefined();
  expect(await ahead('https://news.example/article/')).toBeUndefined();
  expect(await ahead('https://news.example/article/1/2')).toBeUndefined();
  expect(await ahead('https://other.example/article/2')).toBeUndefined();
  expect(await ahead(page(2), 'POST')).toBeUndefined();
  world.clock.nowMs += limits.challengeLifeMs;
  expect(await ahead(page(2))).toBeUndefined();
});

test('a page that was paid is read again without paying, and so is a reload', async () => {
  await wallet.setRule(news.origin, AUTO);
  const first = await visit(world, wallet, page(1));
  const again = await wallet.decide(await askFor(world, page(1)));
  expect(again).toMatchObject({ kind: 'again', payment: { id: first.payment.id, repeat: true } });
  const reload = await wallet.preempt({ url: `${page(1)}#part`, method: 'GET', site: news.origin });
  expect(reload).toMatchObject({ id: first.payment.id, header: first.payment.header, repeat: true });
  if (reload) expect((await send(world, wallet, reload)).text).toBe('content of /article/1');
  expect(news.state.earned).toBe(1500n);
});

test('a broker that is away stops no site whose coins are in the purse', async () => {
  await wallet.setRule(news.origin, AUTO);
  await visit(world, wallet, page(1));
  world.control.middle = ({ url }, on) => {
    if (url.hostname === 'broker.example') throw new TypeError('connection refused');
    return on();
  };
  world.clock.nowMs += 2 * 86_400_000;
  const { settled } = await visit(world, wallet, page(2));
  expect(settled.outcome).toBe('paid');
  news.state.priceMicro = 100_000n;
  await wallet.setRule(news.origin, { ...AUTO, perPageMicro: 200_000n });
  await expect(visit(world, wallet, page(3))).rejects.toMatchObject({ code: 'broker-unreachable' });
  expect(await drift(wallet)).toBe(0n);
});

test('a purchase whose answer was lost is finished with the same bytes, and not made twice', async () => {
  await wallet.setRule(news.origin, AUTO);
  let lose = true;
  world.control.middle = async ({ url }, on) => {
    const response = await on();
    if (url.pathname === '/v1/scrip/buy' && lose) throw new TypeError('connection lost');
    return response;
  };
  await expect(visit(world, wallet, page(1))).rejects.toMatchObject({ code: 'broker-unreachable' });
  lose = false;
  const reopened = await reopen(world, store);
  expect(await reopened.recover()).toEqual({ finished: 1, open: 0 });
  await visit(world, reopened, page(1));
  const orders = world.control.log.filter(({ url }) => url.pathname === '/v1/scrip/buy').map(({ body }) => body);
  expect(new Set(orders).size).toBe(1);
  expect((await reopened.balance({ refresh: true })).totalMicro).toBe(998_500n);
  expect(await drift(reopened)).toBe(0n);
});

test('a top-up whose answer was lost is finished by the next try, and credited once', async () => {
  let lose = true;
  world.control.middle = async ({ url }, on) => {
    const response = await on();
    if (url.pathname === '/v1/faucet' && lose) throw new TypeError('connection lost');
    return response;
  };
  await expect(wallet.topUp({ amountMicro: 500_000n })).rejects.toMatchObject({ code: 'broker-unreachable' });
  expect((await wallet.history({ limit: 1 }))[0]).toMatchObject({ kind: 'top_up', state: 'pending' });
  lose = false;
  expect(await wallet.topUp({ amountMicro: 500_000n })).toMatchObject({ state: 'paid', amountMicro: 500_000n });
  expect((await wallet.balance({ refresh: true })).totalMicro).toBe(1_500_000n);
  expect(await wallet.topUp({ voucher: '7K3M-7K3M-7K3M-7K3M' })).toMatchObject({ amountMicro: 5_000_000n });
  expect(await drift(wallet)).toBe(0n);
});

test('site coins are given back and cashed', async () => {
  await visit(world, wallet, page(1), 'person');
  expect(await wallet.refund({ vnd: 'other.example' })).toEqual([]);
  const refunds = await wallet.refund({ origin: news.origin });
  expect(refunds).toMatchObject([{ kind: 'refund', state: 'refunded', amountMicro: 28_500n }]);
  expect((await wallet.balance()).brokers[0]).toMatchObject({ accountMicro: 998_500n, coinsMicro: 0n, heldMicro: 0n });
  expect(await drift(wallet)).toBe(0n);
});

test('a refund goes on where it was cut: before the release, before the cash, after a lost answer', async () => {
  for (const cut of ['/farthing/scrip/release', '/v1/scrip/refund']) {
    for (const when of ['before', 'after'] as const) {
      await visit(world, wallet, page(`${cut}${when}`.replaceAll('/', '-')), 'person');
      let broken = true;
      world.control.middle = async ({ url }, on) => {
        if (url.pathname === cut && broken && when === 'before') throw new TypeError('cut');
        const response = await on();
        if (url.pathname === cut && broken) throw new TypeError('cut');
        return response;
      };
      const [begun] = await wallet.refund();
      expect(begun).toMatchObject({ state: 'pending' });
      expect(await drift(wallet)).toBe(0n);
      broken = false;
      const after = await reopen(world, store);
      expect((await after.recover()).open).toBe(0);
      expect(await after.record(begun?.id ?? '')).toMatchObject({ state: 'refunded' });
      expect((await after.balance({ refresh: true })).brokers[0]).toMatchObject({ coinsMicro: 0n, heldMicro: 0n });
      expect(await drift(after)).toBe(0n);
    }
  }
});

test('coins near the end of their life are renewed', async () => {
  await visit(world, wallet, page(1), 'person');
  world.clock.nowMs += 28 * 86_400_000;
  expect(await wallet.renewExpiring(86_400_000)).toEqual([]);
  expect(await wallet.renewExpiring(3 * 86_400_000)).toMatchObject([{ state: 'paid', amountMicro: 28_500n }]);
  world.clock.nowMs += 10 * 86_400_000;
  await wallet.setRule(news.origin, AUTO);
  expect((await visit(world, wallet, page(2))).settled.outcome).toBe('paid');
  expect(await drift(wallet)).toBe(0n);
});

test('coins that have expired are written off, and what the broker returns of them is received', async () => {
  await visit(world, wallet, page(1), 'person');
  world.clock.nowMs += 31 * 86_400_000;
  expect((await wallet.balance()).totalMicro).toBe(970_000n);
  expect(await drift(wallet)).toBe(0n);
  world.broker.credit(wallet.accountId() ?? '', 28_500n);
  expect((await wallet.balance({ refresh: true })).totalMicro).toBe(998_500n);
  expect((await wallet.conservation())[0]).toMatchObject({ receivedMicro: 28_500n, driftMicro: 0n });
});

test('a reply that was lost costs nothing: the same credential gets the page and the change', async () => {
  await wallet.setRule(news.origin, AUTO);
  const payment = await payFor(wallet, await askFor(world, page(1)));
  world.control.middle = async (_, on) => {
    await on();
    throw new TypeError('connection lost');
  };
  expect((await send(world, wallet, payment)).settled).toMatchObject({
    outcome: 'unknown',
    record: { state: 'pending' },
  });
  expect((await wallet.balance()).brokers[0]).toMatchObject({ heldMicro: 30_000n });
  world.control.middle = (_, on) => on();
  const after = await reopen(world, store);
  const [pending] = await after.pending();
  expect(pending?.header).toEqual(payment.header);
  if (pending) expect((await send(world, after, pending)).settled.outcome).toBe('paid');
  expect(await after.pending()).toEqual([]);
  expect(news.state.earned).toBe(1500n);
  expect((await after.balance()).totalMicro).toBe(998_500n);
  expect(await drift(after)).toBe(0n);
});

test('a page that turned out free is found out by giving the coin back', async () => {
  await wallet.setRule(news.origin, AUTO);
  await visit(world, wallet, page(1));
  const payment = await wallet.preempt({ url: page('free'), method: 'GET', site: news.origin });
  if (!payment) throw new Error('nothing was prepared');
  expect((await send(world, wallet, payment)).settled.outcome).toBe('unknown');
  expect(await wallet.resolve(payment.id)).toMatchObject({ outcome: 'not_charged' });
  expect((await wallet.balance()).brokers[0]).toMatchObject({ coinsMicro: 28_500n, heldMicro: 0n });
  expect((await wallet.rule(news.origin)).spentTodayMicro).toBe(1500n);
  expect(await drift(wallet)).toBe(0n);
});

test('an unknown payment that the site did take stays unknown when its coin is offered back', async () => {
  const payment = await payFor(wallet, await askFor(world, page(1)), 'person');
  world.control.middle = async ({ url }, on) => {
    const response = await on();
    if (url.pathname.startsWith('/article')) throw new TypeError('connection lost');
    return response;
  };
  await send(world, wallet, payment);
  expect(await wallet.resolve(payment.id)).toMatchObject({ outcome: 'unknown', record: { state: 'pending' } });
  world.control.middle = (_, on) => on();
  expect((await send(world, wallet, payment)).settled.outcome).toBe('paid');
  expect(await drift(wallet)).toBe(0n);
});

test('a payment that was never sent gives everything back', async () => {
  const payment = await payFor(wallet, await askFor(world, page(1)), 'person');
  await wallet.unsent(payment.id);
  expect(await wallet.pending()).toEqual([]);
  expect((await wallet.budget()).spentTodayMicro).toBe(0n);
  expect((await wallet.balance()).totalMicro).toBe(1_000_000n);
  expect(await drift(wallet)).toBe(0n);
});

test('rules, budgets and pauses are obeyed in their order', async () => {
  const reason = async (n: string) => {
    const decision = await wallet.decide(await askFor(world, page(n)));
    return decision.kind === 'pay' || decision.kind === 'again' ? decision.kind : `${decision.kind} ${decision.reason}`;
  };
  expect(await reason('a')).toBe('ask approval-needed');
  await wallet.setRule(news.origin, AUTO);
  expect(await reason('a')).toBe('pay');
  await wallet.setRule(news.origin, { ...AUTO, perPageMicro: 1499n });
  expect(await reason('a')).toBe('ask over-page-limit');
  await wallet.setRule(news.origin, { ...AUTO, perDayMicro: 1499n });
  expect(await reason('a')).toBe('ask over-day-limit');
  await wallet.setRule(news.origin, AUTO);
  await wallet.setBudget({ perDayMicro: 1499n });
  expect(await reason('a')).toBe('ask over-day-limit');
  await wallet.setBudget({ perDayMicro: 1500n });
  await wallet.pause(world.clock.nowMs + 1000);
  expect(await reason('a')).toBe('refuse paused');
  world.clock.nowMs += 1000;
  expect(await reason('a')).toBe('pay');
  await wallet.pause('forever');
  expect(await reason('a')).toBe('refuse paused');
  await wallet.resume();
  await wallet.setRule(news.origin, { ...AUTO, mode: 'never' });
  expect(await reason('a')).toBe('refuse site-never');
  await wallet.forgetSite(news.origin);
  await wallet.setBudget({ newSites: 'auto', newSitesUpToMicro: 1500n });
  expect(await reason('a')).toBe('pay');
  news.state.priceMicro = 2_000_000n;
  expect(await reason('a')).toBe('refuse funds-short');
});

test('a day limit opens again at midnight UTC, and a clock that goes back opens nothing', async () => {
  await wallet.setRule(news.origin, { ...AUTO, perDayMicro: 1500n });
  await visit(world, wallet, page(1));
  await expect(visit(world, wallet, page(2))).rejects.toThrow('over-day-limit');
  world.clock.nowMs -= 86_400_000;
  await expect(visit(world, wallet, page(2))).rejects.toThrow('over-day-limit');
  world.clock.nowMs += 2 * 86_400_000;
  await visit(world, wallet, page(2));
});

test('an approval can bring the rule of the site with it', async () => {
  const ask = await askFor(world, page(1));
  const decision = await wallet.decide(ask);
  if (decision.kind !== 'ask') throw new Error(decision.kind);
  const { challengeId, amountMicro: maxMicro, suggested: rule } = decision.offer;
  await send(world, wallet, await wallet.pay(ask, { challengeId, maxMicro, by: 'person', rule }));
  expect(await wallet.siteRules()).toMatchObject([{ origin: news.origin, mode: 'auto', spentTodayMicro: 1500n }]);
  expect((await visit(world, wallet, page(2))).settled.outcome).toBe('paid');
});

test('prices of one micro and beyond 2^53 survive every layer', async () => {
  const huge = 9_007_199_254_740_993n;
  await wallet.topUp({ amountMicro: huge * 2n });
  for (const price of [1n, huge]) {
    news.state.priceMicro = price;
    const { settled } = await visit(world, wallet, page(price.toString()), 'person');
    expect(settled.record).toMatchObject({ state: 'paid', amountMicro: price });
    expect(await drift(wallet)).toBe(0n);
  }
  expect((await wallet.balance({ refresh: true })).totalMicro).toBe(1_000_000n + huge - 1n);
  expect(await wallet.exportCsv()).toContain('-9007199254.740993');
});

test('the journal pages, filters by site, and exports text of others as text', async () => {
  const shop = world.addSite('shop.example');
  await visit(world, wallet, page(1), 'person');
  world.clock.nowMs += 1;
  await visit(world, wallet, `${shop.origin}/article/=1`, 'person');
  const all = await wallet.history();
  expect(all.map(({ kind }) => kind)).toEqual(['payment', 'purchase', 'payment', 'purchase', 'top_up']);
  expect(await wallet.history({ limit: 2, before: all[0]?.id ?? '' })).toEqual(all.slice(1, 3));
  expect(await wallet.history({ site: shop.origin, limit: 1 })).toEqual([all[0]]);
  const csv = await wallet.exportCsv();
  const lines = csv.split('\r\n');
  expect(lines[0]).toBe(
    '\uFEFFtime_utc,type,status,site,page,amount,currency,balance_after,broker,method,receipt_id,rule,units,unit',
  );
  expect(lines[1]).toMatch(/^2026-11-23T12:00:00.000Z,top_up,paid,,,1.00,USD,1.00,Test broker,,,,,$/);
  expect(lines.at(-2)).toContain('payment,paid,https://shop.example,https://shop.example/article/=1,-0.0015,USD,0.997');
});

test('an order that never arrived and is too old by now is replaced by a new one', async () => {
  let away = true;
  world.control.middle = ({ url }, on) => {
    if (away && url.pathname.startsWith('/v1/') && url.pathname !== '/v1/keys') throw new TypeError('no network');
    return on();
  };
  await expect(wallet.topUp({ amountMicro: 500_000n })).rejects.toMatchObject({ code: 'broker-unreachable' });
  away = false;
  await visit(world, wallet, page(1), 'person');
  world.control.middle = ({ url }, on) => {
    if (away && url.pathname === '/v1/scrip/refund') throw new TypeError('no network');
    return on();
  };
  away = true;
  const [refund] = await wallet.refund();
  expect(refund?.state).toBe('pending');
  away = false;
  world.clock.nowMs += 2 * limits.requestAgeMs;
  await wallet.recover();
  expect(await wallet.record(refund?.id ?? '')).toMatchObject({ state: 'refunded' });
  expect(await wallet.topUp({ amountMicro: 500_000n })).toMatchObject({ state: 'paid' });
  const topUps = (await wallet.history()).filter(({ kind }) => kind === 'top_up').map(({ state }) => state);
  expect(topUps).toHaveLength(3);
  expect((await wallet.balance({ refresh: true })).totalMicro).toBe(1_998_500n);
  expect(await drift(wallet)).toBe(0n);
});
