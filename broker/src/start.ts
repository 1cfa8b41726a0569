// Starts a broker in this process: keys, database, HTTP. Tests, the demo and the command all come through here.
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { faultOf, type Logger, lineLogger, nodeEnv } from '@farthing/node-kit';
import type { Env } from '@farthing/protocol';
import { openBooks } from './books/open.ts';
import { needOwn } from './books/own.ts';
import { Hosted, hostedOrigin } from './hosted/hosted.ts';
import type { SendCode } from './hosted/kit.ts';
import { brokerListener } from './http/app.ts';
import { askDirectly, vouchedFor } from './http/direct.ts';
import { orderRoutes } from './http/routes.ts';
import { bound, ending, listen } from './http/server.ts';
import { openKeys } from './keys.ts';
import { LAWS_EVERY_MS, LawWatch } from './laws/watch.ts';
import { BrokerService } from './service.ts';
import type { Settings } from './services/settings.ts';
import { DEFAULT_ECASH, DEFAULT_LEVELS, type EcashSettings, type Period } from './services/settings.ts';
import { Figures } from './telemetry/figures.ts';

export type BrokerOptions = {
  /** Directory of keys and ledger; made when missing. */
  readonly data: string;
  /** `postgres://…`: the ledger is there, and any number of brokers with the same keys may share it. Default: a file in `data`. */
  readonly database?: string | undefined;
  /** 0 (the default) takes a free port. */
  readonly port?: number;
  readonly host?: string;
  readonly name?: string;
  /** Faucet, open registration, loopback origins. Money in it is worth nothing. */
  readonly test?: boolean;
  /** Default `invite`; test mode is always open. */
  readonly registration?: 'open' | 'invite';
  /** Base units of demo money one request may ask for; an account gets five times as much an hour. Default 5,000,000. */
  readonly faucetMicro?: bigint;
  /** Test mode: base units that any account may owe. Default 1,000,000. */
  readonly creditMicro?: bigint;
  /** Kept of PayWord claims, in hundredths of a percent. Default 0. */
  readonly paywordFeeBps?: number;
  /** PayWord on credit: a site reports one payment in so many base units. Default 10,000. */
  readonly pollMicro?: bigint;
  /** Credit: how often customers get an invoice. Default `monthly`. */
  readonly invoicePeriod?: Period;
  /** Days to pay an invoice in; then no certificates until it is paid. Default 14. */
  readonly invoiceDueDays?: number;
  /** Cheques: the most in one payment, in base units, of keys behind a password (0), behind a passkey (1), in a wallet (2). */
  readonly levelMicro?: Partial<Settings['levelMicro']>;
  /** Aggregated cheques of more than so many base units are booked singly. Default 1,000,000. */
  readonly singleMicro?: bigint;
  /** Makes coins: their currencies, denominations in base units, and for how many days an epoch's can be spent. */
  readonly ecash?: Partial<EcashSettings>;
  /** Pages where people without a wallet of their own pay, with passkeys. Default: in test mode, where the address allows it. */
  readonly hosted?: boolean;
  /** Sends the codes of hosted wallets with a password. Default: in test mode they are shown on the page; else there are none. */
  readonly sendCode?: SendCode;
  /** How others reach it, when that differs from host and port. */
  readonly publicUrl?: string;
  /** Clock and randomness, called for each step. */
  readonly env?: () => Env;
  /** Faults of our own and what an operator should know, without secrets; pino fits. Default: lines on standard error. */
  readonly log?: Logger;
  /** How long between two looks at the laws of the books. Default 5,000. */
  readonly lawsEveryMs?: number;
};

export type RunningBroker = {
  readonly url: string;
  readonly brk: string;
  /** Answers what is being asked, then closes the database. */
  close(): Promise<void>;
};

export { ledgerPath } from './books/open.ts';

const HOUR_MS = 3_600_000;
/** How often open questions to other brokers are asked again. */
const PEERS_MS = 30_000;
export const DEFAULT_FAUCET_MICRO = 5_000_000n;
const DEFAULT_CREDIT_MICRO = 1_000_000n;
const DEFAULT_POLL_MICRO = 10_000n;
const DEFAULT_SINGLE_MICRO = 1_000_000n;
const DEFAULT_DUE_DAYS = 14;

