import { randomBytes } from 'node:crypto';
import { fromBase64url, type JsonObject, limits, toBase64url } from '@farthing/protocol';
import { purse, signedGift } from '@farthing/protocol/wallet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bench, Site } from './testing/client.ts';
import { type CoinPayment, captureHeld, Holder, lockKeysets, present, redeemCoins, voidHeld } from './testing/coins.ts';

const bench = new Bench();
const challenge = () => randomBytes(32).toString('base64url');
let news: Site;
let shop: Site;
let alice: Holder;

beforeAll(async () => {
  await bench.start({ ecash: { denominations: [1n, 2n, 5n] } });
  news = await new Site(bench).open();
  shop = await new Site(bench, 'shop.example').open();
  alice = new Holder(bench);
  await alice.faucet(5_000_000n);
  await alice.learn();
  await lockKeysets(news, [1n]);
  await alice.learn(`/v1/vendors/${news.vnd}/keysets`);
});
afterAll(async () => {
  const { findings } = await bench.audit();
  await bench[Symbol.asyncDispose]();
  expect(findings, 'the books after all attacks').toEqual([]);
});

/** A coin of this value, withdrawn for this attack. */
async function coinOf(value: bigint, vnd?: string): Promise<purse.Taken> {
  await alice.withdraw([value]);
  const taken = alice.take(value, { change: false });
  if (vnd === undefined) return taken;
  await alice.swap(taken.coins, [value], vnd);
  return alice.take(value, { vnd, change: false });
}
const order = (site: Site, payment: CoinPayment, hold = false) => site.order('ecash-deposit/1', { ...payment, hold });
const refused = (site: Site, payment: CoinPayment, hold = false) =>
  bench.refused('/v1/ecash/deposit', order(site, payment, hold));
const balanceOf = async (site: Site) => BigInt(String((await site.statement({ vnd: site.vnd }))['balance']));

describe('One coin', () => {
  it('in a thousand deposits at once at two sites is paid once, in total', async () => {
    const taken = await coinOf(1n);
    const before = (await balanceOf(news)) + (await balanceOf(shop));
    const orders = Array.from({ length: 1000 }, (_, i) => {
      const site = i % 2 === 0 ? news : shop;
      return order(site, alice.sign(taken, site, challenge(), 1n));
    });
    const codes = await Promise.all(orders.map((one) => bench.refused('/v1/ecash/deposit', one)));
    expect(codes.filter((code) => code === 'accepted')).toHaveLength(1);
    expect(codes.filter((code) => code === 'coin-spent')).toHaveLength(999);
    expect((await balanceOf(news)) + (await balanceOf(shop)) - before).toBe(1n);
  });

  it('is paid once however often and under however many order ids its site asks, with the same answer', async () => {
    const payment = alice.sign(await coinOf(2n), news, challenge(), 2n);
    const before = await balanceOf(news);
    const answers = await Promise.all([1, 2, 3].map(() => present(news, payment, false)));
    expect(new Set(answers.map(({ receipt }) => JSON.stringify(receipt))).size).toBe(1);
    expect((await balanceOf(news)) - before).toBe(2n);
  });

  it('cannot be swapped and paid, or swapped twice', async () => {
    const taken = await coinOf(2n);
    const payment = alice.sign(taken, news, challenge(), 2n);
    await alice.swap(taken.coins, [1n, 1n]);
    expect(await refused(news, payment)).toBe('coin-spent');
    await expect(alice.swap(taken.coins, [2n])).rejects.toThrow('coin-spent');
  });

  it('comes back to the account that it was signed for, and to it once', async () => {
    const taken = await coinOf(2n);
    const thief = new Holder(bench);
    expect(await bench.refused('/v1/ecash/credit', alice.creditOrder(taken.coins, thief))).toBe('spend-wrong');
    const before = await alice.statement();
    await bench.send('/v1/ecash/credit', alice.creditOrder(taken.coins));
    expect(await bench.refused('/v1/ecash/credit', alice.creditOrder(taken.coins))).toBe('coin-spent');
    expect(await refused(news, alice.sign(taken, news, challenge(), 2n))).toBe('coin-spent');
    const after = await alice.statement();
    expect(BigInt(String(after['balance'])) - BigInt(String(before['balance']))).toBe(2n);
  });

  it('given as a gift is the first taker’s; the copy is worth nothing', async () => {
    const taken = await coinOf(5n);
    const [coin] = taken.coins;
    if (!coin) throw new Error('one was taken');
    const gift = { coins: purse.signedForSwap([coin], [], alice.mint, bench.env()).map(({ spend: _, ...one }) => one) };
    const bob = new Holder(bench);
    await bob.learn();
    await alice.swap(taken.coins, [5n]);
    const made = bob.draft([5n]);
    const key = toBase64url(alice.seed);
    const shown = { ...gift, coins: gift.coins.map((one) => ({ ...one, key })) };
    const stolen = signedGift({ brk: '', url: '', cur: 'usd-micro', ...shown }, made.outputs, bench.env());
    expect(await bench.refused('/v1/ecash/swap', bob.swapOrder(stolen, made))).toBe('spend-wrong');
  });
});

