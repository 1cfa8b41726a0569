// Named for the attacks: each is refused, nothing moves twice, and an overclaim leaves evidence that anyone can check.
import { type JsonObject, limits, toBase64url } from '@farthing/protocol';
import { makeChain } from '@farthing/protocol/wallet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listVendors } from './operate.ts';
import { listOverclaims } from './operate-overclaims.ts';
import { grantCredit } from './operate-payword.ts';
import { Bench, Person, Site } from './testing/client.ts';
import {
  buyChain,
  buyTicket,
  certify,
  certOrder,
  chainOrder,
  claimOf,
  closeOrder,
  closing,
  commitTo,
  keyOrder,
  lockOf,
  pollOrder,
  redeemWords,
  ticketOrder,
  wordOf,
  wordsOrder,
} from './testing/payword.ts';

let bench: Bench;
let site: Site;
let other: Site;
let anna: Person;

beforeEach(async () => {
  bench = await new Bench().start();
  site = await new Site(bench).open();
  other = await new Site(bench, 'b.example').open();
  anna = new Person(bench);
  await anna.faucet(1_000_000n);
});
afterEach(async () => {
  expect((await bench.audit()).findings).toEqual([]);
  expect(bench.log).toEqual([]);
  await bench[Symbol.asyncDispose]();
});

const owedTo = async (vendor: Site) => (await vendor.statement({ vnd: vendor.vnd }))['balance'];
const balanceOf = async (person: Person) => (await person.statement())['balance'];
const redeemRefused = (order: JsonObject) => bench.refused('/v1/payword/redeem', order);
const ticketRefused = (...args: Parameters<typeof ticketOrder>) =>
  bench.refused('/v1/payword/tickets', ticketOrder(...args));
const closeRefused = (...args: Parameters<typeof closeOrder>) =>
  bench.refused('/v1/payword/close', closeOrder(...args));
const verdicts = async () =>
  ((await listOverclaims(bench.place)).json as { overclaims: { why: string; verdict: string }[] }).overclaims.map(
    ({ why, verdict }) => [why, verdict],
  );

const ticket = async (first: number, last: number, n = 20) => {
  const chain = await buyChain(anna, n, 100n);
  return { chain, session: await buyTicket(anna, chain, { vnd: site.vnd, first, last }) };
};

