// A customer and a site over real HTTP, for this package's tests.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lineLogger, nodeEnv } from '@farthing/node-kit';
import {
  type BrokerKeys,
  type Currency,
  concat,
  type Env,
  fromBase64url,
  type JsonObject,
  makeOrder,
  type Order,
  objectHash,
  readAnswer,
  readBrokerKeys,
  sealBox,
  signObject,
  toBase64url,
} from '@farthing/protocol';
import type { Licence, MasterSecrets, Scrip } from '@farthing/protocol/broker';
import { type AuditReport, auditLedger } from '../audit/audit.ts';
import { copyOf, type Place } from '../books/open.ts';
import { openKeys } from '../keys.ts';
import { type BrokerOptions, type RunningBroker, startBroker } from '../start.ts';
import { newDatabase, SERVER } from './postgres.ts';

export const USD: Currency = 'usd-micro';
export const DAY_SECONDS = 86_400;

export type Reply = { status: number; body: JsonObject; headers: Headers; text: string };

/** A broker of its own in a temporary directory, with a clock that tests can move. */
export class Bench {
  readonly data = mkdtempSync(join(tmpdir(), 'farthing-broker-'));
  offsetMs = 0;
  readonly log: string[] = [];
  database: string | undefined;
  broker: RunningBroker | undefined;
  keys: BrokerKeys | undefined;
  #url: string | undefined;

  env = (): Env => ({ ...nodeEnv(), nowMs: Date.now() + this.offsetMs });

  async start(options: Partial<BrokerOptions> = {}): Promise<this> {
    const server = process.env[SERVER];
    if (server !== undefined) this.database ??= await newDatabase(server);
    this.broker = await startBroker({
      data: this.data,
      ...(this.database === undefined ? {} : { database: this.database }),
      test: true,
      env: this.env,
      log: lineLogger((line) => this.log.push(line)),
      ...options,
    });
    return this.attach(this.broker.url);
  }

  /** Talks to a broker that runs elsewhere. */
  async attach(url: string): Promise<this> {
    this.#url = url;
    const json: unknown = await (await fetch(`${url}/v1/keys`)).json();
    this.keys = readBrokerKeys(json, fromBase64url, this.env().crypto, this.broker?.brk);
    return this;
  }

  get place(): Place {
    return { data: this.data, database: this.database };
  }

  async audit(): Promise<AuditReport> {
    await using copy = await copyOf(this.place);
    return auditLedger(copy.path, openKeys(this.data, this.env()).root);
  }