describe('A payment', () => {
  it.each<[string, string, (paid: CoinPayment) => CoinPayment]>([
    ['to another site', 'spend-wrong', (paid) => ({ ...paid, vnd: 'shop.example' })],
    ['for another challenge', 'spend-wrong', (paid) => ({ ...paid, challengeId: challenge() })],
    ['of a higher amount', 'sum-wrong', (paid) => ({ ...paid, amount: '3' })],
    [
      'with the coin twice',
      'coin-repeated',
      (paid) => ({ ...paid, amount: '4', coins: [...paid.coins, ...paid.coins] }),
    ],
    ['in another currency', 'keyset-unknown', (paid) => ({ ...paid, cur: 'eur-micro' })],
    ['that was altered after signing', 'spend-wrong', (paid) => ({ ...paid, exp: Number(paid['exp']) + 1 })],
    [
      'with a broken signature',
      'coin-forged',
      (paid) => altered(paid, (coin) => ({ ...coin, sig: flipped(String(coin['sig'])) })),
    ],
    [
      'with a broken yes',
      'spend-wrong',
      (paid) => altered(paid, (coin) => ({ ...coin, spend: flipped(String(coin['spend'])) })),
    ],
    ['under the keyset of another value', 'sum-wrong', (paid) => altered(paid, (coin) => ({ ...coin, ks: ksOf(5n) }))],
  ])('%s is refused, and the coin stays good', async (_, expected, alter) => {
    const taken = await coinOf(2n);
    const payment = alice.sign(taken, news, challenge(), 2n);
    const forged = alter(payment);
    expect(await refused(forged['vnd'] === shop.vnd ? shop : news, forged)).toBe(expected);
    expect(await refused(news, payment)).toBe('accepted');
  });

  it('under a challenge that was paid with other coins is refused', async () => {
    const id = challenge();
    await present(news, alice.sign(await coinOf(1n), news, id, 1n), false);
    expect(await refused(news, alice.sign(await coinOf(1n), news, id, 1n))).toBe('challenge-reused');
  });

  it('that somebody else presents is nobody’s', async () => {
    const payment = alice.sign(await coinOf(1n), news, challenge(), 1n);
    const thief = shop.order('ecash-deposit/1', { ...payment, hold: false });
    expect(await bench.refused('/v1/ecash/deposit', thief)).toBe('signature-invalid');
  });

  it('with the product of two coins is forged', async () => {
    const [a, b] = [await coinOf(1n), await coinOf(1n)];
    const [first, second] = [a.coins[0]?.coin, b.coins[0]?.coin];
    if (!first || !second) throw new Error('two were taken');
    const n = alice.keysets.get(first.ks)?.key.n ?? 1n;
    const whole = (text: string) => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
    const product = ((whole(first.sig) * whole(second.sig)) % n).toString(16).padStart(512, '0');
    const sig = Buffer.from(product, 'hex').toString('base64url');
    const payment = alice.sign(a, news, challenge(), 1n);
    expect(
      await refused(
        news,
        altered(payment, (coin) => ({ ...coin, sig })),
      ),
    ).toBe('coin-forged');
  });
});

