import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject, Order } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { issueInvites, issueVouchers } from './operate.ts';
import { Bench, Person, pieceOf, Site, USD } from './testing/client.ts';
import { isOnPostgres } from './testing/postgres.ts';

let bench: Bench;
let site: Site;
let anna: Person;

beforeEach(async () => {
  bench = await new Bench().start();
  site = await new Site(bench).open();
  anna = new Person(bench);
  await anna.faucet(1_000_000n);
});
afterEach(async () => {
  expect((await bench.audit()).findings).toEqual([]);
  expect(bench.log).toEqual([]);
  await bench[Symbol.asyncDispose]();
});

const balanceOf = async (person: Person): Promise<unknown> => (await person.statement())['balance'];

async function vouchers(amount: bigint, count = 1): Promise<string[]> {
  const { lines } = await issueVouchers(bench.place, { amount, currency: USD }, count);
  return [...lines];
}

describe('orders', () => {
  test('a forged signature, or a member changed after signing, changes nothing', async () => {
    const order = anna.buyOrder(site.vnd, 1000n);
    const forged: JsonObject[] = [
      { ...order, sig: anna.buyOrder(site.vnd, 1000n).sig },
      { ...order, val: '1' },
      { ...order, count: 20 },
      { ...order, from: new Person(bench).pk },
      { ...order, rid: anna.buyOrder(site.vnd, 1n).rid },
    ];
    for (const attempt of forged) expect(await bench.refused('/v1/scrip/buy', attempt)).toBe('signature-invalid');
    expect(await balanceOf(anna)).toBe('1000000');
    expect(await bench.refused('/v1/scrip/buy', order)).toBe('accepted');
  });

  test('an order signed for one purpose is no order for another', async () => {
    const statement = anna.order('statement/1', { cur: USD });
    expect(await bench.refused('/v1/faucet', statement)).toBe('request-malformed');
  });

  test('the same order a hundred times at once is executed once, with one answer', async () => {
    const order = anna.buyOrder(site.vnd, 1000n);
    const replies = await Promise.all(Array.from({ length: 100 }, () => bench.post('/v1/scrip/buy', order)));
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
    expect(await balanceOf(anna)).toBe('999000');
  });

  test('a repeat gets its answer even when it is old; other content under its id is a conflict', async () => {
    const order = anna.buyOrder(site.vnd, 1000n);
    const first = await bench.post('/v1/scrip/buy', order);
    bench.offsetMs = 3_600_000;
    const again = await bench.post('/v1/scrip/buy', order);
    expect(again.text).toBe(first.text);
    // Members in another order are the same order: what is signed is canonical.
    const turned = Object.fromEntries(Object.entries(order).reverse());
    expect((await bench.post('/v1/scrip/buy', turned)).text).toBe(first.text);
    const other = anna.resign({ ...order, val: '2000' } as Order);
    expect(await bench.refused('/v1/scrip/buy', other)).toBe('rid-conflict');
    expect(await balanceOf(anna)).toBe('999000');
  });

  test('an unknown order that is too old, or from the future, is refused', async () => {
    const order = anna.buyOrder(site.vnd, 1000n);
    for (const offset of [301_000, -301_000]) {
      bench.offsetMs = offset;
      expect(await bench.refused('/v1/scrip/buy', order)).toBe('request-stale');
      expect(
        await bench.refused('/v1/statement', anna.resign({ ...anna.order('statement/1', { cur: USD }), at: order.at })),
      ).toBe('request-stale');
    }
    bench.offsetMs = 0;
    expect(await bench.refused('/v1/scrip/buy', order)).toBe('accepted');
  });

  test('a refused order stays refused, although it could be paid now', async () => {
    const order = anna.buyOrder(site.vnd, 1_500_000n);
    const reply = await bench.post('/v1/scrip/buy', order);
    expect(reply.body).toMatchObject({ code: 'balance-short', shortBy: '500000', consumed: false });
    await anna.faucet(1_000_000n);
    expect((await bench.post('/v1/scrip/buy', order)).text).toBe(reply.text);
    expect(await balanceOf(anna)).toBe('2000000');
  });
});

