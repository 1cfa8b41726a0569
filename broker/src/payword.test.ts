import { makeChain } from '@farthing/protocol/wallet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { auditLedger } from './audit/audit.ts';
import { ledgerPath } from './start.ts';
import { Bench, Person, pieceOf, Site } from './testing/client.ts';
import { makeOlder } from './testing/older.ts';
import {
  AFTER_WINDOW_MS,
  buyChain,
  buyTicket,
  certify,
  certOrder,
  chainOrder,
  claimOf,
  closeOrder,
  closing,
  commitParts,
  commitTo,
  keyOrder,
  pollOrder,
  redeemWords,
  ticketOrder,
} from './testing/payword.ts';
import { isOnPostgres } from './testing/postgres.ts';

let bench: Bench;
let site: Site;
let anna: Person;
beforeEach(async () => {
  bench = await new Bench().start();
  site = await new Site(bench).open();
  anna = new Person(bench);
});
afterEach(async () => {
  expect((await bench.audit()).findings).toEqual([]);
  await bench[Symbol.asyncDispose]();
});

const balance = async (person: Person) => (await person.statement())['balance'];
const answer = async (order: ReturnType<typeof pollOrder>) => (await bench.send('/v1/payword/poll', order))['answer'];
const restart = async (...options: Parameters<Bench['start']>) => {
  await bench.stop();
  await bench.start(...options);
};

test('one prepaid chain is spent at three sites, and credits and refund make its price', async () => {
  const sites = [site, await new Site(bench, 'b.example').open(), await new Site(bench, 'c.example').open()];
  await anna.faucet(5_000_000n);
  const chain = await buyChain(anna, 100, 1_000n);
  expect(await balance(anna)).toBe('4900000');
  const closings = [];
  let first = 1;
  for (const [k, at] of sites.entries()) {
    const session = await buyTicket(anna, chain, { vnd: at.vnd, first, last: first + 19 });
    const spent = BigInt(k + 3) * 1_000n;
    expect(await redeemWords(at, claimOf(session, first + k + 2))).toMatchObject({
      sessions: [{ session: session.id, credited: spent.toString() }],
      balance: spent.toString(),
    });
    closings.push(closing(at, session, spent, first + k + 2));
    first += 20;
  }
  const closed = await bench.send('/v1/payword/close', closeOrder(anna, closings, chain));
  expect(closed).toEqual({ refunded: '88000', balance: '4988000', cur: 'usd-micro' });
});

test('a ticket that was closed early gives its rest to the next site', async () => {
  await anna.faucet(5_000_000n);
  const other = await new Site(bench, 'b.example').open();
  const chain = await buyChain(anna, 20, 10n);
  const session = await buyTicket(anna, chain, { vnd: site.vnd, first: 1, last: 20 });
  expect(
    await bench.refused('/v1/payword/tickets', ticketOrder(anna, chain, { vnd: other.vnd, first: 5, last: 9 })),
  ).toBe('range-invalid');
  const order = anna.order('payword-close/1', {
    closings: [closing(site, session, 40n, 4)],
    rest: 'keep',
    chainId: chain.anchor.id,
  });
  expect(await bench.send('/v1/payword/close', order)).toMatchObject({ refunded: '0', next: 5 });
  const next = await buyTicket(anna, chain, { vnd: other.vnd, first: 5, last: 20 });
  expect((await redeemWords(other, claimOf(next, 20))).balance).toBe('160');
  expect((await redeemWords(site, claimOf(session, 4))).balance).toBe('40');
});

test('what no site claims returns 48 hours after a chain expired', async () => {
  await anna.faucet(5_000_000n);
  const chain = await buyChain(anna, 100, 1_000n);
  const session = await buyTicket(anna, chain, { vnd: site.vnd, first: 1, last: 50 });
  await redeemWords(site, claimOf(session, 10));
  bench.offsetMs = AFTER_WINDOW_MS - 4 * 60_000;
  await restart();
  expect(await balance(anna)).toBe('4900000');
  expect(await redeemWords(site, claimOf(session, 20))).toMatchObject({ balance: '20000' });
  bench.offsetMs = AFTER_WINDOW_MS;
  await restart();
  expect(await balance(anna)).toBe('4980000');
  expect((await redeemWords(site, claimOf(session, 30))).sessions).toMatchObject([{ credited: '0', alarm: 'late' }]);
});

