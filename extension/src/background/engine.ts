// Opens the wallet once for the worker's life; everything that needs money waits for the same promise.
import { PaymentProblem, portableCrypto } from '@farthing/protocol';
import { Wallet } from '@farthing/wallet';
import * as v from 'valibot';
import { browser, isPrivate } from '../browser.ts';
import { sessionArea } from '../session-area.ts';
import type { Config } from '../view.ts';
import { areaStore } from './area-store.ts';
import { idbStore } from './idb-store.ts';
import { POCKET, shared } from './pocket/mail.ts';

const env = () => ({
  nowMs: Date.now(),
  random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
  crypto: portableCrypto,
});

const ports = { fetch: (input: RequestInfo | URL, init?: RequestInit) => fetch(input, init), env };

/** What pays in private windows: coins that tell nobody whose they are, for one payment at a time. */
export const openPocket = (): Promise<Wallet> =>
  Wallet.open({ ...ports, store: areaStore(shared, POCKET), only: new Set(['ecash']), ahead: false });

/** An unlocked wallet stays so while the browser runs, whatever becomes of this worker. */
const UNLOCKED = 'unlocked';
const session = {
  async read(): Promise<string | undefined> {
    const kept = (await sessionArea.get([UNLOCKED]))[UNLOCKED];
    return typeof kept === 'string' ? kept : undefined;
  },
  write: (text: string | undefined): Promise<void> =>
    text === undefined ? sessionArea.remove([UNLOCKED]) : sessionArea.set({ [UNLOCKED]: text }),
};

export const wallet: Promise<Wallet> = (async () =>
  isPrivate ? openPocket() : Wallet.open({ ...ports, session, store: await idbStore() }))();

const configSchema = v.object({
  broker: v.optional(v.pipe(v.string(), v.url(), v.maxLength(300))),
  demoArticle: v.optional(v.pipe(v.string(), v.url(), v.maxLength(2000))),
  surface: v.optional(v.picklist(['popup', 'window']), 'popup'),
});

/** `config.json` beside the build; an empty or missing one is a wallet that asks for its broker. */
export const config: Promise<Config> = (async () => {
  try {
    const answer = await fetch(browser.runtime.getURL('config.json'));
    const { broker, demoArticle, surface } = v.parse(configSchema, await answer.json());
    return {
      surface,
      ...(broker === undefined ? {} : { broker }),
      ...(demoArticle === undefined ? {} : { demoArticle }),
    };
  } catch {
    return { surface: 'popup' };
  }
})();

/** The code and detail of what went wrong, for screens: ours are `storage-fault`, as nothing else of ours can stop. */
export function problemOf(error: unknown): PaymentProblem {
  if (error instanceof PaymentProblem) return error;
  console.error(error);
  return new PaymentProblem('storage-fault', {
    detail: error instanceof Error ? error.message.slice(0, 200) : 'unknown',
  });
}
