// Coins that are good everywhere, when what they were to buy is not delivered: given back once, and never with the page.
import { limits } from '@farthing/protocol';
import { memory, type VendorStore } from '@farthing/vendor';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { challengeAt, codeOf, present } from '../harness/coin-payer.ts';
import { isVoid, openCoinStreet, PRICE } from '../harness/coin-street.ts';

const street = await openCoinStreet();
const { bench, news, shop, alice, middle, openShop, questions, earned } = street;
beforeEach(() => street.quiet());
afterAll(() => street[Symbol.asyncDispose]());

it('A page that fails gives the coins back, for another page at once, or for itself', async () => {
  const before = await earned(news);
  const given = await alice.give([2000n]);
  const failed = await alice.buy(`${news.url}/broken`, given);
  expect([failed.status, failed.headers.get('payment-consumed')]).toEqual([500, '?0']);
  expect(await codeOf(await alice.buy(`${news.url}/page`, given))).toBe('page');
  const url = `${news.url}/flaky`;
  const challenge = await challengeAt(url);
  const payload = alice.payload(challenge, await alice.give([5000n]));
  expect((await present(url, challenge, payload)).status).toBe(500);
  news.isBroken = false;
  expect((await present(url, challenge, payload)).status).toBe(200);
  expect(await earned(news)).toBe(before + 2n * PRICE);
});

it('A page that fails while the broker is away is held until it is asked for again, and then paid once', async () => {
  const before = await earned(news);
  const url = `${news.url}/flaky`;
  const challenge = await challengeAt(url);
  const payload = alice.payload(challenge, await alice.give([5000n]));
  const away = middle.fail(isVoid, 'cut-before');
  expect((await present(url, challenge, payload)).status).toBe(500);
  await away.failed;
  // Until the site has given up giving up: the payment is neither free nor delivered.
  const busy = await present(url, challenge, payload);
  expect([busy.status, await codeOf(busy)]).toEqual([503, 'outcome-unknown']);
  news.isBroken = false;
  await expect
    .poll(async () => (await present(url, challenge, payload)).status, { timeout: 30_000, interval: 500 })
    .toBe(200);
  away.stop();
  expect(middle.hits.filter(isVoid).length).toBeGreaterThan(1);
  expect(await earned(news)).toBe(before + PRICE);
});

it('A run that fails after another process has taken it over and delivered takes nothing back', async () => {
  const store = memory();
  const [first, next] = [await openShop('slow.example', store), await openShop('slow.example', store)];
  try {
    const challenge = await challengeAt(`${first.url}/slow`);
    const payload = alice.payload(challenge, await alice.give([5000n]));
    const late = present(`${first.url}/slow`, challenge, payload);
    const fail = await first.slow.promise;
    bench.offsetMs += limits.reservationMs + 1000;
    next.isBroken = false;
    expect(await codeOf(await present(`${next.url}/slow`, challenge, payload))).toBe('page');
    fail();
    const failed = await late;
    expect([failed.status, failed.headers.has('payment-consumed')]).toEqual([500, false]);
    expect(await earned(next)).toBe(PRICE);
    expect(middle.hits.filter(isVoid)).toEqual([]);
  } finally {
    await Promise.all([first.close(), next.close()]);
  }
});

it('A copy that was agreed to, and is written only after another one failed and was given up, is asked about again', async () => {
  const store = memory();
  const gate = Promise.withResolvers<void>();
  const waiting = Promise.withResolvers<void>();
  const slow: VendorStore = {
    ...store,
    async reserve(entry) {
      waiting.resolve();
      await gate.promise;
      return store.reserve(entry);
    },
  };
  const [first, next] = [await openShop('twin.example', store), await openShop('twin.example', slow)];
  try {
    const challenge = await challengeAt(`${first.url}/flaky`);
    const payload = alice.payload(challenge, await alice.give([5000n]));
    next.isBroken = false;
    const late = present(`${next.url}/flaky`, challenge, payload);
    await waiting.promise;
    expect((await present(`${first.url}/flaky`, challenge, payload)).status).toBe(500);
    await expect.poll(() => store.find(challenge.id), { timeout: 10_000 }).toBeUndefined();
    gate.resolve();
    expect(await codeOf(await late)).toBe('page');
    expect(await earned(next)).toBe(PRICE);
    expect(questions()).toBe(3);
  } finally {
    await Promise.all([first.close(), next.close()]);
  }
});

it('What is charged upfront stays charged', async () => {
  const before = await earned(news);
  const given = await alice.give([2000n]);
  const failed = await alice.buy(`${news.url}/first`, given);
  expect([failed.status, failed.headers.has('payment-consumed')]).toEqual([500, false]);
  expect(await codeOf(await alice.buy(`${shop.url}/page`, given))).toBe('coin-spent');
  expect(await earned(news)).toBe(before + PRICE);
});

it('A second payment under an Idempotency-Key is refused, and its coins are free again', async () => {
  const before = await earned(shop);
  const given = await alice.give([2000n]);
  const order = async (coins: typeof given) => {
    const url = `${shop.url}/order`;
    const challenge = await challengeAt(url, 'POST');
    const headers = { 'idempotency-key': 'only once' };
    return present(url, challenge, alice.payload(challenge, coins), { method: 'POST', headers });
  };
  expect((await order(await alice.give([2000n]))).status).toBe(200);
  expect(await codeOf(await order(given))).toBe('idempotency-reused');
  expect(await codeOf(await alice.buy(`${shop.url}/page`, given))).toBe('page');
  expect(await earned(shop)).toBe(before + 2n * PRICE);
});

it('Copies of one payment, with and without an Idempotency-Key that is taken, never bring a page and the coins back', async () => {
  const before = await earned(shop);
  const url = `${shop.url}/order`;
  const keyed = { method: 'POST', headers: { 'idempotency-key': 'taken' } };
  const taken = await challengeAt(url, 'POST');
  await present(url, taken, alice.payload(taken, await alice.give([2000n])), keyed);
  let delivered = 1;
  for (let round = 0; round < 12; round++) {
    const challenge = await challengeAt(url, 'POST');
    const payload = alice.payload(challenge, await alice.give([2000n]));
    const copies = [keyed, { method: 'POST' }, keyed].map((init) => present(url, challenge, payload, init));
    const answers = await Promise.all(copies);
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    if (answers.some(({ status }) => status === 200)) delivered++;
  }
  expect(shop.served).toBe(delivered);
  expect(await earned(shop)).toBe(before + BigInt(delivered) * PRICE);
});
