// A real broker and a real site that sells by the unit, in this process and over HTTP: for tests of sessions.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLedger, startBroker } from '@farthing/broker';
import { nativeRsa, nodeEnv } from '@farthing/node-kit';
import { type Farthing, type FarthingOptions, farthing } from '@farthing/vendor';
import express, { type Express } from 'express';
import { MemoryStore } from '../memory-store.ts';
import type { WalletStore } from '../ports.ts';
import { Wallet } from '../wallet.ts';
import { quickStretch } from './mint.ts';

export type Market = Awaited<ReturnType<typeof openMarket>>;
type Middle = (request: Request, on: () => Promise<Response>) => Promise<Response>;

type Terms = { idleMs?: number; fundings?: ('credit' | 'prepaid')[] };
/** `mint`: values of the broker's coins. `site`: what else the site is started with. */
type Coins = { mint?: bigint[]; site?: Partial<FarthingOptions> };

export async function openMarket(
  sell: (app: Express, pay: Farthing) => void,
  payword: Terms = {},
  { mint, site }: Coins = {},
) {
  const dir = mkdtempSync(join(tmpdir(), 'farthing-market-'));
  const clock = { shiftMs: 0 };
  const env = () => ({ ...nodeEnv(), nowMs: Date.now() + clock.shiftMs });
  const ledger = join(dir, 'broker');
  const broker = await startBroker({
    data: ledger,
    test: true,
    ...(mint ? { env, ecash: { denominations: mint } } : {}),
  });
  const pay = await farthing({
    broker: broker.url,
    data: join(dir, 'site'),
    name: 'calls',
    methods: ['scrip', 'payword'],
    env,
    payword,
    ...site,
  });
  const app = express();
  sell(app, pay);
  app.use('/farthing', pay.routes());
  const server = createServer(app);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;

  /** Requests to the site, and what stands between the wallet and everybody else. */
  const control: { middle: Middle; seen: Request[] } = { middle: (_, on) => on(), seen: [] };
  const request: typeof globalThis.fetch = (input, init) => {
    const asked = new Request(input, init);
    if (asked.url.startsWith(origin)) control.seen.push(asked.clone());
    return control.middle(asked, () => fetch(asked));
  };
  const reopen = (store: WalletStore) =>
    Wallet.open({ store, fetch: request, env, rsa: nativeRsa, stretch: quickStretch });
  const customer = async ({ topUpMicro = 100_000n, store = new MemoryStore() as WalletStore } = {}) => {
    const wallet = await reopen(store);
    await wallet.init({ brokerUrl: broker.url });
    if (topUpMicro > 0n) await wallet.topUp({ amountMicro: topUpMicro });
    return { wallet, store };
  };
  return {
    ...{ origin, broker, pay, control, clock, env, fetch: request, customer, reopen },
    audit: async () => {
      const keys = await (await fetch(`${broker.url}/v1/keys`)).json();
      return auditLedger(join(ledger, 'ledger.db'), keys.root);
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await pay.close();
      await broker.close();
      rmSync(dir, { recursive: true });
    },
  };
}
