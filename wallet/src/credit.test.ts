// Paying on credit, with a real broker and a real site: off by default, bounded by the day, owed until it is paid.
import { afterEach, expect, test } from 'vitest';
import { payingFetch } from './paying-fetch.ts';
import { drift } from './testing/customer.ts';
import { type Market, openMarket } from './testing/market.ts';
import { tape } from './testing/tape.ts';
import type { Wallet } from './wallet.ts';

const RULE = { mode: 'auto', perPageMicro: 1_000n, perDayMicro: 100_000n } as const;
const DAY_MS = 86_400_000;
let market: Market;
let wallet: Wallet;
let reel: ReturnType<typeof tape>;
afterEach(() => market.close());

async function open({ fundings, topUpMicro = 0n }: { fundings?: ('credit' | 'prepaid')[]; topUpMicro?: bigint } = {}) {
  reel = tape();
  market = await openMarket(
    (app, pay) => {
      app.get('/call', pay.wall({ price: '0.00001 USD', unit: 'call' }), (_req, res) => void res.send('called'));
      app.all(
        '/live',
        pay.stream({ price: '0.00001 USD', unit: 'second' }, () => reel.play()),
      );
    },
    fundings ? { fundings } : {},
  );
  ({ wallet } = await market.customer({ topUpMicro }));
  await wallet.setRule(market.origin, RULE);
}
const call = () => payingFetch(market.fetch, wallet, { sleep: async () => {} })(`${market.origin}/call`);
const books = async () => (await wallet.balance({ refresh: true })).brokers[0];

test('what is bought on credit is owed, before and after the broker has billed it, and paid by the next top-up', async () => {
  await open();
  await wallet.setCredit({ on: true, perDayMicro: 50_000n });
  for (let n = 0; n < 5; n++) expect(await (await call()).text()).toBe('called');
  expect(await books()).toMatchObject({ accountMicro: 0n, coinsMicro: 0n, heldMicro: 0n, owedMicro: 50n });
  expect(await wallet.sessions()).toMatchObject([{ credit: true, state: 'open', leftMicro: 9_950n }]);
  expect(await drift(wallet)).toBe(0n);
  await market.pay.redeemNow();
  expect(await books()).toMatchObject({ accountMicro: 0n, owedMicro: 50n, lineMicro: 1_000_000n });
  expect((await wallet.conservation())[0]).toMatchObject({ driftMicro: 0n, accountMicro: -50n, lentMicro: 9_950n });
  await wallet.topUp({ amountMicro: 1_000n });
  expect(await books()).toMatchObject({ accountMicro: 950n, owedMicro: 0n });
  await call();
  expect((await wallet.balance()).totalMicro).toBe(940n);
  market.clock.shiftMs = 2 * DAY_MS;
  await wallet.recover();
  expect(await wallet.sessions()).toEqual([]);
  expect((await wallet.conservation())[0]).toMatchObject({ driftMicro: 0n, lentMicro: 10n });
  expect(await market.audit()).toMatchObject({ ok: true });
});

test('credit is off until it is turned on, and money is taken then; turned off again, no promise is used any more', async () => {
  await open({ topUpMicro: 50_000n });
  await call();
  expect(await wallet.sessions()).toMatchObject([{ state: 'open' }]);
  expect((await wallet.sessions())[0]?.credit).toBeUndefined();
  await wallet.closeSessions();
  await wallet.setCredit({ on: true, perDayMicro: 50_000n });
  await call();
  expect(await books()).toMatchObject({ owedMicro: 10n });
  await wallet.setCredit({ on: false });
  await call();
  expect(await books()).toMatchObject({ owedMicro: 10n });
  expect(await drift(wallet)).toBe(0n);
});

test('a site that takes credit alone is refused while credit is off, with what to do; and paid when it is on', async () => {
  await open({ fundings: ['credit'], topUpMicro: 50_000n });
  const answer = await market.fetch(`${market.origin}/live`);
  const challenges = [answer.headers.get('www-authenticate') ?? ''];
  const ask = { url: `${market.origin}/live`, method: 'GET', site: market.origin, challenges };
  expect(await wallet.decide(ask)).toMatchObject({ kind: 'refuse', reason: 'credit-off' });
  // A single charge of the same page is paid with money all the same.
  expect((await call()).status).toBe(200);
  expect((await wallet.history({ limit: 1 }))[0]).toMatchObject({ method: 'scrip' });
  await wallet.setCredit({ on: true, perDayMicro: 50_000n });
  expect(await wallet.decide(ask)).toMatchObject({ kind: 'pay', offer: { stream: true } });
});

test('the limit of the day bounds what is promised, whatever is used; beyond it money is taken, or nothing is paid', async () => {
  await open({ topUpMicro: 50_000n });
  await wallet.setCredit({ on: true, perDayMicro: 25n });
  for (let n = 0; n < 4; n++) expect((await call()).status).toBe(200);
  expect(await books()).toMatchObject({ owedMicro: 20n });
  expect(await wallet.credit()).toEqual({ on: true, perDayMicro: 25n, promisedTodayMicro: 20n });
  expect(await drift(wallet)).toBe(0n);
});

test('a broker that lends nothing leaves the person paying with money', async () => {
  await open({ topUpMicro: 50_000n });
  market.control.middle = (request, on) =>
    request.url.endsWith('/v1/payword/cert')
      ? Promise.resolve(
          new Response(JSON.stringify({ code: 'credit-closed' }), {
            status: 403,
            headers: { 'content-type': 'application/problem+json' },
          }),
        )
      : on();
  await wallet.setCredit({ on: true, perDayMicro: 50_000n });
  expect((await call()).status).toBe(200);
  expect(await books()).toMatchObject({ owedMicro: 0n });
  expect(await wallet.credit()).toMatchObject({ promisedTodayMicro: 0n });
  expect(await drift(wallet)).toBe(0n);
});

test('a stream on credit is topped up with the next promise, and what it did not use is not owed', async () => {
  await open();
  await wallet.setRule(market.origin, { ...RULE, perPageMicro: 50_000n });
  await wallet.setCredit({ on: true, perDayMicro: 80_000n });
  const fetch = payingFetch(market.fetch, wallet);
  reel.roll(1_500);
  reel.end();
  const text = await (await fetch(`${market.origin}/live`)).text();
  expect(text.match(/data: \d+/g)).toHaveLength(1_500);
  await expect.poll(() => wallet.pending()).toEqual([]);
  expect(await books()).toMatchObject({ owedMicro: 15_000n, heldMicro: 0n });
  await market.pay.redeemNow();
  expect(await books()).toMatchObject({ owedMicro: 15_000n });
  expect(await drift(wallet)).toBe(0n);
  expect(await market.audit()).toMatchObject({ ok: true });
});