test('a site that shares a key gets tickets under a MAC, another gets signed ones', async () => {
  await anna.faucet(5_000_000n);
  const chain = await buyChain(anna, 10, 10n);
  const wish = { vnd: site.vnd, first: 1, last: 5, auth: 'hmac' as const };
  expect(await bench.refused('/v1/payword/tickets', ticketOrder(anna, chain, wish))).toBe('request-malformed');
  await bench.send('/v1/payword/keys', keyOrder(site));
  const session = await buyTicket(anna, chain, wish);
  expect(session.deed).toMatchObject({ ticket: { mac: expect.any(String) } });
  const signed = await buyTicket(anna, chain, { vnd: site.vnd, first: 6, last: 10 });
  expect(signed.deed).toMatchObject({ ticket: { sig: expect.any(String) } });
});

test('on credit a site is paid down to the line, and the rest when the customer has paid in', async () => {
  await restart({ creditMicro: 50_000n });
  const day = await certify(anna, site.vnd, 50_000n);
  const other = await new Site(bench, 'b.example').open();
  const more = commitTo(bench, await certify(anna, other.vnd, 50_000n), 50, 1_000n);
  const session = commitTo(bench, day, 50, 1_000n);
  expect((await redeemWords(site, claimOf(session, 30))).balance).toBe('30000');
  expect(await anna.statement()).toMatchObject({ balance: '0', owed: '30000', line: '50000' });
  expect(await redeemWords(other, claimOf(more, 40))).toMatchObject({
    sessions: [{ credited: '20000', later: true }],
    balance: '20000',
  });
  await anna.faucet(5_000n);
  expect((await redeemWords(other, claimOf(more, 40))).balance).toBe('25000');
  expect(await anna.statement()).toMatchObject({ owed: '50000' });
  await anna.faucet(100_000n);
  expect((await redeemWords(other, claimOf(more, 40))).sessions).toEqual([{ session: more.id, credited: '15000' }]);
  expect(await balance(anna)).toBe('35000');
});

test('a customer on credit reads which site billed how much, in one line for each batch', async () => {
  const day = await certify(anna, site.vnd, 50_000n);
  await redeemWords(site, claimOf(commitTo(bench, day, 9, 100n), 9), claimOf(commitTo(bench, day, 9, 100n), 4));
  const { lines } = await anna.statement();
  expect(lines).toMatchObject([
    { kind: 'payword-redeem', amount: '-1300', ref: expect.stringMatching(/^news\.example /) },
  ]);
});

test('segments of one commitment are claimed one by one, under one cap', async () => {
  const day = await certify(anna, site.vnd, 100_000n);
  const [a, b] = commitParts(bench, day, { m: 3, n: 10, unit: 1_000n, cap: 12_000n });
  if (!a || !b) throw new Error('three segments');
  expect((await redeemWords(site, claimOf(a, 10))).balance).toBe('10000');
  expect(await redeemWords(site, claimOf(b, 10))).toMatchObject({
    sessions: [{ credited: '2000', alarm: 'over-cap' }],
    balance: '12000',
  });
});

test('the fee is of the sum, at the rate that held when the deal came', async () => {
  await anna.faucet(5_000_000n);
  await restart({ paywordFeeBps: 250 });
  const chain = await buyChain(anna, 200, 10n);
  const old = await buyTicket(anna, chain, { vnd: site.vnd, first: 1, last: 100 });
  await restart({ paywordFeeBps: 1_000 });
  const fresh = await buyTicket(anna, chain, { vnd: site.vnd, first: 101, last: 200 });
  for (let i = 7; i < 100; i += 7) await redeemWords(site, claimOf(old, i));
  expect((await redeemWords(site, claimOf(old, 100))).balance).toBe('975');
  expect((await redeemWords(site, claimOf(fresh, 200))).balance).toBe('1875');
});

