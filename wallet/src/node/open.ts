// A wallet in a directory of this machine.
import { chmodSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { nativeRsa, nativeStretch, nodeEnv } from '@farthing/node-kit';
import type { Env } from '@farthing/protocol';
import { Wallet } from '../index.ts';
import { SqliteStore } from './sqlite-store.ts';

export type OpenWallet = { readonly wallet: Wallet; close(): void };

/** `FARTHING_WALLET`, or `.farthing` in the home directory. */
export const defaultData = (): string => process.env['FARTHING_WALLET'] ?? join(homedir(), '.farthing');

/** Opens or makes the wallet of a directory, which nobody else may read. Call `close()` when done. `env`: for tests. */
export async function openWallet(
  data: string,
  options: { fetch?: typeof globalThis.fetch; env?: () => Env } = {},
): Promise<OpenWallet> {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  chmodSync(data, 0o700);
  const store = new SqliteStore(join(data, 'wallet.db'));
  const native = { rsa: nativeRsa, stretch: nativeStretch };
  const { fetch = globalThis.fetch, env = nodeEnv } = options;
  const wallet = await Wallet.open({ store, fetch, env, ...native });
  return { wallet, close: () => store.close() };
}