describe('claims', () => {
  test('words redeemed twice are credited once, in one batch or in several', async () => {
    const { session } = await ticket(1, 10);
    const claim = claimOf(session, 5);
    expect((await redeemWords(site, claim, claim)).sessions.map(({ credited }) => credited)).toEqual(['500', '0']);
    expect((await redeemWords(site, claim)).balance).toBe('500');
    expect((await redeemWords(site, claimOf(session, 3))).sessions).toMatchObject([
      { credited: '0', alarm: 'falling' },
    ]);
    expect(await verdicts()).toEqual([]);
  });

  test('a batch sent twice, at once or under another rid, is paid once', async () => {
    const { session } = await ticket(1, 10);
    const [one, two] = [wordsOrder(site, [claimOf(session, 5)]), wordsOrder(site, [claimOf(session, 5)])];
    const codes = await Promise.all([redeemRefused(one), redeemRefused(one), redeemRefused(two)]);
    expect(codes).toEqual(['accepted', 'accepted', 'batch-conflict']);
    expect(await owedTo(site)).toBe('500');
  });

  test('more than the words are worth, more than the cap, and words of nobody are not paid, and it can be proved', async () => {
    const { session } = await ticket(1, 10);
    const promise = commitTo(bench, await certify(anna, site.vnd, 10_000n), 50, 100n, 2_000n);
    const paid = await redeemWords(
      site,
      claimOf(session, 5, { cum: 501n }),
      claimOf(promise, 40),
      { ...claimOf(session, 6), last: [{ a: 0, i: 6, w: toBase64url(new Uint8Array(32)) }] },
      { ...claimOf(session, 7), last: [{ a: 1, i: 7, w: session.word(7) }] },
    );
    expect(paid.sessions.map(({ credited, alarm }) => [credited, alarm])).toEqual([
      ['500', 'over-words'],
      ['2000', 'over-cap'],
      ['0', 'word-wrong'],
      ['0', 'over-words'],
    ]);
    expect(await verdicts()).toEqual([
      ['over-words', 'proved'],
      ['over-cap', 'proved'],
      ['word-wrong', 'proved'],
      ['over-words', 'proved'],
    ]);
    expect((await listVendors(bench.place)).lines[0]).toContain('0 alarms');
    expect((await listVendors(bench.place)).lines[1]).toContain('4 alarms');
  });

  test('evidence under a MAC proves nothing to a third party: there the broker decides', async () => {
    await bench.send('/v1/payword/keys', keyOrder(site));
    const chain = await buyChain(anna, 20, 100n);
    const session = await buyTicket(anna, chain, { vnd: site.vnd, first: 1, last: 5, auth: 'hmac' });
    await redeemWords(site, claimOf(session, 5, { cum: 600n }));
    expect(await verdicts()).toEqual([['over-words', 'open']]);
    expect(await owedTo(site)).toBe('500');
  });

  test('a ticket of another site is not paid, with its words or without', async () => {
    const { session } = await ticket(1, 10);
    expect((await redeemWords(other, claimOf(session, 5))).sessions).toMatchObject([
      { credited: '0', alarm: 'foreign' },
    ]);
    const claim = { ...claimOf(session, 5), session: toBase64url(bench.env().random(32)) };
    expect((await redeemWords(other, claim)).sessions).toMatchObject([{ credited: '0', alarm: 'unknown' }]);
    expect(await verdicts()).toEqual([
      ['foreign', 'proved'],
      ['unknown', 'open'],
    ]);
  });

  test('two sites with words on both sides of a gap cannot claim what lies between', async () => {
    const chain = await buyChain(anna, 10, 100n);
    const low = await buyTicket(anna, chain, { vnd: site.vnd, first: 1, last: 3 });
    const high = await buyTicket(anna, chain, { vnd: other.vnd, first: 6, last: 8 });
    expect(await ticketRefused(anna, chain, { vnd: site.vnd, first: 4, last: 5 })).toBe('range-invalid');
    // The low site has the other's word and its own lock: it can form the coins 4 and 5.
    const claim = { ...claimOf(low, 3, { cum: 500n }), last: [{ a: 0, i: 5, w: wordOf(chain, 5) }] };
    expect((await redeemWords(site, claim)).sessions).toMatchObject([{ credited: '0', alarm: 'over-words' }]);
    const deed = { ...high.deed, y: lockOf(chain, 4) };
    const below = { ...claimOf(high, 8, { cum: 500n }), deed };
    expect((await redeemWords(other, below)).sessions).toMatchObject([{ credited: '0', alarm: 'word-wrong' }]);
    expect((await redeemWords(other, claimOf(high, 8))).balance).toBe('300');
    expect((await redeemWords(site, claimOf(low, 3))).balance).toBe('300');
    expect(await bench.send('/v1/payword/close', closeOrder(anna, [], chain))).toMatchObject({ refunded: '400' });
  });

  test('another site, a stranger or a site that is not registered cannot redeem in a site’s name', async () => {
    const { session } = await ticket(1, 10);
    const order = wordsOrder(site, [claimOf(session, 5)]);
    expect(await redeemRefused(other.resign({ ...order, from: other.pk }))).toBe('signature-invalid');
    expect(await redeemRefused({ ...order, vnd: other.vnd })).toBe('signature-invalid');
    expect(await redeemRefused(wordsOrder(new Site(bench, 'c.example'), [claimOf(session, 5)]))).toBe('vendor-unknown');
    expect(await owedTo(site)).toBe('0');
  });

  test('claims made to burn time cost a bounded number of hashes, and those after them wait', async () => {
    let hashes = 0;
    const { crypto } = bench.env();
    const sha256 = (data: Uint8Array) => {
      if (data.length === 53) hashes++;
      return crypto.sha256(data);
    };
    await bench.stop();
    await bench.start({ env: () => ({ ...bench.env(), crypto: { ...crypto, sha256 } }) });
    const n = limits.chainLength;
    const claims = [];
    for (let k = 0; k < 5; k++) {
      const random = () => toBase64url(bench.env().random(32));
      const anchor = { id: toBase64url(bench.env().random(16)), n, w0: random() };
      const chain = { anchor, tip: random() };
      await bench.send('/v1/payword/buy', chainOrder(anna, chain, 1n));
      const session = await buyTicket(anna, chain, { vnd: site.vnd, first: 1, last: n });
      claims.push({ session: session.id, cum: String(n), last: [{ a: 0, i: n, w: random() }] });
    }
    const { sessions } = await redeemWords(site, ...claims);
    expect(sessions.map(({ alarm, later }) => alarm ?? later)).toEqual(['word-wrong', 'word-wrong', true, true, true]);
    expect(hashes).toBe(limits.redeemHashes);
  });

  test('w[0], n + 1, a fraction and 2^53 are no indices', async () => {
    const { session } = await ticket(1, 10);
    for (const i of [0, 1.5, 2 ** 32, 2 ** 53]) {
      const claim = { ...claimOf(session, 1), last: [{ a: 0, i, w: session.word(1) }] };
      const order = { ...wordsOrder(site, [claimOf(session, 1)]), claims: [claim] };
      expect(await redeemRefused(order), String(i)).toBe('request-malformed');
    }
    const beyond = { ...claimOf(session, 1), last: [{ a: 0, i: 21, w: session.word(1) }] };
    expect((await redeemWords(site, beyond)).sessions).toMatchObject([{ credited: '0', alarm: 'over-words' }]);
  });
});

