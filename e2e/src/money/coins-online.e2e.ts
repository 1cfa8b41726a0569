// Coins that are good everywhere, paid at a site that asks their broker before it delivers: held, changed and captured.
import { type Challenge, type JsonObject, limits, printCredential, readReceipt } from '@farthing/protocol';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { challengeAt, codeOf, present } from '../harness/coin-payer.ts';
import { COINS, isQuestion, openCoinStreet, PRICE } from '../harness/coin-street.ts';

const street = await openCoinStreet();
const { bench, news, shop, alice, middle, questions, earned } = street;
beforeEach(() => street.quiet());
afterAll(() => street[Symbol.asyncDispose]());

it('A page is paid with a coin that is too large: the change comes with it, the site is paid, and the books balance', async () => {
  const before = await earned(news);
  const given = await alice.give([5000n]);
  const challenge = await challengeAt(`${news.url}/page`);
  const payload = alice.payload(challenge, given);
  expect(printCredential({ challenge, payload }).length).toBeLessThanOrEqual(limits.credentialBytes);
  const answer = await present(`${news.url}/page`, challenge, payload);
  expect([answer.status, await answer.text()]).toEqual([200, 'page 1']);
  const receipt = readReceipt(answer.headers.get('payment-receipt') ?? '');
  expect(receipt?.details['deposit']).toMatchObject({ state: 'held', amount: '2000', vnd: news.vnd });
  alice.holder.finish(given.change.planned, receipt?.details['change']);
  expect(await earned(news)).toBe(before + PRICE);
});

it('The same credential, fifty times at once and later again, gets one receipt with the change; the broker is asked once', async () => {
  const before = await earned(news);
  const challenge = await challengeAt(`${news.url}/page`);
  const payload = alice.payload(challenge, await alice.give([5000n]));
  const answers = await Promise.all(Array.from({ length: 50 }, () => present(`${news.url}/page`, challenge, payload)));
  answers.push(await present(`${news.url}/page`, challenge, payload));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(answers.map(({ headers }) => headers.get('payment-receipt'))).size).toBe(1);
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  expect(questions()).toBe(1);
  expect(await earned(news)).toBe(before + PRICE);
});

it('One coin in many payments at once at two sites is delivered for once, in total; the others hear which coin it was', async () => {
  const before = await earned(news, shop);
  const given = await alice.give([1000n, 1000n]);
  const rest = await alice.give([1000n, 1000n]);
  const mixed = { coins: [given.coins, rest.coins].flatMap(([first]) => first ?? []), change: given.change };
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => alice.buy(`${(i % 2 === 0 ? news : shop).url}/page`, given)),
  );
  const bodies = await Promise.all(answers.map(async (answer) => [answer.status, await answer.text()] as const));
  expect(bodies.filter(([status]) => status === 200)).toHaveLength(1);
  const spent = given.coins.map(({ coin }) => coin.pk);
  for (const [status, text] of bodies.filter(([status]) => status !== 200)) {
    expect([status, JSON.parse(text)]).toMatchObject([402, { code: 'coin-spent', consumed: true, spent }]);
  }
  const refused = await alice.buy(`${shop.url}/page`, mixed);
  expect(refused.headers.has('payment-consumed')).toBe(false);
  expect(await refused.json()).toMatchObject({ code: 'coin-spent', spent: [spent[0]] });
  expect(await codeOf(await alice.buy(`${shop.url}/page`, rest))).toBe('page');
  expect(await earned(news, shop)).toBe(before + 2n * PRICE);
});

