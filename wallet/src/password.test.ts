// A wallet with a password, at a real mint: what is locked, what is not, and what the person types.
import type { Bench } from '@farthing/broker/testing';
import { nativeStretch } from '@farthing/node-kit';
import { limits } from '@farthing/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { cashOf, codeOf, openHand, portsOf, quickStretch, startMint } from './testing/mint.ts';
import { Wallet } from './wallet.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startMint();
});
afterAll(() => bench[Symbol.asyncDispose]());

const PASSWORD = 'correct horse battery';

/** A wallet with money, coins, and a password; and the same one as another program opens it. */
async function guarded() {
  const { wallet, store } = await openHand(bench, { topUpMicro: 100_000n });
  await wallet.coins.withdraw({ amountMicro: 10_000n });
  const { phrase } = await wallet.phrase();
  await wallet.password.set(PASSWORD);
  const { wallet: locked } = await openHand(bench, { store });
  return { wallet, store, phrase, locked };
}

test('a wallet begins without a password, and stays unlocked where it was set', async () => {
  const { wallet, store, phrase } = await guarded();
  expect(wallet.password.state()).toEqual({ set: true, locked: false });
  expect((await wallet.phrase()).phrase).toBe(phrase);
  await wallet.coins.withdraw({ amountMicro: 1_000n });
  await wallet.password.lock();
  expect(wallet.password.state()).toEqual({ set: true, locked: true });
  const stored = JSON.stringify(await store.list(''));
  // Two in a row: one word alone may be the name of a member, such as box or account.
  const words = phrase.split(' ');
  for (const [n, word] of words.slice(1).entries()) expect(stored).not.toMatch(new RegExp(`${words[n]}\\W*${word}`));
  expect((await openHand(bench)).wallet.password.state()).toEqual({ set: false, locked: false });
});

test('a locked wallet shows what it has, and gives nothing away until it is unlocked', async () => {
  const { locked, phrase } = await guarded();
  expect(await cashOf(locked)).toBe(10_000n);
  expect((await locked.balance({ refresh: true })).totalMicro).toBe(100_000n);
  const refused = [
    locked.phrase(),
    locked.coins.withdraw({ amountMicro: 1n }),
    locked.coins.give({ amountMicro: 1n }),
    locked.coins.check(),
    locked.topUp({ amountMicro: 1n }),
    locked.restore({ phrase, brokerUrl: bench.url }),
  ];
  expect(await Promise.all(refused.map(codeOf))).toEqual(refused.map(() => 'wallet-locked'));
  await locked.password.unlock(PASSWORD);
  expect(locked.password.state()).toEqual({ set: true, locked: false });
  expect((await locked.phrase()).phrase).toBe(phrase);
  await locked.coins.withdraw({ amountMicro: 5_000n });
  expect(await cashOf(locked)).toBe(15_000n);
});

test('a gift that comes to a locked wallet waits for the password', async () => {
  const { locked } = await guarded();
  const giver = await openHand(bench, { topUpMicro: 10_000n });
  await giver.wallet.coins.withdraw({ amountMicro: 5_000n });
  const { text = '' } = await giver.wallet.coins.give({ amountMicro: 700n });
  expect(await codeOf(locked.coins.take(text))).toBe('wallet-locked');
  await locked.password.unlock(PASSWORD);
  await locked.coins.take(text);
  expect(await cashOf(locked)).toBe(10_700n);
  const mine = await locked.coins.give({ amountMicro: 10n });
  await locked.password.lock();
  expect(await locked.coins.gifts()).toEqual([expect.not.objectContaining({ text: mine.text })]);
  await locked.password.unlock(PASSWORD);
  expect(await locked.coins.gifts()).toEqual([expect.objectContaining({ text: mine.text })]);
});

test('five minutes after the password, coins and words need it again, and other things do not', async () => {
  const { wallet } = await guarded();
  bench.offsetMs += limits.passwordFreshMs + 1000;
  expect(await codeOf(wallet.phrase())).toBe('wallet-locked');
  expect(await codeOf(wallet.coins.withdraw({ amountMicro: 1n }))).toBe('wallet-locked');
  expect(await codeOf(wallet.coins.give({ amountMicro: 1n }))).toBe('wallet-locked');
  await wallet.topUp({ amountMicro: 1_000n });
  await wallet.password.unlock(PASSWORD);
  await wallet.coins.withdraw({ amountMicro: 1_000n });
});

test('a changed password opens, the one before does not; a removed one is not asked for', async () => {
  const { wallet, store, phrase } = await guarded();
  await wallet.password.change({ from: PASSWORD, to: 'another horse' });
  const { wallet: other } = await openHand(bench, { store });
  expect(await codeOf(other.password.unlock(PASSWORD))).toBe('password-wrong');
  await other.password.unlock('another horse');
  expect((await other.phrase()).phrase).toBe(phrase);
  await other.password.remove('another horse');
  expect(other.password.state()).toEqual({ set: false, locked: false });
  const { wallet: third } = await openHand(bench, { store });
  expect((await third.phrase()).phrase).toBe(phrase);
  await third.coins.withdraw({ amountMicro: 1n });
});

test('an unlocked wallet of an extension wakes up unlocked, until it is locked or the password changes', async () => {
  const { store } = await guarded();
  let kept: string | undefined;
  const session = {
    read: async () => kept,
    write: async (text: string | undefined) => {
      kept = text;
    },
  };
  const wake = () => Wallet.open({ ...portsOf(bench, store), session });
  const first = await wake();
  expect(first.password.state().locked).toBe(true);
  await first.password.unlock(PASSWORD);
  expect((await wake()).password.state().locked).toBe(false);
  await first.password.lock();
  expect([kept, (await wake()).password.state().locked]).toEqual([undefined, true]);
  await first.password.unlock(PASSWORD);
  const { wallet: other } = await openHand(bench, { store });
  await other.password.change({ from: PASSWORD, to: 'another horse' });
  expect((await wake()).password.state().locked).toBe(true);
  kept = 'nonsense';
  expect((await wake()).password.state().locked).toBe(true);
});

test('with Argon2id itself, and progress where the code tells it', async () => {
  const store = new MemoryStore();
  await openHand(bench, { store, topUpMicro: 10n });
  const { stretch: _, ...portable } = portsOf(bench, store);
  const wallet = await Wallet.open(portable);
  const told: number[] = [];
  await wallet.password.set(PASSWORD, { onProgress: (done) => told.push(done) });
  expect([told.at(-1), told.length > 3]).toEqual([1, true]);
  const again = await Wallet.open({ ...portable, stretch: nativeStretch });
  await again.password.unlock(PASSWORD);
  const cheap = await Wallet.open({ ...portable, stretch: quickStretch });
  expect(await codeOf(cheap.password.unlock(PASSWORD))).toBe('password-wrong');
});
