import { PaymentProblem } from '@farthing/protocol';
import { beforeEach, expect, test } from 'vitest';
import { type PayingEvent, type PayingOptions, payingFetch } from './paying-fetch.ts';
import { AUTO, drift, makeCustomer } from './testing/customer.ts';
import { makeWorld, type Site, type World } from './testing/world.ts';
import type { Wallet } from './wallet.ts';

let world: World;
let news: Site;
let wallet: Wallet;
let slept: number[];
const page = (n: number | string) => `https://news.example/article/${n}`;
const fetcher = (options: PayingOptions = {}) =>
  payingFetch(world.fetch, wallet, {
    sleep: async (ms) => {
      slept.push(ms);
    },
    ...options,
  });
const withCredential = () => world.control.log.filter(({ request }) => request.headers.has('authorization'));

beforeEach(async () => {
  world = makeWorld();
  slept = [];
  news = world.addSite('news.example');
  ({ wallet } = await makeCustomer(world));
});

test('a page of a site that has no rule stays a 402; with a maximum, a yes or a rule it is paid', async () => {
  expect((await fetcher()(page(1))).status).toBe(402);
  expect((await fetcher({ maxMicro: 1499n })(page(1))).status).toBe(402);
  expect((await fetcher({ onAsk: () => false })(page(1))).status).toBe(402);
  expect(news.state.earned).toBe(0n);
  expect(await (await fetcher({ maxMicro: 1500n })(page(1))).text()).toBe('content of /article/1');
  expect((await fetcher({ onAsk: ({ amountMicro }) => amountMicro === 1500n })(page(2))).status).toBe(200);
  await wallet.setRule(news.origin, AUTO);
  expect((await fetcher()(page(3))).status).toBe(200);
  expect((await fetcher({ maxMicro: 1n })('https://news.example/free')).status).toBe(200);
  expect(news.state.earned).toBe(4500n);
  expect(await drift(wallet)).toBe(0n);
});

test('the second page takes one request, and a page that was paid is read again for nothing', async () => {
  await wallet.setRule(news.origin, AUTO);
  const fetch = fetcher();
  await fetch(page(1));
  const before = world.control.log.length;
  await fetch(page(2));
  await fetch(page(1));
  expect(world.control.log.length - before).toBe(2);
  expect(news.state.earned).toBe(3000n);
});

test('a body is bound to the payment and sent again with it', async () => {
  await wallet.setRule(news.origin, AUTO);
  const response = await fetcher()(page('post'), { method: 'POST', body: '{"q":1}' });
  expect(response.status).toBe(200);
  expect(withCredential().map(({ body }) => body)).toEqual(['{"q":1}']);
  const again = await fetcher()(page('post'), { method: 'POST', body: '{"q":1}' });
  expect(again.status).toBe(200);
  expect(news.state.earned).toBe(3000n);
});

test('after a lost reply the same credential is sent again, and one page is paid once', async () => {
  await wallet.setRule(news.origin, AUTO);
  let lost = 2;
  world.control.middle = async ({ request }, on) => {
    const response = await on();
    if (request.headers.has('authorization') && lost-- > 0) throw new TypeError('connection lost');
    return response;
  };
  expect(await (await fetcher()(page(1))).text()).toBe('content of /article/1');
  expect(new Set(withCredential().map(({ request }) => request.headers.get('authorization'))).size).toBe(1);
  expect(news.state.earned).toBe(1500n);
  expect(slept).toEqual([250, 500]);
  expect(await drift(wallet)).toBe(0n);
});

test('an outcome that stays unknown ends in outcome-unknown, and the payment stays set aside', async () => {
  await wallet.setRule(news.origin, AUTO);
  world.control.middle = async ({ request }, on) => {
    if (request.headers.has('authorization')) throw new TypeError('connection lost');
    return on();
  };
  const failed = await fetcher()(page(1)).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(PaymentProblem);
  expect(failed).toMatchObject({ code: 'outcome-unknown' });
  expect(await wallet.pending()).toHaveLength(1);
  world.control.middle = (_, on) => on();
  expect((await fetcher()(page(1))).status).toBe(200);
  expect(await wallet.pending()).toEqual([]);
  expect(news.state.earned).toBe(1500n);
});