it('Altered payments and stolen headers are refused before the broker hears of them, and the coins stay good', async () => {
  const url = `${news.url}/page`;
  const challenge = await challengeAt(url);
  const given = await alice.give([5000n]);
  const honest = alice.payload(challenge, given);
  const [coin] = honest['coins'] as JsonObject[];
  const strange = alice.payload(challenge, await alice.give([5000n]));
  const [other] = strange['coins'] as JsonObject[];
  const cheap = alice.payload(challenge, await alice.give([2000n]));
  const refused: [JsonObject, Challenge, string][] = [
    [{ ...honest, change: strange['change'] ?? [] }, challenge, 'spend-wrong'],
    [{ ...honest, change: [] }, challenge, 'payload-invalid'],
    [{ ...honest, coins: [{ ...coin, sig: String(other?.['sig']) }] }, challenge, 'coin-forged'],
    [honest, await challengeAt(url), 'spend-wrong'],
    [alice.payload(challenge, given, shop.vnd), challenge, 'spend-wrong'],
    [{ ...honest, exp: Number(honest['exp']) + 1 }, challenge, 'spend-wrong'],
    [{ ...cheap, change: honest['change'] ?? [] }, challenge, 'amount-short'],
    [{ ...honest, brk: 'elsewhere' }, challenge, 'broker-unknown'],
  ];
  for (const [payload, of, code] of refused) {
    const answer = await present(url, of, payload);
    expect([answer.headers.get('payment-consumed'), await codeOf(answer)], code).toEqual(['?0', code]);
  }
  expect(await codeOf(await present(`${shop.url}/page`, challenge, honest))).toBe('challenge-mismatch');
  expect([questions(), news.served, shop.served]).toEqual([0, 0, 0]);
  expect(await codeOf(await present(url, challenge, honest))).toBe('page');
  expect(questions()).toBe(1);
});

it.each([
  ['before it hears the question', 'cut-before'],
  ['before the site hears the answer', 'cut-after'],
] as const)(
  'A connection to the broker that is cut %s leaves the outcome unknown; the same credential finds it out',
  async (_, fault) => {
    const before = await earned(news);
    const url = `${news.url}/page`;
    const challenge = await challengeAt(url);
    const payload = alice.payload(challenge, await alice.give([5000n]));
    const cut = middle.fail(isQuestion, fault);
    const lost = await present(url, challenge, payload);
    expect([lost.status, lost.headers.has('retry-after'), lost.headers.has('payment-consumed')]).toEqual([
      503,
      true,
      false,
    ]);
    expect([await codeOf(lost), news.served]).toEqual(['outcome-unknown', 0]);
    cut.stop();
    expect(await codeOf(await present(url, challenge, payload))).toBe('page');
    expect(await earned(news)).toBe(before + PRICE);
  },
);

it('A broker that stops in the middle of a question, and starts again, has either all of it or nothing', async () => {
  const before = await earned(news);
  const url = `${news.url}/page`;
  const challenge = await challengeAt(url);
  const payload = alice.payload(challenge, await alice.give([5000n]));
  const port = Number(new URL(bench.url).port);
  const { held, release } = middle.holdNext(isQuestion);
  const waiting = present(url, challenge, payload);
  await held;
  await bench.broker?.close();
  release();
  const lost = await waiting;
  expect([lost.status, lost.headers.has('retry-after'), news.served]).toEqual([503, true, 0]);
  await bench.start({ ...COINS, port });
  expect(await codeOf(await present(url, challenge, payload))).toBe('page');
  expect(await earned(news)).toBe(before + PRICE);
});

it('Coins that fit no header are paid by reference, 64 of them with 64 for change, also when a reference was lost', async () => {
  const before = await earned(news);
  const url = `${news.url}/page`;
  const back = Array.from({ length: limits.coinsByReference }, (_, i) => (i < 4 ? 500n : 1000n));
  const given = await alice.give(
    back.map(() => 1000n),
    back,
  );
  const challenge = await challengeAt(url);
  const body = JSON.stringify(alice.payload(challenge, given));
  const lost = await present(url, challenge, { ref: 'A'.repeat(43) });
  expect([lost.status, lost.headers.has('payment-consumed'), await codeOf(lost)]).toEqual([402, false, 'ref-unknown']);
  const headers = { 'content-type': 'application/json' };
  const posted = await fetch(`${news.url}/farthing/payload`, { method: 'POST', headers, body });
  const { ref = null } = (await posted.json()) as JsonObject;
  const answer = await present(url, challenge, { ref });
  expect([answer.status, await answer.text()]).toEqual([200, 'page 1']);
  const receipt = answer.headers.get('payment-receipt');
  expect(readReceipt(receipt ?? '')?.details['change']).toBeUndefined();
  const again = await present(url, challenge, { ref });
  expect([again.status, again.headers.get('payment-receipt'), questions()]).toEqual([200, receipt, 1]);
  const outputs = given.change.outputs.map((output) => ({ ...output }));
  const restored = await bench.send('/v1/ecash/restore', alice.holder.order('ecash-restore/1', { outputs }));
  alice.holder.finish(given.change.planned, restored['signatures']);
  expect(await earned(news)).toBe(before + PRICE);
});
