// F12: the wallet is killed at every point where it waits for storage or the network, before and after the effect.
// Afterwards a new wallet on the same storage finishes everything: no cent is lost or made, nothing is paid twice.
import { expect, test } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { payingFetch } from './paying-fetch.ts';
import type { WalletStore } from './ports.ts';
import { AUTO, drift, makeCustomer, reopen, send } from './testing/customer.ts';
import { killer } from './testing/killer.ts';
import { makeWorld, type World } from './testing/world.ts';
import { Wallet } from './wallet.ts';

const ORIGIN = 'https://news.example';
const START = 1_000_000n;

function mortal(world: World, store: WalletStore, guard: <T>(run: () => Promise<T>) => Promise<T>) {
  const dying: WalletStore = {
    read: (keys) => guard(() => store.read(keys)),
    update: (keys, change) => guard(() => store.update(keys, change)),
    list: (prefix, options) => guard(() => store.list(prefix, options)),
  };
  const fetch: typeof globalThis.fetch = (input, init) => guard(() => world.fetch(input, init));
  return { store: dying, fetch, env: world.env };
}

/** Every flow of money once: top-up, buy, pay, pay ahead, read again, refund, renew. */
async function live(ports: ReturnType<typeof mortal>): Promise<void> {
  const wallet = await Wallet.open(ports);
  await wallet.topUp({ amountMicro: START });
  await wallet.setRule(ORIGIN, AUTO);
  const fetch = payingFetch(ports.fetch, wallet, { sleep: async () => {}, tries: 2 });
  await fetch(`${ORIGIN}/article/1`);
  await fetch(`${ORIGIN}/article/2`);
  await fetch(`${ORIGIN}/article/free`);
  await fetch(`${ORIGIN}/article/1`);
  await wallet.renewExpiring(60 * 86_400_000);
  await wallet.refund();
}

async function mend(world: World, store: WalletStore): Promise<Wallet> {
  const wallet = await reopen(world, store);
  expect((await wallet.recover()).open).toBe(0);
  for (const payment of await wallet.pending()) {
    const { settled } = await send(world, wallet, payment);
    if (settled.outcome === 'unknown') await wallet.resolve(payment.id);
  }
  await wallet.recover();
  return wallet;
}

test.each(['before', 'after'] as const)(
  'killed %s every wait, the wallet mends itself without losing a cent',
  async (when) => {
    let points = 0;
    for (let at = 1; ; at++) {
      const world = makeWorld(at);
      const news = world.addSite('news.example');
      const { store } = await makeCustomer(world, { topUpMicro: 0n, store: new MemoryStore() });
      const { guard, isDead } = killer(at, when);
      await live(mortal(world, store, guard)).catch(() => undefined);
      const wallet = await mend(world, store);
      expect([at, await wallet.pending()]).toEqual([at, []]);
      expect([at, await drift(wallet)]).toEqual([at, 0n]);
      await wallet.refund();
      const account = world.broker.accounts.get(wallet.accountId() ?? '') ?? 0n;
      const { totalMicro, brokers } = await wallet.balance({ refresh: true });
      expect([at, totalMicro, brokers[0]?.coinsMicro, brokers[0]?.heldMicro]).toEqual([at, account, 0n, 0n]);
      const [law] = await wallet.conservation();
      expect([at, law?.driftMicro, law?.receivedMicro, law?.spentMicro]).toEqual([at, 0n, 0n, news.state.earned]);
      // The page budgets were debited for is what the site earned: never less.
      expect((await wallet.budget()).spentTodayMicro).toBe(news.state.earned);
      expect(new Set(news.state.served).size).toBe(news.state.served.length);
      if (!isDead()) break;
      points++;
    }
    expect(points).toBeGreaterThan(60);
  },
);

test('F13: when storage fails at the n-th write, nothing more is spent, and what was begun is found again', async () => {
  for (let at = 1; at <= 12; at++) {
    const world = makeWorld(at);
    const news = world.addSite('news.example');
    const { store } = await makeCustomer(world);
    let writes = 0;
    const failing: WalletStore = {
      read: (keys) => store.read(keys),
      list: (prefix, options) => store.list(prefix, options),
      update: (keys, change) =>
        ++writes >= at ? Promise.reject(new Error('quota exceeded')) : store.update(keys, change),
    };
    const wallet = await Wallet.open({ store: failing, fetch: world.fetch, env: world.env });
    await wallet.setRule(ORIGIN, AUTO).catch(() => undefined);
    const fetch = payingFetch(world.fetch, wallet, { maxMicro: 1500n, sleep: async () => {} });
    for (const n of [1, 2]) await fetch(`${ORIGIN}/article/${n}`).catch(() => undefined);
    const mended = await mend(world, store);
    expect([at, await drift(mended)]).toEqual([at, 0n]);
    await mended.refund();
    expect([at, (await mended.balance({ refresh: true })).totalMicro]).toEqual([at, START - news.state.earned]);
  }
});

test('a stored document that is damaged stops the wallet instead of being spent from', async () => {
  const world = makeWorld();
  world.addSite('news.example');
  const { wallet, store } = await makeCustomer(world);
  const key = `money/${world.broker.brk}`;
  await store.update([key], () => ({ put: { [key]: { currency: 'usd-micro', accountMicro: '1e6' } }, result: 0 }));
  await expect(wallet.balance()).rejects.toMatchObject({ code: 'storage-fault' });
  await expect(wallet.conservation()).rejects.toMatchObject({ code: 'storage-fault' });
});
