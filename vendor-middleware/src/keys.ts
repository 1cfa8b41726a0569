// The site's own keys in its data folder: one Ed25519 seed, a binding secret, and one pair of master secrets a key id.
// Files of mode 0600, made once; several processes that start together end up with the same keys.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { secretFile } from '@farthing/node-kit';
import type { MasterSecrets } from '@farthing/protocol/vendor';
import { SetupError } from './setup-error.ts';

export interface KeyRing {
  readonly seed: Uint8Array;
  /** Binds challenge ids when the owner gives no secret. */
  binding(): Uint8Array;
  /** Keys the hashes of client addresses in free quotas. */
  readonly quota: Uint8Array;
  /** Shared with the broker, for prepaid tickets under a MAC. */
  payword(): Uint8Array;
  /** The keys of sealed goods come from it. */
  goods(): Uint8Array;
  /** Makes them when there are none. */
  master(kid: string): MasterSecrets;
  /** Are there master secrets of this key id? */
  has(kid: string): boolean;
}

/** @throws {SetupError} `data-unwritable` */
export function openKeys(data: string): KeyRing {
  const folder = join(data, 'keys');
  const secret = (name: string, length: number): Uint8Array => {
    try {
      const path = join(folder, `${name}.secret`);
      const text = secretFile(path, () => randomBytes(length).toString('base64url'));
      const bytes = Buffer.from(text.trim(), 'base64url');
      if (bytes.length !== length) throw new Error(`${path} does not hold ${length} bytes of base64url`);
      return new Uint8Array(bytes);
    } catch (error) {
      throw new SetupError('data-unwritable', `the keys in ${folder} cannot be used: ${text(error)}`, { cause: error });
    }
  };
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new SetupError('data-unwritable', `make ${data} a folder that this process can write: ${text(error)}`, {
      cause: error,
    });
  }
  const masters = new Map<string, MasterSecrets>();
  return {
    seed: secret('vendor', 32),
    binding: () => secret('binding', 32),
    payword: () => secret('payword', 32),
    goods: () => secret('goods', 32),
    quota: secret('quota', 32),
    has: (kid) => existsSync(join(folder, `scrip-${kid}.secret`)),
    master(kid) {
      const known = masters.get(kid);
      if (known) return known;
      const bytes = secret(`scrip-${kid}`, 64);
      const made = { scrip: bytes.slice(0, 32), customer: bytes.slice(32) };
      masters.set(kid, made);
      return made;
    },
  };
}

const text = (error: unknown): string => (error instanceof Error ? error.message : 'unknown error');
