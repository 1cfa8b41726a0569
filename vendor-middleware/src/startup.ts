// First contact: who the broker is, who this site is to it, and the licences. Each failure says what to change.
import { join } from 'node:path';
import {
  type BrokerKeys,
  decode,
  type Env,
  fromBase64url,
  LOOPBACK,
  makeOrder,
  PaymentProblem,
  parseJson,
  readBrokerKeys,
  toBase32,
  vendorResult,
} from '@farthing/protocol';
import { fetchBrokerKeys, sendOrder } from './broker-client.ts';
import type { FarthingOptions } from './options.ts';
import { SetupError } from './setup-error.ts';
import type { VendorStore } from './store/port.ts';
import { sqlite } from './store/sqlite.ts';

/** @throws {SetupError} `data-unwritable` */
export function openStore({ store, data }: FarthingOptions): VendorStore {
  try {
    return store ?? sqlite(join(data, 'vendor.db'));
  } catch (cause) {
    throw new SetupError('data-unwritable', `the database in ${data} cannot be opened: ${said(cause)}`, { cause });
  }
}

/** @throws {SetupError} `option-invalid`, `broker-insecure` */
export function brokerUrl({ broker }: FarthingOptions): string {
  const [url, ...more] = typeof broker === 'string' ? [broker] : broker;
  if (url === undefined || !URL.canParse(url) || more.length > 0) {
    throw new SetupError('option-invalid', 'broker: expected the URL of one broker, such as https://broker.example');
  }
  const { protocol, origin } = new URL(url);
  if (protocol !== 'https:' && !isLoopback(url)) {
    throw new SetupError('broker-insecure', `broker: use https, got ${origin} (plain http is for this machine only)`);
  }
  return origin;
}

/**
 * The broker's keys, pinned on first start. When it is away, those of the last start serve.
 * @throws {SetupError} `broker-unreachable` on first start, `broker-refused` when it is another broker than before
 */
export async function knowBroker(
  url: string,
  store: VendorStore,
  env: Env,
): Promise<{ keys: BrokerKeys; isAway: boolean }> {
  const key = `broker:${url}`;
  const text = await store.readDoc(key);
  const known = text === undefined ? undefined : readBrokerKeys(parseJson(text), fromBase64url, env.crypto);
  try {
    const keys = await fetchBrokerKeys(url, env.crypto, known?.brk);
    await store.swapDoc(key, text, JSON.stringify(keys));
    return { keys, isAway: false };
  } catch (cause) {
    const code = cause instanceof PaymentProblem ? cause.code : undefined;
    if (code === 'broker-untrusted') {
      throw new SetupError('broker-refused', `the answer of ${url} does not verify: ${said(cause)}`, { cause });
    }
    if (known) return { keys: known, isAway: true };
    const message = `no broker answers at ${url}: start it or correct the URL. The first start needs it once, for the licence`;
    throw new SetupError('broker-unreachable', message, { cause });
  }
}

/** @throws {SetupError} `origin-missing`, `origin-insecure` */
export function originsOf({ origin, origins = [] }: FarthingOptions, test: boolean): string[] {
  const list = [...(origin === undefined ? [] : [origin]), ...origins];
  if (list.length === 0) {
    if (test) return [LOOPBACK];
    throw new SetupError('origin-missing', "set origin to the site's public origin, such as 'https://news.example'");
  }
  return list.map((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || !['http:', 'https:'].includes(url.protocol)) {
      throw new SetupError('option-invalid', "origin: expected an origin such as 'https://news.example'");
    }
    if (url.protocol !== 'https:' && !isLoopback(text)) {
      throw new SetupError('origin-insecure', `${url.origin}: wallets pay over https only; serve the site by https`);
    }
    return url.origin;
  });
}

/** The host of a public origin, or a name made from the key: on this machine many sites share one host. */
export function nameOf({ vnd }: FarthingOptions, origins: readonly string[], publicKey: Uint8Array): string {
  if (vnd !== undefined) return vnd;
  const [first = LOOPBACK] = origins;
  const host = first === LOOPBACK || isLoopback(first) ? '' : new URL(first).host.toLowerCase();
  return /^[a-z0-9.:-]{1,64}$/.test(host) ? host : `site-${toBase32(publicKey).slice(0, 8)}`;
}

export type Registration = {
  readonly vnd: string;
  readonly name: string;
  readonly origins: readonly string[];
  readonly invite?: string;
};

/** @throws {SetupError} `broker-refused`, `broker-unreachable` */
export async function register(
  broker: { url: string; keys: BrokerKeys },
  { vnd, name, origins, invite }: Registration,
  { seed, env }: { seed: Uint8Array; env: Env },
): Promise<void> {
  const members = { vnd, name, origins: [...origins], ...(invite === undefined ? {} : { invite }) };
  try {
    const order = makeOrder('vendor-register/1', members, seed, env);
    const result = await sendOrder(broker, '/v1/vendors', { order, crypto: env.crypto });
    decode(vendorResult, result, 'broker-untrusted');
  } catch (cause) {
    throw asSetupError(cause, `the broker did not register ${vnd}`);
  }
}

export function asSetupError(cause: unknown, what: string): SetupError {
  const away = cause instanceof PaymentProblem && ['broker-unreachable', 'unavailable'].includes(cause.code);
  return new SetupError(away ? 'broker-unreachable' : 'broker-refused', `${what}: ${said(cause)}`, { cause });
}

export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(\.\d+){3}$/.test(hostname)
  );
}

const said = (error: unknown): string => (error instanceof Error ? error.message : 'unknown fault');
