import { fromBase64url, type JsonObject, type Order } from '@farthing/protocol';
import { fundsProof } from '@farthing/protocol/wallet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, DAY_SECONDS, Person, pieceOf, Site, type Sold, soldOf, USD } from './testing/client.ts';

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
const owedTo = async (vendor: Site): Promise<unknown> => (await vendor.statement({ vnd: vendor.vnd }))['balance'];

describe('buying', () => {
  test('more than the balance, from a site without licence, or above the licence is refused', async () => {
    const small = new Site(bench, 'small.example');
    await bench.send('/v1/vendors', small.registerOrder());
    expect(await bench.refused('/v1/scrip/buy', anna.buyOrder('nobody.example', 1n))).toBe('vendor-unknown');
    expect(await bench.refused('/v1/scrip/buy', anna.buyOrder(small.vnd, 1n))).toBe('licence-missing');
    const licence = small.licence({ ceiling: '1000', maxVal: '600', last: 1003 });
    await bench.send('/v1/scrip/licences', small.licenceOrder(licence));
    expect(await bench.refused('/v1/scrip/buy', anna.buyOrder(small.vnd, 601n))).toBe('request-malformed');
    expect(await bench.refused('/v1/scrip/buy', anna.buyOrder(small.vnd, 501n, { count: 2 }))).toBe('licence-used-up');
    expect(await bench.refused('/v1/scrip/buy', anna.buyOrder(small.vnd, 1n, { count: 4 }))).toBe('licence-used-up');
    expect(await bench.refused('/v1/scrip/buy', anna.buyOrder(small.vnd, 1n, { cur: 'eur-micro' }))).toBe(
      'licence-missing',
    );
    await anna.buy(small.vnd, 500n, { count: 2 });
    expect(await bench.refused('/v1/scrip/buy', anna.buyOrder(small.vnd, 1n))).toBe('licence-used-up');
    expect(await bench.refused('/v1/scrip/buy', anna.buyOrder(site.vnd, 999_001n))).toBe('balance-short');
    expect(await balanceOf(anna)).toBe('999000');
  });

  test('two purchases at once cannot spend the same balance', async () => {
    const codes = await Promise.all(
      Array.from({ length: 10 }, () => bench.refused('/v1/scrip/buy', anna.buyOrder(site.vnd, 300_000n))),
    );
    expect(codes.filter((code) => code === 'accepted')).toHaveLength(3);
    expect(codes.filter((code) => code === 'balance-short')).toHaveLength(7);
    expect(await balanceOf(anna)).toBe('100000');
  });
});

describe('broker scrip', () => {
  const funded = (payer: Person, piece: Sold['pieces'][number], val: bigint): Order => {
    const blank = payer.buyOrder(site.vnd, val);
    const secret = fromBase64url(piece.csec) ?? new Uint8Array();
    const proof = fundsProof({ scrip: piece.scrip, rid: blank.rid }, secret, bench.env().crypto);
    return payer.resign({ ...blank, funds: { scrip: piece.scrip, proof } } as Order);
  };

  test('pays once, gives change, and buys without an account', async () => {
    const coin = pieceOf(await anna.buy(bench.public.brk, 10_000n));
    const nobody = new Person(bench);
    const order = funded(nobody, coin, 4_000n);
    const sold = soldOf(await bench.send('/v1/scrip/buy', order));
    expect(sold.change).toMatchObject({ val: '6000', root: coin.scrip.root, vnd: bench.public.brk });
    expect(await bench.refused('/v1/scrip/buy', funded(nobody, coin, 1n))).toBe('scrip-spent');
    if (!sold.change) throw new Error('no change');
    const rest = funded(nobody, { scrip: sold.change, csec: coin.csec }, 6_000n);
    expect(soldOf(await bench.send('/v1/scrip/buy', rest)).change).toBeUndefined();
    expect(await balanceOf(nobody)).toBe('0');
  });

  test('of another value, of another site, without its proof, or expired is refused', async () => {
    const coin = pieceOf(await anna.buy(bench.public.brk, 10_000n));
    const foreign = pieceOf(await anna.buy(site.vnd, 10_000n));
    const tries: [string, Order][] = [
      ['scrip-forged', funded(anna, { ...coin, scrip: { ...coin.scrip, val: '1000000' } }, 4_000n)],
      ['scrip-forged', funded(anna, { ...coin, csec: foreign.csec }, 4_000n)],
      ['scrip-foreign', funded(anna, foreign, 4_000n)],
      ['balance-short', funded(anna, coin, 10_001n)],
    ];
    for (const [code, order] of tries) expect(await bench.refused('/v1/scrip/buy', order)).toBe(code);
    bench.offsetMs = DAY_SECONDS * 1000;
    expect(await bench.refused('/v1/scrip/buy', funded(anna, coin, 1n))).toBe('scrip-expired');
    bench.offsetMs = 0;
    expect(await bench.refused('/v1/scrip/buy', funded(anna, coin, 1n))).toBe('accepted');
  });
});