describe('credit', () => {
  test('a commitment that was edited, signed by another key, or above its certificate is not paid', async () => {
    const day = await certify(anna, site.vnd, 10_000n);
    const stolen = commitTo(bench, { ...day, seed: bench.env().random(32) }, 50, 100n);
    const greedy = commitTo(bench, day, 50, 1_000n);
    const good = commitTo(bench, day, 50, 100n);
    const edited = { ...(good.deed as { commitment: JsonObject }).commitment, cap: '9000' };
    const claim = { ...claimOf(good, 10), deed: { ...good.deed, commitment: edited } };
    const { sessions } = await redeemWords(site, claimOf(stolen, 5), claimOf(greedy, 5), claim);
    expect(sessions.map(({ credited, alarm }) => [credited, alarm])).toEqual([
      ['0', 'forged'],
      ['0', 'forged'],
      ['0', 'forged'],
    ]);
    expect(await balanceOf(anna)).toBe('1000000');
  });

  test('a commitment to one site is worth nothing at another, whatever certificate lies beside it', async () => {
    const session = commitTo(bench, await certify(anna, site.vnd, 10_000n), 50, 100n);
    const theirs = await certify(anna, other.vnd, 10_000n);
    const swapped = { ...claimOf(session, 5), deed: { ...session.deed, cert: theirs.cert } };
    const { sessions } = await redeemWords(other, claimOf(session, 5), swapped);
    expect(sessions.map(({ alarm }) => alarm)).toEqual(['foreign', expect.stringMatching(/^(foreign|unknown)$/)]);
    expect(await owedTo(other)).toBe('0');
  });

  test('a certificate that this broker did not issue, and one that expired long ago, bill nobody', async () => {
    await using elsewhere = await new Bench().start();
    const away = await new Site(elsewhere).open();
    const foreign = commitTo(elsewhere, await certify(new Person(elsewhere), away.vnd, 10_000n), 50, 100n);
    expect((await redeemWords(site, claimOf(foreign, 5))).sessions).toMatchObject([{ alarm: 'unknown' }]);
    const session = commitTo(bench, await certify(anna, site.vnd, 10_000n), 50, 100n);
    bench.offsetMs = 4 * 86_400_000;
    expect((await redeemWords(site, claimOf(session, 5))).sessions).toMatchObject([{ credited: '0', alarm: 'late' }]);
  });

  test('many commitments under one certificate are paid to the limit of the day, no further', async () => {
    await grantCredit(bench.place, anna.pk, { amount: 10_000n, currency: 'usd-micro' });
    const day = await certify(anna, site.vnd, 10_000n);
    const claims = Array.from({ length: 4 }, () => claimOf(commitTo(bench, day, 40, 100n), 40));
    const { sessions, balance } = await redeemWords(site, ...claims);
    expect(sessions.map(({ credited, alarm }) => [credited, alarm])).toEqual([
      ['4000', undefined],
      ['4000', undefined],
      ['2000', 'over-cap'],
      ['0', 'over-cap'],
    ]);
    expect(balance).toBe('10000');
  });

  test('outside of test mode only the operator lends, and what was lent ends with the line', async () => {
    const seed = bench.env().random(32);
    await bench.stop();
    await bench.start({ test: false });
    const ask = (limit: bigint) => bench.refused('/v1/payword/cert', certOrder(anna, site.vnd, limit, seed));
    expect(await ask(1n)).toBe('credit-closed');
    await grantCredit(bench.place, anna.pk, { amount: 5_000n, currency: 'usd-micro' });
    expect(await ask(5_001n)).toBe('credit-closed');
    expect(await ask(5_000n)).toBe('accepted');
    await grantCredit(bench.place, anna.pk, { amount: 0n, currency: 'usd-micro' });
    expect(await ask(1n)).toBe('credit-closed');
  });

  test('a balance that owes buys nothing, prepaid or scrip, until it is paid back', async () => {
    const poor = new Person(bench);
    const session = commitTo(bench, await certify(poor, site.vnd, 10_000n), 50, 100n);
    await redeemWords(site, claimOf(session, 50));
    await poor.faucet(4_000n);
    expect(await bench.refused('/v1/scrip/buy', poor.buyOrder(site.vnd, 1n))).toBe('balance-short');
    const chain = makeChain(1, { locked: false }, bench.env());
    expect(await bench.refused('/v1/payword/buy', chainOrder(poor, chain, 1n))).toBe('balance-short');
    await poor.faucet(1_001n);
    expect(await bench.refused('/v1/payword/buy', chainOrder(poor, chain, 1n))).toBe('accepted');
  });

  test('a site asks about its own customers only, and learns nothing of others', async () => {
    const { cert } = await certify(anna, site.vnd, 10_000n);
    const answer = async (order: ReturnType<typeof pollOrder>) =>
      (await bench.send('/v1/payword/poll', order))['answer'];
    expect(await answer(pollOrder(other, cert, 1n))).toBe('deny');
    expect(await answer(pollOrder(site, { ...cert, sub: toBase64url(bench.env().random(16)) }, 1n))).toBe('deny');
    const order = pollOrder(site, cert, 1n);
    expect(await bench.refused('/v1/payword/poll', other.resign({ ...order, from: other.pk }))).toBe(
      'signature-invalid',
    );
    // A report of nonsense ends the day of this customer, and no more.
    for (let i = 0; i < 12; i++) await answer(pollOrder(site, cert, 10n ** 18n));
    expect(await answer(pollOrder(site, cert, 1n))).toBe('deny');
  });
});

