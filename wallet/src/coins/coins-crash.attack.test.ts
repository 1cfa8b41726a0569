// The machine dies at every point where a wallet waits for storage or the mint, before and after the effect: while coins are
// withdrawn, given, taken and pulled back. Afterwards every coin is somewhere, once.
import type { Bench } from '@farthing/broker/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryStore } from '../memory-store.ts';
import type { WalletPorts, WalletStore } from '../ports.ts';
import { killer } from '../testing/killer.ts';
import { cashOf, openHand, portsOf, startMint } from '../testing/mint.ts';
import { Wallet } from '../wallet.ts';

const START = 100n;
const PATIENCE_MS = 300_000;

let bench: Bench;
beforeAll(async () => {
  bench = await startMint([1n, 2n, 5n, 10n]);
});
afterAll(() => bench[Symbol.asyncDispose]());

type Guard = ReturnType<typeof killer>['guard'];

function mortal(store: WalletStore, guard: Guard): WalletPorts {
  const dying: WalletStore = {
    read: (keys) => guard(() => store.read(keys)),
    update: (keys, change) => guard(() => store.update(keys, change)),
    list: (prefix, options) => guard(() => store.list(prefix, options)),
  };
  return portsOf(bench, dying, (input, init) => guard(() => globalThis.fetch(input, init)));
}

async function live(alicePorts: WalletPorts, bobPorts: WalletPorts): Promise<void> {
  const alice = await Wallet.open(alicePorts);
  await alice.coins.withdraw({ amountMicro: 30n });
  const gift = await alice.coins.give({ amountMicro: 8n });
  const bob = await Wallet.open(bobPorts);
  await bob.coins.take(gift.text ?? '');
  const second = await alice.coins.give({ amountMicro: 3n });
  await alice.coins.takeBack(second.id);
  await alice.coins.deposit({ amountMicro: 4n });
}

/** What the wallet has after it was opened again: in coins, and in all. */
async function mended(store: WalletStore): Promise<{ wallet: Wallet; cash: bigint; total: bigint }> {
  const wallet = await Wallet.open(portsOf(bench, store));
  if (wallet.accountId() === undefined) return { wallet, cash: 0n, total: 0n };
  expect((await wallet.recover()).open).toBe(0);
  for (const { id, state } of await wallet.coins.gifts({ refresh: true })) {
    if (state === 'given') await wallet.coins.takeBack(id);
  }
  const { totalMicro, brokers } = await wallet.balance({ refresh: true });
  expect(brokers[0]?.heldMicro).toBe(0n);
  return { wallet, cash: await cashOf(wallet), total: totalMicro };
}

test.each(['before', 'after'] as const)(
  'killed %s every wait, no coin is lost and none is there twice',
  async (when) => {
    let points = 0;
    for (let at = 1; ; at++) {
      const alice = await openHand(bench, { topUpMicro: START });
      const bobs = new MemoryStore();
      const { guard, isDead } = killer(at, when);
      await live(mortal(alice.store, guard), mortal(bobs, guard)).catch(() => undefined);
      const bob = await mended(bobs);
      const after = await mended(alice.store);
      expect([at, after.total + bob.total, [0n, 8n].includes(bob.cash)]).toEqual([at, START, true]);
      // The mint agrees: nothing that the wallet holds is spent, and nothing that it does not hold is unspent.
      if (at % 20 === 0) {
        expect(await after.wallet.coins.check()).toMatchObject({ coinsMicro: after.cash, lostMicro: 0n });
        const { phrase } = await after.wallet.phrase();
        const words = await openHand(bench);
        expect(await words.wallet.restore({ phrase, brokerUrl: bench.url })).toMatchObject({ coinsMicro: after.cash });
        expect((await words.wallet.balance()).totalMicro).toBe(after.total);
      }
      if (!isDead()) break;
      points++;
    }
    expect(points).toBeGreaterThan(60);
  },
  PATIENCE_MS,
);