describe('Change and voids make no money', () => {
  it('a void after the change went out gives back the amount, once', async () => {
    await alice.withdraw([5n]);
    const before = alice.worth;
    const taken = alice.take(1n);
    const id = challenge();
    const { change } = await present(news, alice.sign(taken, news, id, 1n), true);
    alice.finish(taken.change.planned, change);
    expect(await voidHeld(news, id)).toMatchObject({ freed: [id] });
    await expect(alice.swap(taken.coins, [5n])).rejects.toThrow('sum-wrong');
    await alice.swap(taken.coins, [1n]);
    await expect(alice.swap(taken.coins, [1n])).rejects.toThrow('coin-spent');
    expect(alice.worth).toBe(before);
    expect(await captureHeld(news, id)).toMatchObject({ gone: [id] });
  });

  it('a void without change frees the coins; the same payment again is held again, and captured once', async () => {
    const taken = await coinOf(2n);
    const id = challenge();
    const payment = alice.sign(taken, news, id, 2n);
    await present(news, payment, true);
    await voidHeld(news, id);
    const before = await balanceOf(news);
    expect(await captureHeld(news, id)).toMatchObject({ gone: [id] });
    await present(news, payment, true);
    await captureHeld(news, id);
    await captureHeld(news, id);
    expect((await balanceOf(news)) - before).toBe(2n);
    expect(await voidHeld(news, id)).toMatchObject({ gone: [id] });
  });

  it('a void, and the coins spent elsewhere: the first site can no longer have them', async () => {
    const taken = await coinOf(2n);
    const id = challenge();
    const payment = alice.sign(taken, news, id, 2n);
    await present(news, payment, true);
    await voidHeld(news, id);
    await present(shop, alice.sign(taken, shop, challenge(), 2n), false);
    expect(await refused(news, payment, true)).toBe('coin-spent');
  });

  it('one site cannot capture or void what is held for another', async () => {
    const id = challenge();
    await present(news, alice.sign(await coinOf(1n), news, id, 1n), true);
    expect(await captureHeld(shop, id)).toMatchObject({ gone: [id], paid: [] });
    expect(await voidHeld(shop, id)).toMatchObject({ gone: [id], freed: [] });
    expect(await captureHeld(news, id)).toMatchObject({ paid: [id] });
  });
});

describe('Locked coins', () => {
  it('are paid to their own site, in a batch, once; with anything wrong they are not, and the batch is kept', async () => {
    const good = alice.sign(await coinOf(1n, news.vnd), news, challenge(), 1n);
    const taken = await coinOf(1n, news.vnd);
    const forged = { ...alice.sign(taken, news, challenge(), 1n), challengeId: challenge() };
    const before = await balanceOf(news);
    const first = await redeemCoins(news, '', good, forged);
    expect(first['payments']).toEqual([
      { challengeId: good['challengeId'], credited: '1' },
      { challengeId: forged['challengeId'], credited: '0', alarm: 'spend-wrong' },
    ]);
    const prev = String((first['redemption'] as JsonObject)['batch']);
    const second = await redeemCoins(news, prev, good);
    expect(second['payments']).toEqual([{ challengeId: good['challengeId'], credited: '0' }]);
    expect((await balanceOf(news)) - before).toBe(1n);
  });

  it('cannot be swapped while their site may still claim them, nor paid elsewhere', async () => {
    const taken = await coinOf(1n, news.vnd);
    await expect(alice.swap(taken.coins, [1n])).rejects.toThrow('keyset-expired');
    expect(await refused(shop, alice.sign(taken, shop, challenge(), 1n))).toBe('lock-foreign');
  });

  it('are made for a site by its own key alone', async () => {
    const members = { vnd: news.vnd, cur: 'usd-micro', denoms: ['1'] };
    expect(await bench.refused('/v1/ecash/lock', shop.order('ecash-lock/1', members))).toBe('signature-invalid');
  });
});

