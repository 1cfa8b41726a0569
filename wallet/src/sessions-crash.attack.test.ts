// F12 for sessions: the wallet is killed at every point where it waits for storage or the network. Afterwards a new
// wallet on the same storage finishes everything, with a real broker and a real site: nothing is lost, made or paid twice.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { payingFetch } from './paying-fetch.ts';
import type { WalletStore } from './ports.ts';
import { drift } from './testing/customer.ts';
import { type Market, openMarket } from './testing/market.ts';
import { Wallet } from './wallet.ts';

const START = 20_000n;
let market: Market;
let runs: Set<string>;

beforeAll(async () => {
  market = await openMarket((app, pay) => {
    app.get('/call/:id', pay.wall({ price: '0.00001 USD', unit: 'call' }), (req, res) => {
      runs.add(String(req.params.id));
      res.send('ok');
    });
  });
});
afterAll(() => market.close());

class Killed extends Error {}

/** Dies at the n-th wait, and stays dead. */
function killer(at: number, when: 'before' | 'after') {
  let count = 0;
  let dead = false;
  const guard = async <T>(run: () => Promise<T>): Promise<T> => {
    const now = ++count === at;
    if (now && when === 'before') dead = true;
    if (dead) throw new Killed();
    const result = await run();
    if (now) dead = true;
    if (dead) throw new Killed();
    return result;
  };
  return { guard, isDead: () => dead };
}

async function live(store: WalletStore, guard: <T>(run: () => Promise<T>) => Promise<T>): Promise<void> {
  const dying: WalletStore = {
    read: (keys) => guard(() => store.read(keys)),
    update: (keys, change) => guard(() => store.update(keys, change)),
    list: (prefix, options) => guard(() => store.list(prefix, options)),
  };
  const fetch: typeof globalThis.fetch = (input, init) => guard(() => market.fetch(input, init));
  const wallet = await Wallet.open({ store: dying, fetch, env: market.env });
  await wallet.setRule(market.origin, { mode: 'auto', perPageMicro: 100n, perDayMicro: 500n });
  const paying = payingFetch(fetch, wallet, { sleep: async () => {}, tries: 2 });
  await paying(`${market.origin}/call/1`);
  await paying(`${market.origin}/call/2`);
  await wallet.refund();
}

async function mend(store: WalletStore): Promise<Wallet> {
  const wallet = await Wallet.open({ store, fetch: market.fetch, env: market.env });
  expect((await wallet.recover()).open).toBe(0);
  const paying = payingFetch(market.fetch, wallet);
  for (const { url } of await wallet.pending()) await paying(url);
  return wallet;
}

test.each([
  ['before', 'money'],
  ['after', 'money'],
  ['before', 'credit'],
  ['after', 'credit'],
] as const)(
  'killed %s every wait, the wallet loses no session and no cent of its %s',
  async (when, kind) => {
    let points = 0;
    for (let at = 1; ; at++) {
      runs = new Set();
      const { store } = await market.customer({ topUpMicro: START, store: new MemoryStore() });
      const { wallet: first } = await market.customer({ topUpMicro: 0n, store });
      await first.setCredit({ on: kind === 'credit', perDayMicro: 50_000n });
      const { guard, isDead } = killer(at, when);
      await live(store, guard).catch(() => undefined);
      const wallet = await mend(store);
      expect([at, await wallet.pending()]).toEqual([at, []]);
      await wallet.refund();
      const [law] = await wallet.conservation();
      const earned = BigInt(runs.size) * 10n;
      expect([at, law?.driftMicro, law?.receivedMicro, law?.spentMicro]).toEqual([at, 0n, 0n, earned]);
      expect([at, await drift(wallet)]).toEqual([at, 0n]);
      expect([at, (await wallet.balance({ refresh: true })).totalMicro]).toEqual([at, START - earned]);
      expect([at, (await wallet.budget()).spentTodayMicro]).toEqual([at, earned]);
      if (!isDead()) break;
      points++;
    }
    expect(points).toBeGreaterThan(40);
    await market.pay.redeemNow();
    expect(await market.audit()).toMatchObject({ ok: true });
  },
  120_000,
);
