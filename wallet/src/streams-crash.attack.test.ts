// F12 for streams: the wallet is killed at every point where it waits for storage or the network, and its connections
// break. Afterwards a new wallet on the same storage finishes everything: what it paid is what the site may claim.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { payingFetch, siteAnswer } from './paying-fetch.ts';
import type { WalletStore } from './ports.ts';
import { drift } from './testing/customer.ts';
import { type Market, openMarket } from './testing/market.ts';
import type { Payment } from './types.ts';
import { Wallet } from './wallet.ts';

const START = 20_000n;
const UNITS = 6;
let market: Market;

beforeAll(async () => {
  market = await openMarket((app, pay) => {
    const unit = { price: '0.0001 USD', unit: 'second' };
    app.all(
      '/live',
      pay.stream(unit, async function* () {
        for (let n = 1; n <= UNITS; n++) yield `data: ${n}\n\n`;
      }),
    );
  });
});
afterAll(() => market.close());

class Killed extends Error {}

/** Dies at the n-th wait, and stays dead; its connections die with it. */
function killer(at: number, when: 'before' | 'after') {
  let count = 0;
  const end = new AbortController();
  const guard = async <T>(run: () => Promise<T>): Promise<T> => {
    const now = ++count === at;
    if (now && when === 'before') end.abort();
    if (end.signal.aborted) throw new Killed();
    const result = await run();
    if (now) end.abort();
    if (end.signal.aborted) throw new Killed();
    return result;
  };
  return { guard, signal: end.signal };
}

async function live(store: WalletStore, { guard, signal }: ReturnType<typeof killer>): Promise<void> {
  const dying: WalletStore = {
    read: (keys) => guard(() => store.read(keys)),
    update: (keys, change) => guard(() => store.update(keys, change)),
    list: (prefix, options) => guard(() => store.list(prefix, options)),
  };
  const fetch: typeof globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    return guard(() => market.fetch(new Request(request, { signal: AbortSignal.any([signal, request.signal]) })));
  };
  const wallet = await Wallet.open({ store: dying, fetch, env: market.env });
  // A chain of three units: it is topped up on the way.
  await wallet.setRule(market.origin, { mode: 'auto', perPageMicro: 1_000n, perDayMicro: 300n });
  let done: Promise<unknown> | undefined;
  const paying = payingFetch(fetch, wallet, {
    sleep: async () => {},
    tries: 2,
    onEvent: (event) => {
      if (event.kind === 'stream') done = event.meter.done;
    },
    onMeter: ({ state }) => {
      if (state !== 'limit') return;
      void wallet
        .setRule(market.origin, { mode: 'auto', perPageMicro: 1_000n, perDayMicro: 2_000n })
        .catch(() => undefined);
    },
  });
  await (await paying(`${market.origin}/live`)).text();
  await done;
  await wallet.refund();
}

/** What is not known is asked for, and shown again until no stream runs any more. */
async function settle(wallet: Wallet, { id, url, method, header }: Payment): Promise<void> {
  await expect
    .poll(async () => {
      const answer = await market.fetch(url, { method, headers: { [header.name]: header.value } });
      await wallet.settle(id, await siteAnswer(answer));
      return (await wallet.pending()).some((left) => left.id === id);
    })
    .toBe(false);
}

async function mend(store: WalletStore): Promise<Wallet> {
  const wallet = await Wallet.open({ store, fetch: market.fetch, env: market.env });
  expect((await wallet.recover()).open).toBe(0);
  for (const payment of await wallet.pending()) await settle(wallet, payment);
  return wallet;
}

test.each(['before', 'after'] as const)(
  'killed %s every wait of a stream, the wallet loses no cent',
  async (when) => {
    let points = 0;
    for (let at = 1; ; at++) {
      const { store } = await market.customer({ topUpMicro: START, store: new MemoryStore() });
      const death = killer(at, when);
      await live(store, death).catch(() => undefined);
      const wallet = await mend(store);
      expect([at, await wallet.pending()]).toEqual([at, []]);
      await market.pay.redeemNow();
      await wallet.refund();
      const [law] = await wallet.conservation();
      expect([at, law?.driftMicro, law?.receivedMicro, await drift(wallet)]).toEqual([at, 0n, 0n, 0n]);
      const spent = law?.spentMicro ?? 0n;
      expect(spent).toBeLessThanOrEqual(100n * BigInt(UNITS));
      expect([at, (await wallet.budget()).spentTodayMicro]).toEqual([at, spent]);
      // A chain that no site has seen yet stays: it serves the next payment.
      const { totalMicro, brokers } = await wallet.balance({ refresh: true });
      expect([at, totalMicro, brokers[0]?.heldMicro]).toEqual([at, START - spent, 0n]);
      const streams = (await wallet.history()).filter(({ unit }) => unit !== undefined);
      expect(streams.reduce((sum, { amountMicro }) => sum + amountMicro, 0n)).toBe(spent);
      if (!death.signal.aborted) {
        expect(spent).toBe(100n * BigInt(UNITS));
        break;
      }
      points++;
    }
    expect(points).toBeGreaterThan(40);
    expect(await market.audit()).toMatchObject({ ok: true });
  },
  240_000,
);
