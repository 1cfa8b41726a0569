// Opens the hosted wallets of a broker: their secret, their book, their pages.
import { join } from 'node:path';
import { GroupCommit, type Logger, openDatabase } from '@farthing/node-kit';
import type { Env, VendorRecord } from '@farthing/protocol';
import type { Settings } from '../services/settings.ts';
import { openBook } from './book.ts';
import { openHostedKeys } from './keys.ts';
import type { SendCode } from './kit.ts';
import { HostedPages, PAY } from './pages.ts';
import { Passkeys } from './passkeys.ts';
import type { Ask } from './purse.ts';
import { migrations } from './schema.ts';
import { Wallets } from './wallets.ts';

export type HostedParts = {
  readonly data: string;
  /** Where the broker is reached. */
  readonly url: string;
  readonly brk: string;
  readonly settings: Settings;
  readonly env: () => Env;
  readonly log: Logger;
  readonly ask: Ask;
  readonly vendor: (vnd: string) => Promise<VendorRecord | undefined>;
  readonly sendCode: SendCode | undefined;
};

/** Opened by the first visit: most brokers of tests and demos have none. */
export class Hosted {
  readonly payUrl: string;
  readonly #parts: HostedParts;
  readonly #origin: string;
  #open: { readonly pages: HostedPages; readonly group: GroupCommit } | undefined;

  /** @throws {Error} the address is none that browsers give passkeys to */
  constructor(parts: HostedParts) {
    const origin = hostedOrigin(parts.url);
    if (!origin) {
      throw new Error(`hosted wallets need https and a host name: set --public-url; ${parts.url} has no passkeys`);
    }
    this.#parts = parts;
    this.#origin = origin;
    this.payUrl = origin + PAY;
  }

  /** @throws {Error} the secret or the book cannot be used */
  get pages(): HostedPages {
    this.#open ??= this.#opened();
    return this.#open.pages;
  }

  #opened() {
    const { data, settings, env, log, ask, brk, vendor, sendCode } = this.#parts;
    const keys = openHostedKeys(data, env());
    const db = openDatabase(join(data, 'hosted.db'), migrations);
    const book = openBook(db);
    const group = new GroupCommit(db);
    const origin = this.#origin;
    const place = { rpId: new URL(origin).hostname, origin, name: settings.name };
    const wallets = new Wallets(
      { book, group, keys, settings, ask, env, log, sendCode },
      new Passkeys({ place, book, env }),
    );
    return { pages: new HostedPages({ wallets, origin, brk, vendor }), group };
  }

  close(): void {
    this.#open?.group.close();
  }
}

/** Passkeys belong to a name, over https or on this machine: 127.0.0.1 is called localhost for them. */
export function hostedOrigin(address: string): string | undefined {
  const url = new URL(address);
  if (/^127(\.\d+){3}$|^\[::1\]$/.test(url.hostname)) url.hostname = 'localhost';
  const isLocal = url.hostname === 'localhost' || url.hostname.endsWith('.localhost');
  const isNamed = !/^[\d.]+$|^\[/.test(url.hostname);
  return isNamed && (url.protocol === 'https:' || isLocal) ? url.origin : undefined;
}
