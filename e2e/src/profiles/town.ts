// Where a scene plays: a broker with its ledger on disk, Express sites and wallets with their stores on disk, all talking
// HTTP. It leaves nothing behind.
import { strict as assert } from 'node:assert';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLedger, type BrokerOptions } from '@farthing/broker';
import { Bench, Person } from '@farthing/broker/testing';
import { type Farthing, type FarthingOptions, farthing } from '@farthing/vendor';
import type { Rule, Wallet } from '@farthing/wallet';
import { openWallet } from '@farthing/wallet/node';
import express, { type Express } from 'express';

export type Shop = {
  readonly pay: Farthing;
  readonly url: string;
  /** Its folder. */
  readonly data: string;
  /** Base units that the broker says it owes the site. */
  owed(): Promise<bigint>;
};

export type ShopPlan = {
  readonly vnd: string;
  /** Its own broker; default: the town's. */
  readonly broker?: Bench;
  readonly options?: Partial<FarthingOptions>;
  sell(app: Express, pay: Farthing): void;
};

export type WalletPlan = {
  readonly micro: bigint;
  readonly trusts?: readonly Shop[];
  readonly fetch?: typeof globalThis.fetch;
};

/** Pays by itself whatever a scene costs. */
export const TRUSTED: Rule = { mode: 'auto', perPageMicro: 1_000_000n, perDayMicro: 1_000_000n };

export class Town implements AsyncDisposable {
  /** The broker, and a client of it. */
  readonly bench = new Bench();
  readonly #options: Partial<BrokerOptions>;
  readonly #folder = mkdtempSync(join(tmpdir(), 'farthing-profile-'));
  readonly #neighbours: Bench[] = [];
  readonly #wallets: Wallet[] = [];
  readonly #ends: (() => unknown)[] = [];
  #paths = 0;
  #port = 0;

  private constructor(options: Partial<BrokerOptions>) {
    this.#options = options;
  }

  static async open(options: Partial<BrokerOptions> = {}): Promise<Town> {
    const town = new Town(options);
    await town.startBroker();
    return town;
  }

  /** Again at the same place, when it was stopped. */
  async startBroker(): Promise<void> {
    await this.bench.start({ ...this.#options, port: this.#port });
    this.#port = Number(new URL(this.bench.url).port);
  }

  stopBroker(): Promise<void> {
    return this.bench.stop();
  }

  /** Another broker. */
  async neighbour(options: Partial<BrokerOptions> = {}): Promise<Bench> {
    const bench = await new Bench().start(options);
    this.#neighbours.push(bench);
    return bench;
  }

  async shop({ vnd, broker = this.bench, options = {}, sell }: ShopPlan): Promise<Shop> {
    const data = this.newPath();
    const pay = await farthing({ broker: broker.url, data, vnd, env: broker.env, log: () => undefined, ...options });
    const app = express();
    sell(app, pay);
    app.use('/farthing', pay.routes());
    const server = createServer(app);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    this.#ends.push(async () => {
      server.closeAllConnections();
      server.close();
      await pay.close();
    });
    const owed = async () => {
      const seed = Buffer.from(readFileSync(join(data, 'keys/vendor.secret'), 'utf8').trim(), 'base64url');
      const { balance } = await new Person(broker, new Uint8Array(seed)).statement({ vnd });
      return BigInt(String(balance));
    };
    return { pay, data, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, owed };
  }

  /** A wallet with demo money that trusts these shops. `fetch`: how it talks to its broker. */
  async wallet({ micro, trusts = [], fetch = globalThis.fetch }: WalletPlan): Promise<Wallet> {
    const { wallet, close } = await openWallet(this.newPath(), { fetch, env: this.bench.env });
    this.#ends.push(close);
    this.#wallets.push(wallet);
    await wallet.init({ brokerUrl: this.bench.url });
    if (micro > 0n) await wallet.topUp({ amountMicro: micro });
    for (const { url } of trusts) await wallet.setRule(url, TRUSTED);
    return wallet;
  }

  /** After every scene: an audit of the ledger finds nothing, and no wallet made or lost money. */
  async mustBalance(): Promise<void> {
    for (const bench of [this.bench, ...this.#neighbours]) {
      assert.deepEqual(auditLedger(join(bench.data, 'ledger.db'), bench.public.root).findings, []);
    }
    for (const wallet of this.#wallets) {
      for (const { driftMicro } of await wallet.conservation()) assert.equal(driftMicro, 0n);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
    for (const bench of [this.bench, ...this.#neighbours]) await bench[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }

  /** For a file or a folder that is gone after the scene. */
  newPath(): string {
    return join(this.#folder, String(++this.#paths));
  }
}
