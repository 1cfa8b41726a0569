// Coins as people have them, with a real mint over HTTP: out of the account, from hand to hand, and back from the words.
import { join } from 'node:path';
import { auditLedger } from '@farthing/broker';
import type { Bench } from '@farthing/broker/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RestoreProgress } from '../coin-types.ts';
import { MemoryStore } from '../memory-store.ts';
import type { WalletStore } from '../ports.ts';
import { cashOf, codeOf, openHand, startMint } from '../testing/mint.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startMint();
});
afterAll(() => bench[Symbol.asyncDispose]());

const textOf = ({ text }: { text?: string }): string => text ?? '';

test('money of the account becomes coins of handy values, and the balance tells of both', async () => {
  const { wallet } = await openHand(bench, { topUpMicro: 50_000n });
  await wallet.coins.withdraw({ amountMicro: 12_345n });
  expect(await cashOf(wallet)).toBe(12_345n);
  const { totalMicro, brokers } = await wallet.balance({ refresh: true });
  expect([totalMicro, brokers[0]?.accountMicro, brokers[0]?.cashMicro]).toEqual([50_000n, 37_655n, 12_345n]);
  const [list] = await wallet.coins.list();
  expect(list?.byValue.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(12);
  expect(await codeOf(wallet.coins.withdraw({ amountMicro: 40_000n }))).toBe('funds-short');
  expect(await codeOf(wallet.coins.withdraw({ amountMicro: 10_000_000_000n }))).toBe('sum-wrong');
});

test('Alice gives to Bob, who has no account, and Bob to Carol; what Alice kept is dead', async () => {
  const alice = await openHand(bench, { topUpMicro: 10_000n });
  const bob = await openHand(bench);
  const carol = await openHand(bench);
  await alice.wallet.coins.withdraw({ amountMicro: 5_000n });
  const first = await alice.wallet.coins.give({ amountMicro: 1_234n, memo: 'for the tea' });
  const taken = await bob.wallet.coins.take(`see ${textOf(first)}`);
  expect(taken).toMatchObject({ memo: 'for the tea', brokerAdded: true, record: { amountMicro: 1_234n } });
  const second = await bob.wallet.coins.give({ amountMicro: 1_000n });
  await carol.wallet.coins.take(textOf(second));
  expect([await cashOf(alice.wallet), await cashOf(bob.wallet), await cashOf(carol.wallet)]).toEqual([
    3_766n,
    234n,
    1_000n,
  ]);
  const thief = await openHand(bench);
  expect(await codeOf(thief.wallet.coins.take(textOf(first)))).toBe('coin-spent');
  expect(await cashOf(thief.wallet)).toBe(0n);
  expect(await codeOf(alice.wallet.coins.takeBack(first.id))).toBe('coin-spent');
  expect(await alice.wallet.coins.gifts({ refresh: true })).toMatchObject([{ id: first.id, state: 'taken' }]);
  expect(await cashOf(alice.wallet)).toBe(3_766n);
  expect((await bob.wallet.balance({ refresh: true })).totalMicro).toBe(234n);
  expect(auditLedger(join(bench.data, 'ledger.db'), bench.public.root).findings).toEqual([]);
});

test('coins become money of the account again, all of them or an amount', async () => {
  const { wallet } = await openHand(bench, { topUpMicro: 50_000n });
  await wallet.coins.withdraw({ amountMicro: 12_345n });
  expect(await wallet.coins.deposit({ amountMicro: 333n })).toMatchObject({ state: 'refunded', amountMicro: 333n });
  expect(await cashOf(wallet)).toBe(12_012n);
  expect(await wallet.coins.deposit()).toMatchObject({ state: 'refunded', amountMicro: 12_012n, why: 'deposit' });
  const { totalMicro, brokers } = await wallet.balance({ refresh: true });
  expect([totalMicro, brokers[0]?.accountMicro, brokers[0]?.cashMicro]).toEqual([50_000n, 50_000n, 0n]);
  expect(await codeOf(wallet.coins.deposit())).toBe('funds-short');
  expect(auditLedger(join(bench.data, 'ledger.db'), bench.public.root).findings).toEqual([]);
});

test('a gift that nobody took comes back, and its text is worth nothing then', async () => {
  const alice = await openHand(bench, { topUpMicro: 10_000n });
  await alice.wallet.coins.withdraw({ amountMicro: 5_000n });
  const gift = await alice.wallet.coins.give({ amountMicro: 700n });
  expect(await alice.wallet.coins.gifts({ refresh: true })).toMatchObject([{ state: 'given', text: gift.text }]);
  expect((await alice.wallet.balance()).totalMicro).toBe(9_300n);
  expect(await alice.wallet.coins.takeBack(gift.id)).toMatchObject({ state: 'refunded', amountMicro: 700n });
  expect(await cashOf(alice.wallet)).toBe(5_000n);
  const bob = await openHand(bench);
  expect(await codeOf(bob.wallet.coins.take(textOf(gift)))).toBe('coin-spent');
  expect(await codeOf(alice.wallet.coins.takeBack(gift.id))).toBe('not-found');
});

test('a gift for a picture is of as few coins as there are for its amount', async () => {
  const alice = await openHand(bench, { topUpMicro: 10_000n });
  await alice.wallet.coins.withdraw({ amountMicro: 8_000n });
  const plain = await alice.wallet.coins.give({ amountMicro: 4_000n });
  await alice.wallet.coins.takeBack(plain.id);
  const few = await alice.wallet.coins.give({ amountMicro: 4_000n, few: true });
  // Two coins of 2,000; what was at hand were more.
  expect([textOf(few).length < 1_200, textOf(plain).length > 1_200]).toEqual([true, true]);
  expect(await cashOf(alice.wallet)).toBe(4_000n);
  const bob = await openHand(bench);
  expect((await bob.wallet.coins.take(textOf(few))).record.amountMicro).toBe(4_000n);
});

test('the same text again is the same gift, and a wallet with a broker takes no other broker by a gift', async () => {
  const alice = await openHand(bench, { topUpMicro: 10_000n });
  await alice.wallet.coins.withdraw({ amountMicro: 100n });
  const gift = await alice.wallet.coins.give({ amountMicro: 50n });
  const bob = await openHand(bench);
  const { record } = await bob.wallet.coins.take(textOf(gift));
  expect((await bob.wallet.coins.take(textOf(gift))).record).toEqual(record);
  expect(await cashOf(bob.wallet)).toBe(50n);
  expect(await codeOf(bob.wallet.coins.take('farthing-gift:nothing'))).toBe('payload-invalid');

  await using other = await startMint([1n, 10n]);
  const dave = await openHand(other, { topUpMicro: 100n });
  await dave.wallet.coins.withdraw({ amountMicro: 20n });
  const foreign = await dave.wallet.coins.give({ amountMicro: 10n });
  expect(await codeOf(bob.wallet.coins.take(textOf(foreign)))).toBe('no-account');
  expect(await bob.wallet.brokers()).toHaveLength(1);
});

test('from its words a wallet comes back with its account, its balance and exactly the coins that it did not spend', async () => {
  const alice = await openHand(bench, { topUpMicro: 400_000n });
  for (let n = 0; n < 5; n++) await alice.wallet.coins.withdraw({ amountMicro: 40n * 1_000n });
  for (const amountMicro of [111n, 2_222n, 33_333n]) {
    const gift = await alice.wallet.coins.give({ amountMicro });
    await (await openHand(bench)).wallet.coins.take(textOf(gift));
  }
  const { phrase, account } = await alice.wallet.phrase();
  expect([phrase.split(' ').length, account]).toEqual([12, true]);
  const before = await cashOf(alice.wallet);

  const again = await openHand(bench);
  const told: RestoreProgress[] = [];
  const found = await again.wallet.restore({
    phrase: `  ${phrase.toUpperCase()} `,
    brokerUrl: bench.url,
    onProgress: (progress) => told.push(progress),
  });
  expect(found).toMatchObject({ coinsMicro: before, accountMicro: 200_000n, lostMicro: 0n });
  expect(again.wallet.accountId()).toBe(alice.wallet.accountId());
  expect(await cashOf(again.wallet)).toBe(before);
  const all = found.coins + found.spent;
  expect(told.at(-1)).toEqual({ keysets: 15, of: 15, found: all, checked: all });
  expect(told.length).toBeGreaterThan(15);
  expect(found.spent).toBeGreaterThan(0);
  // The next counters are new ones: what it makes now was never made before.
  await again.wallet.coins.withdraw({ amountMicro: 5_000n });
  expect(await cashOf(again.wallet)).toBe(before + 5_000n);
  expect(await again.wallet.restore({ phrase, brokerUrl: bench.url })).toMatchObject({ coinsMicro: before + 5_000n });
  expect(await codeOf(again.wallet.restore({ phrase: 'abandon '.repeat(12), brokerUrl: bench.url }))).toBe(
    'payload-invalid',
  );
});

test('two hundred coins come back, but for those that were spent', async () => {
  await using mint = await startMint([1n, 2n, 5n, 10n]);
  const alice = await openHand(mint, { topUpMicro: 10_000n });
  for (let n = 0; n < 5; n++) await alice.wallet.coins.withdraw({ amountMicro: 400n });
  expect((await alice.wallet.coins.list())[0]?.byValue).toEqual([{ valueMicro: 10n, count: 200 }]);
  const gift = await alice.wallet.coins.give({ amountMicro: 237n });
  await (await openHand(mint)).wallet.coins.take(textOf(gift));
  const { phrase } = await alice.wallet.phrase();
  const { wallet } = await openHand(mint);
  const found = await wallet.restore({ phrase, brokerUrl: mint.url });
  expect(found).toMatchObject({ coinsMicro: 1_763n, accountMicro: 8_000n });
  expect(await cashOf(wallet)).toBe(1_763n);
  expect(await wallet.coins.list()).toEqual(await alice.wallet.coins.list());
});

test('a restore that is cut off begins again before anything is made, so that no counter is used twice', async () => {
  await using mint = await startMint([1n, 2n, 5n, 10n]);
  const alice = await openHand(mint, { topUpMicro: 1_000n });
  await alice.wallet.coins.withdraw({ amountMicro: 100n });
  const { phrase } = await alice.wallet.phrase();
  const store = new MemoryStore();
  const deaf: typeof globalThis.fetch = (input, init) =>
    String(input).endsWith('/spent') ? Promise.reject(new Error('cut off')) : globalThis.fetch(input, init);
  const { wallet } = await openHand(mint, { store, fetch: deaf });
  expect(await codeOf(wallet.restore({ phrase, brokerUrl: mint.url }))).toBe('broker-unreachable');
  expect(await codeOf(wallet.coins.withdraw({ amountMicro: 5n }))).toBe('broker-unreachable');
  const again = await openHand(mint, { store });
  await again.wallet.coins.withdraw({ amountMicro: 5n });
  expect(await cashOf(again.wallet)).toBe(105n);
  expect((await again.wallet.balance({ refresh: true })).totalMicro).toBe(1_000n);
});

test('a wallet that began without words keeps its account, and gets words that bring its coins back', async () => {
  const { wallet: before, store } = await openHand(bench, { topUpMicro: 1_000n });
  const id = before.accountId();
  const seed = { seed: Buffer.alloc(32, 9).toString('base64url') };
  const key = Buffer.from(bench.env().crypto.publicKey(Buffer.from(seed.seed, 'base64url'))).toString('base64url');
  await store.update(['account'], () => ({ put: { account: { ...seed, id: key } }, result: undefined }));
  const { wallet } = await openHand(bench, { store });
  await wallet.topUp({ amountMicro: 500n });
  await wallet.coins.withdraw({ amountMicro: 321n });
  const { phrase, account } = await wallet.phrase();
  expect([wallet.accountId(), wallet.accountId() === id, account]).toEqual([key, false, false]);
  const again = await openHand(bench);
  expect(await again.wallet.restore({ phrase, brokerUrl: bench.url })).toMatchObject({
    coinsMicro: 321n,
    accountMicro: 0n,
  });
});

test('an old backup finds out that its coins are spent, says so, and makes no coin twice', async () => {
  const alice = await openHand(bench, { topUpMicro: 50_000n });
  await alice.wallet.coins.withdraw({ amountMicro: 10_000n });
  const backup = new MemoryStore();
  for (const { key, value } of await alice.store.list('')) {
    await backup.update([key], () => ({ put: { [key]: value }, result: undefined }));
  }
  await alice.wallet.coins.withdraw({ amountMicro: 10_000n });
  const gift = await alice.wallet.coins.give({ amountMicro: 15_000n });
  await (await openHand(bench)).wallet.coins.take(textOf(gift));

  const old = await openHand(bench, { store: backup });
  await old.wallet.coins.withdraw({ amountMicro: 10_000n });
  expect(await cashOf(old.wallet)).toBe(15_000n);
  const lost = (await old.wallet.history()).find(({ code }) => code === 'coin-spent');
  expect(lost).toMatchObject({ why: 'another copy of this wallet' });
  const { brokers } = await old.wallet.balance({ refresh: true });
  expect(brokers[0]).toMatchObject({ accountMicro: 20_000n, cashMicro: 15_000n });
  expect(await cashOf(old.wallet)).toBe(15_000n);
  expect(await old.wallet.coins.check()).toMatchObject({ coinsMicro: 15_000n, lostMicro: 0n });
});

test('an old backup whose coins are gone gives what it still has, and says what it lost', async () => {
  const alice = await openHand(bench, { topUpMicro: 50_000n });
  await alice.wallet.coins.withdraw({ amountMicro: 10_000n });
  const backup = new MemoryStore();
  for (const { key, value } of await alice.store.list('')) {
    await backup.update([key], () => ({ put: { [key]: value }, result: undefined }));
  }
  const gift = await alice.wallet.coins.give({ amountMicro: 9_000n });
  await (await openHand(bench)).wallet.coins.take(textOf(gift));
  const old = await openHand(bench, { store: backup });
  const given = await old.wallet.coins.give({ amountMicro: 777n });
  await (await openHand(bench)).wallet.coins.take(textOf(given));
  expect(await cashOf(old.wallet)).toBe(223n);
  expect(await old.wallet.history()).toContainEqual(
    expect.objectContaining({ code: 'coin-spent', why: 'another copy of this wallet' }),
  );
});

const coinsIn = (store: WalletStore) => store.list('coin/');

test('coins of a keyset that has ended are swapped for new ones', async () => {
  await using mint = await startMint([1n, 10n, 100n]);
  const { wallet, store } = await openHand(mint, { topUpMicro: 10_000n });
  await wallet.coins.withdraw({ amountMicro: 321n });
  await mint.stop();
  mint.offsetMs += 100 * 86_400_000;
  await mint.start({ ecash: { denominations: [1n, 10n, 100n] } });
  await wallet.init({ brokerUrl: mint.url });
  const before = await wallet.coins.list();
  expect(await codeOf(wallet.coins.give({ amountMicro: 1n }))).not.toBe('done');
  while ((await wallet.coins.list())[0]?.listHash === before[0]?.listHash) await wallet.recover();
  // Nobody waits for them: they are swapped at some time of the next half day.
  const old = JSON.stringify(await coinsIn(store));
  await wallet.recover();
  expect(JSON.stringify(await coinsIn(store))).toBe(old);
  mint.offsetMs += 13 * 3_600_000;
  await wallet.recover();
  expect(JSON.stringify(await coinsIn(store))).not.toBe(old);
  expect(await cashOf(wallet)).toBe(321n);
  expect(await wallet.coins.give({ amountMicro: 21n })).toMatchObject({ state: 'given' });
});