describe('chains and closings', () => {
  test('a chain is sold once, within the balance, and to its buyer alone', async () => {
    const chain = await buyChain(anna, 10, 100n);
    const eve = new Person(bench);
    await eve.faucet(1_000_000n);
    expect(await bench.refused('/v1/payword/buy', chainOrder(eve, chain, 1n))).toBe('chain-taken');
    const dear = makeChain(10, { locked: true }, bench.env());
    expect(await bench.refused('/v1/payword/buy', chainOrder(eve, dear, 100_001n))).toBe('balance-short');
    expect(await ticketRefused(eve, chain, { vnd: eve.pk.slice(0, 3).toLowerCase(), first: 1, last: 2 })).toMatch(
      /chain-unknown|request-malformed/,
    );
    expect(await ticketRefused(eve, chain, { vnd: site.vnd, first: 1, last: 2 })).toBe('chain-unknown');
    expect(await closeRefused(eve, [], chain)).toBe('chain-unknown');
    expect(await ticketRefused(anna, chain, { vnd: 'nobody.example', first: 1, last: 2 })).toBe('vendor-unknown');
    expect(await ticketRefused(anna, chain, { vnd: site.vnd, first: 5, last: 11 })).toBe('range-invalid');
    expect(await ticketRefused(anna, chain, { vnd: site.vnd, first: 5, last: 4 })).toBe('range-invalid');
  });

  test('two tickets for the same words, asked for at once, are one', async () => {
    const chain = await buyChain(anna, 10, 100n);
    const codes = await Promise.all(
      [site, other, site, other].map(({ vnd }) => ticketRefused(anna, chain, { vnd, first: 1, last: 10 })),
    );
    expect(codes.filter((code) => code === 'accepted')).toHaveLength(1);
  });

  test('what a site can claim is not refunded, and a refund is paid once', async () => {
    const { chain, session } = await ticket(1, 10);
    expect(await bench.send('/v1/payword/close', closeOrder(anna, [], chain))).toMatchObject({ refunded: '1000' });
    expect(await bench.send('/v1/payword/close', closeOrder(anna, [], chain))).toMatchObject({ refunded: '0' });
    expect(await ticketRefused(anna, chain, { vnd: site.vnd, first: 11, last: 12 })).toBe('chain-closed');
    expect((await redeemWords(site, claimOf(session, 10))).balance).toBe('1000');
    expect(await balanceOf(anna)).toBe('999000');
  });

  test('a closing that is forged, edited, of another site, or below what was paid is refused', async () => {
    const { chain, session } = await ticket(1, 10);
    await redeemWords(site, claimOf(session, 5));
    const good = closing(site, session, 700n, 7);
    expect(await closeRefused(anna, [{ ...good, spent: '600' }], chain)).toBe('close-invalid');
    expect(await closeRefused(anna, [closing(other, session, 700n, 7)], chain)).toBe('close-invalid');
    expect(await closeRefused(anna, [closing(site, session, 400n, 7)], chain)).toBe('close-invalid');
    expect(await closeRefused(anna, [closing(site, session, 1_100n, 7)], chain)).toBe('close-invalid');
    expect(await closeRefused(new Person(bench), [good])).toBe('close-invalid');
    expect(await bench.send('/v1/payword/close', closeOrder(anna, [good], chain))).toMatchObject({ refunded: '1300' });
    // The site said that 700 were spent: it cannot claim more, whatever words it has.
    expect((await redeemWords(site, claimOf(session, 10))).sessions).toMatchObject([
      { credited: '200', alarm: 'over-cap' },
    ]);
  });

  test('a key that is sealed to another site, or sent by another, is not taken', async () => {
    const order = keyOrder(site);
    expect(await bench.refused('/v1/payword/keys', other.resign({ ...order, from: other.pk }))).toBe(
      'signature-invalid',
    );
    const moved = other.order('payword-key/1', { vnd: other.vnd, box: order['box'] ?? '' });
    expect(await bench.refused('/v1/payword/keys', moved)).toBe('request-malformed');
  });
});