/** @throws {Error} the data directory, its keys or the port cannot be used, or the ledger is of another broker; the message says what to change */
export async function startBroker(options: BrokerOptions): Promise<RunningBroker> {
  const { data, env = nodeEnv, log = lineLogger((line) => console.error(line)) } = options;
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const keys = openKeys(data, env());
  const figures = new Figures();
  const keeper = await openBooks(options, figures.batch);
  await needOwn(options, keys.root, env().crypto).catch(async (error: unknown) => {
    await keeper.close();
    throw error;
  });
  const service = new BrokerService({
    keeper,
    keys,
    settings: settingsOf(options),
    routes: routesByTyp,
    env,
    log,
  });
  const maintain = () =>
    service.maintain().catch((error: unknown) => log.error({ fault: faultOf(error) }, 'the hourly round failed'));
  const laws = new LawWatch(options, { everyMs: options.lawsEveryMs ?? LAWS_EVERY_MS, log });
  service.readiness.isLawful = () => laws.broken.length === 0;
  figures.show({
    broken: () => laws.broken,
    isReady: async () => (await service.readiness.reasons()).length === 0,
  });
  service.readiness.isCurrent = () => keeper.isCurrent();
  let hosted: Hosted | undefined;
  let server: Server | undefined;
  try {
    await service.maintain();
    server = createServer(
      { maxHeaderSize: 16_384 },
      brokerListener(service, { log, figures }, () => hosted),
    );
    bound(server);
    const end = ending(server);
    const { host = '127.0.0.1', port = 0 } = options;
    await listen(server, { host, port });
    server.on('error', (error) => log.error({ fault: faultOf(error) }, 'the server failed'));
    void service.mint();
    const hourly = setInterval(() => void maintain().then(() => service.mint()), HOUR_MS).unref();
    const peering = keepAsking(service, log);
    const address = server.address() as AddressInfo;
    const shown = host.includes(':') ? `[${host}]` : host;
    const url = options.publicUrl ?? `http://${shown}:${address.port}`;
    hosted = hostedFor(options, { url, service, env, log });
    service.payUrl = hosted?.payUrl;
    return {
      url,
      brk: keys.brk,
      close: async () => {
        clearInterval(hourly);
        clearInterval(peering);
        service.readiness.isDraining = true;
        await end();
        hosted?.close();
        figures.close();
        await laws.close();
        await service.close();
      },
    };
  } catch (error) {
    server?.close();
    figures.close();
    await laws.close();
    await service.close();
    throw error;
  }
}

const routesByTyp = new Map(orderRoutes.map((route) => [route.typ, route]));

/** Hosted wallets order like any other wallet. @throws {Error} wanted, and the address or the files cannot be used */
function hostedFor(
  { data, test = false, hosted, sendCode }: BrokerOptions,
  { url, service, env, log }: { url: string; service: BrokerService; env: () => Env; log: Logger },
): Hosted | undefined {
  const isWanted = hosted ?? (test && hostedOrigin(url) !== undefined);
  if (!isWanted) return undefined;
  const { keys, settings } = service;
  const made = new Hosted({
    ...{ data, url, brk: keys.brk, settings, env, log },
    ask: (path, order) => askDirectly(service, path, order),
    vendor: (vnd) => vouchedFor(service, vnd),
    sendCode: sendCode ?? (test ? async () => undefined : undefined),
  });
  // A secret that cannot be read is better known now than by the first customer.
  if (hosted) void made.pages;
  return made;
}

/** What other brokers have not answered is asked again. */
function keepAsking({ peers }: BrokerService, log: Logger): NodeJS.Timeout {
  const next = () =>
    void peers
      .resume()
      .catch((error: unknown) => log.error({ fault: faultOf(error) }, 'other brokers could not be asked again'));
  next();
  return setInterval(next, PEERS_MS).unref();
}

export function settingsOf(options: BrokerOptions): Settings {
  const { name, test = false, registration = 'invite', faucetMicro } = options;
  return {
    name: name ?? (test ? 'Farthing test broker' : 'Farthing broker'),
    test,
    registration,
    faucetMicro: faucetMicro ?? DEFAULT_FAUCET_MICRO,
    creditMicro: test ? (options.creditMicro ?? DEFAULT_CREDIT_MICRO) : 0n,
    paywordFeeBps: options.paywordFeeBps ?? 0,
    pollMicro: options.pollMicro ?? DEFAULT_POLL_MICRO,
    levelMicro: { ...DEFAULT_LEVELS, ...options.levelMicro },
    singleMicro: options.singleMicro ?? DEFAULT_SINGLE_MICRO,
    ...(options.ecash ? { ecash: { ...DEFAULT_ECASH, ...options.ecash } } : {}),
    invoicePeriod: options.invoicePeriod ?? 'monthly',
    invoiceDueDays: options.invoiceDueDays ?? DEFAULT_DUE_DAYS,
  };
}