describe('releases', () => {
  const refund = (piece: Sold['pieces'][number], left: bigint, more: JsonObject = {}) =>
    anna.order('scrip-refund/1', { release: { ...site.release(piece.scrip, anna.pk, left), ...more }, as: 'balance' });

  test('a second refund, more than is left, a forged release, and somebody else are refused', async () => {
    const piece = pieceOf(await anna.buy(site.vnd, 10_000n));
    await site.redeem([{ root: piece.scrip.root, cum: 4_000n }]);
    expect(await bench.refused('/v1/scrip/refund', refund(piece, 6_001n))).toBe('release-invalid');
    expect(await bench.refused('/v1/scrip/refund', refund(piece, 5_000n, { left: '6000' }))).toBe('release-invalid');
    expect(await bench.refused('/v1/scrip/refund', refund(piece, 5_000n, { root: 'k1.7' }))).toBe('release-invalid');
    const thief = new Person(bench);
    const stolen = thief.order('scrip-refund/1', { release: site.release(piece.scrip, anna.pk), as: 'balance' });
    expect(await bench.refused('/v1/scrip/refund', stolen)).toBe('release-invalid');
    await bench.send('/v1/scrip/refund', refund(piece, 5_000n));
    expect(await balanceOf(anna)).toBe('995000');
    expect(await bench.refused('/v1/scrip/refund', refund(piece, 1_000n))).toBe('release-used');
    const renewal = anna.order('scrip-renew/1', { release: site.release(piece.scrip, anna.pk, 1n), ttl: DAY_SECONDS });
    expect(await bench.refused('/v1/scrip/renew', renewal)).toBe('release-used');
    // What was released cannot be claimed: the site gets the thousand that is between.
    expect(await site.redeem([{ root: piece.scrip.root, cum: 10_000n }])).toMatchObject({
      roots: [{ credited: '1000', alarm: 'over-face' }],
      balance: '5000',
    });
  });

  test('a release that leaves nothing moves nothing and still closes the piece', async () => {
    const piece = pieceOf(await anna.buy(site.vnd, 10_000n));
    await bench.send('/v1/scrip/refund', refund(piece, 0n));
    expect(await bench.refused('/v1/scrip/refund', refund(piece, 1n))).toBe('release-used');
    expect(await balanceOf(anna)).toBe('990000');
  });
});

describe('claims', () => {
  test('self-minted pieces are paid nothing and raise an alarm each', async () => {
    const claims = Array.from({ length: 700 }, (_, i) => ({ root: `k1.${5000 + i}`, cum: 1_000_000n }));
    const result = await site.redeem(claims);
    expect(result).toMatchObject({ redemption: { credited: '0' }, balance: '0' });
    const roots = result['roots'] as { alarm: string }[];
    expect(roots.every(({ alarm }) => alarm === 'unknown-root')).toBe(true);
  });

  test('pieces of another site are paid to neither, and its name to nobody else', async () => {
    const rival = await new Site(bench, 'rival.example').open();
    const { scrip } = pieceOf(await anna.buy(site.vnd, 10_000n));
    // The rival's own k1.1001 was never sold: the same id is another piece.
    expect(await rival.redeem([{ root: scrip.root, cum: 10_000n }])).toMatchObject({ balance: '0' });
    const order = rival.resign({
      ...rival.redeemOrder([{ root: scrip.root, cum: 10_000n }], ''),
      vnd: site.vnd,
    } as Order);
    expect(await bench.refused('/v1/scrip/redeem', order)).toBe('signature-invalid');
    expect(await owedTo(site)).toBe('0');
    expect(await bench.refused('/v1/statement', rival.order('statement/1', { cur: USD, vnd: site.vnd }))).toBe(
      'signature-invalid',
    );
  });

  test('more than the face, twice, falling, or in another order pays the face once', async () => {
    const { scrip } = pieceOf(await anna.buy(site.vnd, 10_000n));
    const { root } = scrip;
    const order = site.redeemOrder([{ root, cum: 6_000n }]);
    const first = await bench.post('/v1/scrip/redeem', order);
    expect((await bench.post('/v1/scrip/redeem', order)).text).toBe(first.text);
    // The same batch under a new id does not follow itself.
    expect(await bench.refused('/v1/scrip/redeem', site.redeemOrder([{ root, cum: 6_000n }]))).toBe('batch-conflict');
    site.prev = String((first.body['result'] as { redemption: JsonObject }).redemption['batch']);
    expect(await site.redeem([{ root, cum: 6_000n }])).toMatchObject({ redemption: { credited: '0' } });
    expect(await site.redeem([{ root, cum: 5_000n }])).toMatchObject({ roots: [{ credited: '0', alarm: 'falling' }] });
    expect(await site.redeem([{ root, cum: 99_000n }])).toMatchObject({
      roots: [{ credited: '4000', alarm: 'over-face' }],
    });
    const wrong = site.redeemOrder(
      [{ root, cum: 1n }],
      site.prev.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')),
    );
    expect((await bench.post('/v1/scrip/redeem', wrong)).body).toMatchObject({
      code: 'batch-conflict',
      prev: site.prev,
    });
    expect(await owedTo(site)).toBe('10000');
  });

  test('after the claim window nothing is paid, and the rest returns to the buyer once', async () => {
    const { scrip } = pieceOf(await anna.buy(site.vnd, 10_000n));
    await site.redeem([{ root: scrip.root, cum: 4_000n }]);
    bench.offsetMs = (DAY_SECONDS + 7 * DAY_SECONDS + 61) * 1000;
    expect(await site.redeem([{ root: scrip.root, cum: 5_000n }])).toMatchObject({ roots: [{ alarm: 'late' }] });
    for (const _ of [1, 2]) {
      await bench.stop();
      await bench.start();
      expect(await balanceOf(anna)).toBe('996000');
    }
  });
});