describe('sites', () => {
  test('a name belongs to the key that registered it first; the broker’s own id to nobody', async () => {
    const thief = new Site(bench, site.vnd);
    expect(await bench.refused('/v1/vendors', thief.registerOrder())).toBe('vendor-taken');
    expect(await bench.refused('/v1/vendors', thief.registerOrder({ vnd: bench.public.brk }))).toBe('vendor-taken');
    await bench.send('/v1/vendors', site.registerOrder({ origins: ['https://new.example'] }));
    const record = (await (await fetch(`${bench.url}/v1/vendors/${site.vnd}`)).json()) as JsonObject;
    expect(record).toMatchObject({ pk: site.pk, origins: ['https://new.example'] });
  });

  test('a licence that is foreign, unsigned, impossible, expired, granted twice or sealed to another is refused', async () => {
    const other = new Site(bench, 'other.example');
    await bench.send('/v1/vendors', other.registerOrder());
    const now = Math.floor(Date.now() / 1000);
    const bad = [
      { brk: 'b1' },
      { first: 10, last: 9 },
      { ceiling: '10', maxVal: '11' },
      { exp: now - 1 },
      { nbf: now + 100, exp: now + 50 },
    ];
    for (const more of bad) {
      const order = other.licenceOrder(other.licence(more));
      expect(await bench.refused('/v1/scrip/licences', order), JSON.stringify(more)).toBe('licence-invalid');
    }
    const good = other.licence();
    const { sigs } = site.licence();
    expect(await bench.refused('/v1/scrip/licences', other.licenceOrder({ ...good, sigs }))).toBe('licence-invalid');
    const { box } = other.licenceOrder(other.licence({ kid: 'k9' }));
    const swapped = other.resign({ ...other.licenceOrder(good), box } as Order);
    expect(await bench.refused('/v1/scrip/licences', swapped)).toBe('licence-invalid');
    expect(await bench.refused('/v1/scrip/licences', site.licenceOrder(good))).toBe('signature-invalid');
    await bench.send('/v1/scrip/licences', other.licenceOrder(good));
    const again = other.licenceOrder(other.licence({ first: 2_000_000, last: 3_000_000 }));
    expect(await bench.refused('/v1/scrip/licences', again)).toBe('licence-invalid');
  });

  test('outside of test mode sites need an invite, https and no faucet is open', async () => {
    await bench.stop();
    await bench.start({ test: false });
    const [invite = ''] = (await issueInvites(bench.place, 1)).lines;
    const fresh = new Site(bench, 'fresh.example');
    expect(await bench.refused('/v1/vendors', fresh.registerOrder())).toBe('registration-closed');
    for (const origins of [['loopback'], ['http://fresh.example']]) {
      expect(await bench.refused('/v1/vendors', fresh.registerOrder({ invite, origins }))).toBe('request-malformed');
    }
    await bench.send('/v1/vendors', fresh.registerOrder({ invite }));
    await bench.send('/v1/vendors', fresh.registerOrder({ name: 'Fresher' }));
    const second = new Site(bench, 'second.example');
    expect(await bench.refused('/v1/vendors', second.registerOrder({ invite }))).toBe('registration-closed');
    const ask = anna.order('faucet/1', { amount: '1', cur: USD });
    expect(await bench.refused('/v1/faucet', ask)).toBe('faucet-closed');
    expect(bench.public).not.toHaveProperty('faucet');
  });
});

describe('money in', () => {
  test('one voucher, a hundred askers at once: one is credited', async () => {
    const [code = ''] = await vouchers(5n);
    const people = Array.from({ length: 100 }, () => new Person(bench));
    const codes = await Promise.all(
      people.map((person) => bench.refused('/v1/voucher', person.order('voucher/1', { code }))),
    );
    expect(codes.filter((outcome) => outcome === 'accepted')).toHaveLength(1);
    expect(codes.filter((outcome) => outcome === 'voucher-used')).toHaveLength(99);
    const guess = anna.order('voucher/1', { code: '0000-0000-0000-0000' });
    expect(await bench.refused('/v1/voucher', guess)).toBe('voucher-unknown');
  });

  test('amounts beyond 2^53 are exact to the micro-dollar, on every side', async () => {
    const great = 2n ** 53n + 1n;
    const [a = ''] = await vouchers(great);
    const [b = ''] = await vouchers(1n);
    const rich = new Person(bench);
    expect(await bench.send('/v1/voucher', rich.order('voucher/1', { code: a }))).toMatchObject({
      balance: '9007199254740993',
    });
    await bench.send('/v1/voucher', rich.order('voucher/1', { code: b }));
    expect(await balanceOf(rich)).toBe('9007199254740994');
    const { scrip } = pieceOf(await rich.buy(site.vnd, great));
    expect(scrip.val).toBe('9007199254740993');
    expect(await balanceOf(rich)).toBe('1');
    await site.redeem([{ root: scrip.root, cum: great - 1n }]);
    expect(await site.redeem([{ root: scrip.root, cum: great }])).toMatchObject({
      redemption: { credited: '1' },
      balance: '9007199254740993',
    });
  });

  test('a balance has an end, and what would go over it stays a voucher', async () => {
    const codes = await vouchers(10n ** 18n, 2);
    const [a = '', b = ''] = codes;
    const rich = new Person(bench);
    await bench.send('/v1/voucher', rich.order('voucher/1', { code: a }));
    expect(await bench.refused('/v1/voucher', rich.order('voucher/1', { code: b }))).toBe('balance-full');
    expect(await bench.refused('/v1/voucher', new Person(bench).order('voucher/1', { code: b }))).toBe('accepted');
  });

  test('the faucet has a limit for a request and for an hour', async () => {
    const ask = (amount: bigint) => anna.order('faucet/1', { amount: amount.toString(), cur: USD });
    expect(await bench.refused('/v1/faucet', ask(5_000_001n))).toBe('request-malformed');
    for (let i = 0; i < 4; i++) await anna.faucet(5_000_000n);
    const reply = await bench.post('/v1/faucet', ask(5_000_000n));
    expect([reply.status, reply.body['code']]).toEqual([429, 'faucet-limit']);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    bench.offsetMs = 3_600_000;
    expect(await bench.refused('/v1/faucet', ask(5_000_000n))).toBe('accepted');
  });
});

test.skipIf(isOnPostgres)('keys and ledger can be read by the operator alone', () => {
  for (const file of ['keys.json', 'ledger.db']) {
    expect(statSync(join(bench.data, file)).mode & 0o077, file).toBe(0);
  }
});