test('503 outcome-unknown: the same credential after Retry-After, a bounded number of times', async () => {
  await wallet.setRule(news.origin, AUTO);
  let away = 2;
  world.control.middle = async ({ request }, on) => {
    if (!request.headers.has('authorization') || away-- <= 0) return on();
    const problem = new PaymentProblem('outcome-unknown', { consumed: 'unknown' });
    const headers = { 'content-type': 'application/problem+json', 'retry-after': '3' };
    return new Response(JSON.stringify(problem.toBody()), { status: 503, headers });
  };
  expect((await fetcher()(page(1))).status).toBe(200);
  expect(slept).toEqual([3000, 3000]);
  away = 100;
  expect((await fetcher({ tries: 3 })(page(2))).status).toBe(503);
  expect(withCredential()).toHaveLength(3 + 3);
  expect(await wallet.pending()).toHaveLength(1);
});

test('F9: a credential never follows a redirect, to another origin or within one', async () => {
  const evil = world.addSite('evil.example');
  await wallet.setRule(news.origin, AUTO);
  await fetcher()(page(1));
  for (const location of [`${evil.origin}/free`, '/free']) {
    const before = withCredential().length;
    world.control.middle = async ({ request, url }, on) => {
      if (url.pathname !== '/article/2' || !request.headers.has('authorization')) return on();
      const paid = await on();
      return new Response(null, { status: 302, headers: { ...Object.fromEntries(paid.headers), location } });
    };
    expect(await (await fetcher()(page(2))).text()).toBe('free');
    expect(
      withCredential()
        .slice(before)
        .map(({ url }) => url.href),
    ).toEqual([page(2)]);
  }
  expect(await drift(wallet)).toBe(0n);
});

test('F9: what another origin asks after a redirect is not paid', async () => {
  const evil = world.addSite('evil.example');
  await wallet.setRule(evil.origin, AUTO);
  world.control.middle = async ({ url }, on) => {
    if (url.pathname !== '/away') return on();
    const asked = await world.fetch(`${evil.origin}/article/1`);
    Object.defineProperties(asked, { redirected: { value: true }, url: { value: `${evil.origin}/article/1` } });
    return asked;
  };
  expect((await fetcher({ maxMicro: 10n ** 6n })('https://news.example/away')).status).toBe(402);
  expect(withCredential()).toEqual([]);
});

test('F18: a site that always answers 402 gets one credential', async () => {
  world.control.middle = async ({ request }, on) => {
    if (!request.headers.has('authorization')) return on();
    const problem = new PaymentProblem('scrip-forged', { consumed: false });
    const headers = { 'content-type': 'application/problem+json', 'www-authenticate': news.challenges()[0] ?? '' };
    return new Response(JSON.stringify(problem.toBody()), { status: 402, headers });
  };
  expect((await fetcher({ maxMicro: 1500n })(page(1))).status).toBe(402);
  expect(withCredential()).toHaveLength(1);
  expect((await wallet.budget()).spentTodayMicro).toBe(0n);
});

test('a kept challenge that has died is replaced by the fresh one, within the rules', async () => {
  await wallet.setRule(news.origin, AUTO);
  await fetcher()(page(1));
  let first = true;
  world.control.middle = async ({ request }, on) => {
    if (!request.headers.has('authorization') || !first) return on();
    first = false;
    const problem = new PaymentProblem('challenge-mismatch');
    const headers = { 'content-type': 'application/problem+json', 'www-authenticate': news.challenges()[0] ?? '' };
    return new Response(JSON.stringify(problem.toBody()), { status: 402, headers });
  };
  const events: PayingEvent[] = [];
  const response = await fetcher({ onEvent: (event) => events.push(event) })(page(2));
  expect(response.status).toBe(200);
  expect(events.map(({ kind }) => kind)).toEqual(['sent', 'settled', 'decided', 'sent', 'settled']);
  expect(news.state.earned).toBe(3000n);
  expect(await drift(wallet)).toBe(0n);
});

test("the caller's own login is not overwritten", async () => {
  await wallet.setRule(news.origin, AUTO);
  const response = await fetcher()(page(1), { headers: { authorization: 'Bearer mine' } });
  expect(response.status).toBe(402);
  expect(world.control.log.every(({ request }) => !request.headers.get('authorization')?.startsWith('Payment'))).toBe(
    true,
  );
  expect((await wallet.balance()).brokers[0]?.heldMicro).toBe(0n);
  expect((await wallet.budget()).spentTodayMicro).toBe(0n);
});