test('polling answers ok, then limit once, then deny, and starts anew the next day', async () => {
  await restart({ creditMicro: 30_000n, pollMicro: 10_000n });
  const { cert } = await certify(anna, site.vnd, 30_000n);
  const answers = [];
  for (let i = 0; i < 4; i++) answers.push(await answer(pollOrder(site, cert, 500n)));
  expect(answers).toEqual(['ok', 'ok', 'limit', 'deny']);
  // Nor is it certified to a site that has not asked yet.
  const order = certOrder(anna, site.vnd, 1n, bench.env().random(32));
  expect(await bench.refused('/v1/payword/cert', order)).toBe('limit-reached');
  bench.offsetMs = 86_400_000;
  const { cert: tomorrow } = await certify(anna, site.vnd, 30_000n);
  expect(tomorrow.sub).toBe(cert.sub);
  expect(await answer(pollOrder(site, tomorrow, 500n))).toBe('ok');
});

test('polling counts what an account owes already against its line', async () => {
  await restart({ creditMicro: 30_000n, pollMicro: 10_000n });
  const session = commitTo(bench, await certify(anna, site.vnd, 30_000n), 30, 1_000n);
  await redeemWords(site, claimOf(session, 25));
  bench.offsetMs = 86_400_000;
  const { cert } = await certify(anna, site.vnd, 30_000n);
  expect([await answer(pollOrder(site, cert, 1n)), await answer(pollOrder(site, cert, 1n))]).toEqual(['limit', 'deny']);
});

test('a batch of long chains is paid as far as the work allows, the rest later', async () => {
  await anna.faucet(5_000_000n);
  const sessions = [];
  for (let k = 0; k < 3; k++) {
    const chain = await buyChain(anna, 100_000, 1n, false);
    sessions.push(await buyTicket(anna, chain, { vnd: site.vnd, first: 1, last: 100_000 }));
  }
  const claims = sessions.map((session) => claimOf(session, 100_000));
  expect((await redeemWords(site, ...claims)).sessions.map(({ credited, later }) => [credited, later])).toEqual([
    ['100000', undefined],
    ['100000', undefined],
    ['0', true],
  ]);
  expect((await redeemWords(site, ...claims)).balance).toBe('300000');
});

test('a repeated order gets the stored answer and moves nothing twice', async () => {
  await anna.faucet(5_000_000n);
  const chain = makeChain(10, { locked: true }, bench.env());
  const buy = chainOrder(anna, chain, 1_000n);
  const first = await bench.post('/v1/payword/buy', buy);
  expect((await bench.post('/v1/payword/buy', buy)).text).toBe(first.text);
  const ticket = ticketOrder(anna, chain, { vnd: site.vnd, first: 1, last: 10 });
  const allotted = await bench.post('/v1/payword/tickets', ticket);
  expect((await bench.post('/v1/payword/tickets', ticket)).text).toBe(allotted.text);
  const close = anna.order('payword-close/1', { closings: [], rest: 'refund', chainId: chain.anchor.id });
  const closed = await bench.post('/v1/payword/close', close);
  expect((await bench.post('/v1/payword/close', close)).text).toBe(closed.text);
  expect(await balance(anna)).toBe('4990000');
});

test.skipIf(isOnPostgres)(
  'a ledger of the first version is taken over with its money, pieces and history',
  async () => {
    await anna.faucet(5_000_000n);
    const { scrip } = pieceOf(await anna.buy(site.vnd, 10_000n));
    await bench.stop();
    const path = ledgerPath(bench.data);
    makeOlder(bench.data, 1);
    expect(auditLedger(path, bench.public.root).findings).toEqual([]);
    await bench.start();
    expect(await balance(anna)).toBe('4990000');
    expect(await site.redeem([{ root: scrip.root, cum: 10n }])).toMatchObject({ balance: '10' });
    const session = await buyTicket(anna, await buyChain(anna, 10, 5n), { vnd: site.vnd, first: 1, last: 10 });
    expect((await redeemWords(site, claimOf(session, 10))).balance).toBe('60');
  },
);