  get url(): string {
    if (this.#url === undefined) throw new Error('the broker is not running');
    return this.#url;
  }

  get public(): BrokerKeys {
    if (!this.keys) throw new Error('the broker is not running');
    return this.keys;
  }

  async stop(): Promise<void> {
    await this.broker?.close();
    this.broker = undefined;
    this.#url = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.data, { recursive: true });
  }

  async post(path: string, body: string | JsonObject | Buffer, headers: Record<string, string> = {}): Promise<Reply> {
    const response = await fetch(this.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body),
    });
    const text = await response.text();
    return {
      status: response.status,
      text,
      body: text === '' ? {} : (JSON.parse(text) as JsonObject),
      headers: response.headers,
    };
  }

  /** Reads what may take the broker a moment to have ready. */
  async until(path: string): Promise<unknown> {
    for (;;) {
      // A test that ran a command meanwhile has not seen its idle connections end.
      const response = await fetch(this.url + path).catch(() => undefined);
      if (response && response.status !== 503) return response.json();
      await response?.arrayBuffer();
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  /** Sends an order and checks the signed answer as a client must. */
  async send(path: string, order: Order): Promise<JsonObject> {
    const reply = await this.post(path, order);
    if (reply.status !== 200) throw new Error(`${path}: ${reply.status} ${reply.text}`);
    return readAnswer(reply.body, order, this.public, this.env().crypto);
  }

  /** The problem code of a refusal. */
  async refused(path: string, order: JsonObject): Promise<string> {
    const { status, body } = await this.post(path, order);
    return status === 200 ? 'accepted' : String(body['code']);
  }
}

/** An account: a key, and the orders it signs. */
export class Person {
  readonly bench: Bench;
  readonly seed: Uint8Array;
  readonly pk: string;

  constructor(bench: Bench, seed: Uint8Array = bench.env().random(32)) {
    this.bench = bench;
    this.seed = seed;
    this.pk = toBase64url(bench.env().crypto.publicKey(seed));
  }

  order(typ: string, members: JsonObject): Order {
    return makeOrder(typ, members, this.seed, this.bench.env());
  }

  /** The same order with other members, signed again. */
  resign({ sig: _, ...unsigned }: Order): Order {
    const { typ, from, rid, at } = unsigned;
    const typed = { ...unsigned, typ, from, rid, at };
    return { ...typed, sig: signObject(typed, this.seed, this.bench.env().crypto) } as Order;
  }

  faucet(amount: bigint): Promise<JsonObject> {
    return this.bench.send('/v1/faucet', this.order('faucet/1', { amount: amount.toString(), cur: USD }));
  }

  buyOrder(vnd: string, val: bigint, more: JsonObject = {}): Order {
    return this.order('scrip-buy/1', { vnd, val: val.toString(), cur: USD, count: 1, ttl: DAY_SECONDS, ...more });
  }

  async buy(vnd: string, val: bigint, more: JsonObject = {}): Promise<Sold> {
    return soldOf(await this.bench.send('/v1/scrip/buy', this.buyOrder(vnd, val, more)));
  }

  statement(members: JsonObject = {}): Promise<JsonObject> {
    return this.bench.send('/v1/statement', this.order('statement/1', { cur: USD, ...members }));
  }
}

export type Sold = { pieces: { scrip: Scrip; csec: string }[]; change?: Scrip; balance: string };
export const soldOf = (result: JsonObject): Sold => result as unknown as Sold;

/** The first piece of an answer. */
export function pieceOf({ pieces }: Sold): { scrip: Scrip; csec: string } {
  const [piece] = pieces;
  if (!piece) throw new Error('nothing was sold');
  return piece;
}

/** A registered site with its secrets: what the vendor middleware does, by hand. */
export class Site extends Person {
  readonly vnd: string;
  readonly secrets: MasterSecrets;
  prev = '';

  constructor(bench: Bench, vnd = 'news.example') {
    super(bench);
    this.vnd = vnd;
    this.secrets = { scrip: bench.env().random(32), customer: bench.env().random(32) };
  }

  registerOrder(more: JsonObject = {}): Order {
    return this.order('vendor-register/1', { vnd: this.vnd, name: 'News', origins: ['https://news.example'], ...more });
  }

  licence(more: Partial<Licence> = {}): Licence {
    const now = Math.floor(this.bench.env().nowMs / 1000);
    const blank = {
      typ: 'licence/1' as const,
      vnd: this.vnd,
      brk: this.bench.public.brk,
      kid: 'k1',
      first: 1001,
      last: 1_000_000,
      ceiling: (10n ** 18n).toString(),
      maxVal: (10n ** 18n).toString(),
      cur: USD,
      feeBps: 0,
      nbf: now - 60,
      exp: now + 30 * DAY_SECONDS,
      ...more,
    };
    const { sigs: _, ...unsigned } = { sigs: undefined, ...blank };
    return { ...unsigned, sigs: { v: signObject(unsigned, this.seed, this.bench.env().crypto) } };
  }

  licenceOrder(licence: Licence): Order {
    const { crypto } = this.bench.env();
    const to = fromBase64url(this.bench.public.box) ?? new Uint8Array();
    const plaintext = concat(this.secrets.scrip, this.secrets.customer);
    const box = sealBox(to, plaintext, objectHash(licence, crypto), this.bench.env());
    return this.order('scrip-licence/1', { licence, box: toBase64url(box) });
  }

  async open(more: Partial<Licence> = {}): Promise<this> {
    await this.bench.send('/v1/vendors', this.registerOrder());
    await this.bench.send('/v1/scrip/licences', this.licenceOrder(this.licence(more)));
    return this;
  }

  redeemOrder(claims: { root: string; cum: bigint }[], prev = this.prev): Order {
    return this.order('scrip-redeem/1', {
      vnd: this.vnd,
      prev,
      claims: claims.map(({ root, cum }) => ({ root, cum: cum.toString() })),
    });
  }

  async redeem(claims: { root: string; cum: bigint }[]): Promise<JsonObject> {
    const order = this.redeemOrder(claims);
    const result = await this.bench.send('/v1/scrip/redeem', order);
    this.prev = objectHash(order, this.bench.env().crypto);
    return result;
  }

  /** Signed by the site: `left` of the piece's root was unspent. */
  release(piece: Scrip, to: string, left = BigInt(piece.val)): JsonObject & { typ: string } {
    const unsigned = {
      typ: 'release/1',
      vnd: this.vnd,
      root: piece.root,
      left: left.toString(),
      to,
      at: Math.floor(this.bench.env().nowMs / 1000),
    };
    return { ...unsigned, sig: signObject(unsigned, this.seed, this.bench.env().crypto) };
  }
}
