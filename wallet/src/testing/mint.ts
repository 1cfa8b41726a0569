// Wallets at a real mint, over HTTP: for the tests of coins.

import { Bench } from '@farthing/broker/testing';
import { nativeCrypto, nativeRsa } from '@farthing/node-kit';
import type { Stretch } from '@farthing/protocol';
import { MemoryStore } from '../memory-store.ts';
import type { WalletPorts, WalletStore } from '../ports.ts';
import { Wallet } from '../wallet.ts';

const VALUES = [1n, 10n, 100n, 1000n, 10_000n].flatMap((unit) => [unit, 2n * unit, 5n * unit]);

/** A mint of its own, with its keys made. */
export async function startMint(denominations: readonly bigint[] = VALUES): Promise<Bench> {
  const bench = await new Bench().start({ ecash: { denominations: [...denominations] } });
  await bench.until('/v1/ecash/keysets');
  return bench;
}

export type Hand = { readonly wallet: Wallet; readonly store: WalletStore };

/** Argon2id without its work: tests of many passwords would take minutes. */
export const quickStretch: Stretch = async (password, salt, { onProgress } = {}) => {
  onProgress?.(1);
  return nativeCrypto.hmacSha256(salt, password);
};

export const portsOf = (bench: Bench, store: WalletStore, fetch = globalThis.fetch): WalletPorts => ({
  ...{ store, fetch, env: bench.env, rsa: nativeRsa, stretch: quickStretch },
});

/** A wallet that knows nobody; with `topUpMicro`, one that has an account with money. */
export async function openHand(
  bench: Bench,
  { topUpMicro = 0n, store = new MemoryStore() as WalletStore, fetch = globalThis.fetch } = {},
): Promise<Hand> {
  const wallet = await Wallet.open(portsOf(bench, store, fetch));
  if (topUpMicro > 0n) {
    await wallet.init({ brokerUrl: bench.url });
    await wallet.topUp({ amountMicro: topUpMicro });
  }
  return { wallet, store };
}

/** What is in coins, with law L5 checked on the way. */
export async function cashOf(wallet: Wallet): Promise<bigint> {
  for (const { driftMicro } of await wallet.conservation()) {
    if (driftMicro !== 0n) throw new Error(`money was lost or made: ${driftMicro}`);
  }
  return (await wallet.coins.list()).reduce((sum, { totalMicro }) => sum + totalMicro, 0n);
}

export const codeOf = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'done',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
  );