describe('A withdrawal', () => {
  it('with a number that is not below the modulus is refused, and nothing is debited', async () => {
    const made = alice.draft([1n]);
    const { balance } = await alice.statement();
    const huge = { outputs: made.outputs.map(({ ks }) => ({ ks, b: toBase64url(new Uint8Array(256).fill(255)) })) };
    expect(await bench.refused('/v1/ecash/withdraw', alice.withdrawOrder(huge))).toBe('request-malformed');
    expect(await alice.statement()).toMatchObject({ balance });
  });

  it('of more than the account has is refused, and nothing was signed', async () => {
    const poor = new Holder(bench);
    await poor.learn();
    const made = poor.draft([5n]);
    expect(await bench.refused('/v1/ecash/withdraw', poor.withdrawOrder(made))).toBe('balance-short');
    const asked = poor.order('ecash-restore/1', { outputs: made.outputs.map((one) => ({ ...one })) });
    expect(await bench.send('/v1/ecash/restore', asked)).toEqual({ signatures: [null] });
  });

  it('twice at once, with money for one, is made once: what was signed for the other is kept back', async () => {
    const poor = new Holder(bench);
    await poor.learn();
    await poor.faucet(5n);
    const drafts = [poor.draft([5n]), poor.draft([5n])];
    const codes = await Promise.all(
      drafts.map((made) => bench.refused('/v1/ecash/withdraw', poor.withdrawOrder(made))),
    );
    expect(codes.sort()).toEqual(['accepted', 'balance-short']);
    const outputs = drafts.flatMap((made) => made.outputs.map((one) => ({ ...one })));
    const { signatures } = await bench.send('/v1/ecash/restore', poor.order('ecash-restore/1', { outputs }));
    expect((signatures as unknown[]).filter((one) => one !== null)).toHaveLength(1);
  });

  it('whose answer was lost is repeated, or restored from the seed alone: the same coins', async () => {
    const made = alice.draft([1n, 2n]);
    const sent = alice.withdrawOrder(made);
    const [first, again] = [await bench.send('/v1/ecash/withdraw', sent), await bench.send('/v1/ecash/withdraw', sent)];
    expect(again).toEqual(first);
    const asked = alice.order('ecash-restore/1', { outputs: made.outputs.map((one) => ({ ...one })) });
    expect((await bench.send('/v1/ecash/restore', asked))['signatures']).toEqual(first['signatures']);
  });

  it('of an output that was signed before is refused: nobody pays twice for one coin', async () => {
    const made = alice.draft([1n]);
    await bench.send('/v1/ecash/withdraw', alice.withdrawOrder(made));
    expect(await bench.refused('/v1/ecash/withdraw', alice.withdrawOrder(made))).toBe('coin-repeated');
  });
});

describe('What became of a coin', () => {
  it('is told to its own key, with the receipt of the payment, and of no other coin', async () => {
    const taken = await coinOf(2n);
    const [coin] = taken.coins;
    if (!coin) throw new Error('one was taken');
    expect(await alice.prove(coin)).toMatchObject({ state: 'unspent' });
    const id = challenge();
    await present(news, alice.sign(taken, news, id, 2n), true);
    expect(await alice.prove(coin)).toMatchObject({ state: 'held', deposit: { challengeId: id } });
    await captureHeld(news, id);
    expect(await alice.prove(coin)).toMatchObject({
      state: 'paid',
      deposit: { challengeId: id, amount: '2', vnd: news.vnd },
    });
  });
});

describe('Which of many coins were spent', () => {
  it('is told in their order: swapped, held, paid, and good ones', async () => {
    const [good, held, paid, swapped] = [await coinOf(2n), await coinOf(2n), await coinOf(2n), await coinOf(2n)];
    await present(news, alice.sign(held, news, challenge(), 2n), true);
    await present(news, alice.sign(paid, news, challenge(), 2n), false);
    await alice.swap(swapped.coins, [2n]);
    const coins = [good, held, paid, swapped].flatMap((one) => one.coins.map(({ coin }) => coin.pk));
    const ask = (pks: string[]) => alice.order('ecash-spent/1', { coins: pks });
    expect(await bench.send('/v1/ecash/spent', ask(coins))).toEqual({ spent: [false, true, true, true], sets: [] });
    expect(await bench.send('/v1/ecash/spent', ask([challenge()]))).toEqual({ spent: [false], sets: [] });
    for (const pks of [[], Array.from({ length: limits.coinsToRestore + 1 }, challenge), ['nonsense']]) {
      expect(await bench.refused('/v1/ecash/spent', ask(pks))).toBe('request-malformed');
    }
  });
});

describe('A hold that nobody ends', () => {
  it('ends by itself after a day, and the coins are good again', async () => {
    const taken = await coinOf(2n);
    await present(news, alice.sign(taken, news, challenge(), 2n), true);
    await bench.stop();
    bench.offsetMs += limits.coinHoldMs + 2 * limits.clockSkewMs;
    await bench.start({ ecash: { denominations: [1n, 2n, 5n] } });
    await present(shop, alice.sign(taken, shop, challenge(), 2n), false);
    expect(fromBase64url(bench.public.root)).toBeDefined();
  });
});

const ksOf = (value: bigint): string => {
  const found = [...alice.keysets.values()].find((keyset) => keyset.value === value && keyset.record.vnd === undefined);
  return found?.ks ?? '';
};
const altered = (payment: CoinPayment, alter: (coin: JsonObject) => JsonObject): CoinPayment => ({
  ...payment,
  coins: payment.coins.map(alter),
});
/** Another letter in the middle. */
function flipped(text: string): string {
  const middle = text.length >> 1;
  return `${text.slice(0, middle)}${text[middle] === 'A' ? 'B' : 'A'}${text.slice(middle + 1)}`;
}
