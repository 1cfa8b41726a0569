// What every part of the engine works with: the ports, the account, and the brokers that this wallet knows.
import {
  type BrokerKeys,
  brokerKeysSchema,
  type Currency,
  decode,
  type Env,
  fromBase64url,
  type Json,
  limits,
  PaymentProblem,
  parseJson,
  portableStretch,
  type Stretch,
  toBase64url,
} from '@farthing/protocol';
import * as v from 'valibot';
import { type Doc, keys } from './documents.ts';
import { coinSeed, requestSecret, rootOf } from './phrase.ts';
import type { WalletPorts, WalletStore } from './ports.ts';
import { listDocs, readOne, type Transaction } from './transaction.ts';
import type { BrokerInfo } from './types.ts';
import { isSealed, type Secrets, secretsOf, unseal } from './vault.ts';

export type Broker = { readonly url: string; readonly keys: BrokerKeys; readonly currency: Currency };
/** `sealed`: under a password. */
export type Account = { readonly id: string; readonly sealed: boolean };

export class Context {
  readonly ports: WalletPorts;
  account: Account | undefined;
  /** The first is the default; its first currency is the wallet's. */
  brokers: ReadonlyMap<string, Broker> = new Map();
  readonly #listeners = new Set<() => void>();
  #serial = 0;
  #root: { readonly phrase: string; readonly bytes: Uint8Array } | undefined;
  /** Of the account; with a password only while the wallet is unlocked. `atMs`: when it was typed. */
  #open: { readonly secrets: Secrets; readonly atMs: number } | undefined;

  constructor(ports: WalletPorts) {
    this.ports = ports;
  }

  get store(): WalletStore {
    return this.ports.store;
  }

  env(): Env {
    return this.ports.env();
  }

  /** The wallet's one currency: budgets add up in it. */
  get currency(): Currency | undefined {
    return this.brokers.values().next().value?.currency;
  }

  async load(): Promise<void> {
    await this.#loadAccount();
    const found = await listDocs(this.store, 'broker', 'broker/');
    found.sort((a, b) => a.doc.addedAtMs - b.doc.addedAtMs);
    const brokers = new Map<string, Broker>();
    for (const { doc } of found) {
      const brokerKeys = decode(brokerKeysSchema, doc.keys, 'storage-fault');
      const currency: Currency | undefined = brokers.values().next().value?.currency ?? brokerKeys.currencies[0];
      if (currency) brokers.set(brokerKeys.brk, { url: doc.url, keys: brokerKeys, currency });
    }
    this.brokers = brokers;
  }

  async #loadAccount(): Promise<void> {
    const doc = await readOne(this.store, 'account', keys.account);
    const before = this.account?.id;
    this.account = doc && { id: doc.id, sealed: isSealed(doc) };
    if (doc && !isSealed(doc)) this.#open = { secrets: secretsOf(doc), atMs: 0 };
    else if (!doc || doc.id !== before) this.#open = undefined;
    if (!doc || !isSealed(doc) || this.#open) return;
    const kept = parseKept(await this.ports.session?.read());
    const secrets = kept && unseal(doc, kept.key);
    if (secrets) this.#open = { secrets, atMs: kept.atMs };
  }

  // ── the password ──────────────────────────────────────────────────────────────────────────────────────────────────

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Are there words, and at hand? */
  get hasWords(): boolean {
    return this.#open?.secrets.phrase !== undefined;
  }

  /** The key that opened them is kept where the host keeps what lives as long as the person's session. */
  async open(secrets: Secrets, key: Uint8Array): Promise<void> {
    const { nowMs: atMs } = this.env();
    this.#open = { secrets, atMs };
    await this.ports.session?.write(JSON.stringify({ key: toBase64url(key), atMs }));
    this.changed();
  }

  async close(): Promise<void> {
    this.#open = undefined;
    this.#root = undefined;
    await this.ports.session?.write(undefined);
    this.changed();
  }

  /** @throws {PaymentProblem} `no-account`, `wallet-locked` */
  secrets(): Secrets {
    this.needAccount();
    if (!this.#open) throw new PaymentProblem('wallet-locked');
    return this.#open.secrets;
  }

  /** For what a stranger at an open wallet must not do. @throws {PaymentProblem} `no-account`, `wallet-locked` */
  needFresh(): void {
    this.secrets();
    const ageMs = Math.abs(this.env().nowMs - (this.#open?.atMs ?? 0));
    if (this.account?.sealed && ageMs > limits.passwordFreshMs) {
      throw new PaymentProblem('wallet-locked', { detail: 'this needs the password again' });
    }
  }

  get stretch(): Stretch {
    return this.ports.stretch ?? portableStretch;
  }

  // ── brokers, and what is derived ──────────────────────────────────────────────────────────────────────────────────

  /** @throws {PaymentProblem} `no-account` */
  needAccount(): Account {
    if (!this.account || this.brokers.size === 0) throw new PaymentProblem('no-account');
    return this.account;
  }

  /** @throws {PaymentProblem} `no-account` */
  broker(brk?: string): Broker {
    const broker = brk === undefined ? this.brokers.values().next().value : this.brokers.get(brk);
    if (!broker) {
      throw new PaymentProblem('no-account', brk === undefined ? {} : { detail: `this wallet has no broker ${brk}` });
    }
    return broker;
  }

  /** Of the coins at one broker. @throws {PaymentProblem} `no-account`, `wallet-locked` */
  coinSeed(brk: string): Uint8Array {
    return coinSeed(this.#rootBytes(), brk, this.env());
  }

  /** Of a request for money. @throws {PaymentProblem} `no-account`, `wallet-locked` */
  requestSecret(id: string): Uint8Array {
    return requestSecret(this.#rootBytes(), id, this.env());
  }

  #rootBytes(): Uint8Array {
    const { phrase } = this.secrets();
    if (phrase === undefined) throw new PaymentProblem('no-account', { detail: 'this wallet has no phrase yet' });
    if (this.#root?.phrase !== phrase) this.#root = { phrase, bytes: rootOf(phrase) };
    return this.#root.bytes;
  }

  /** Time-ordered, also within one millisecond, and unguessable: journal keys sort by it. */
  newId(): string {
    const env = this.env();
    this.#serial = (this.#serial + 1) % 0x1_0000_0000;
    const parts = [env.nowMs.toString(16).padStart(12, '0'), this.#serial.toString(16).padStart(8, '0')];
    return `${parts.join('')}-${toBase64url(env.random(9))}`;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Keys of all counters: a step that writes a record reads them to say what the balance was after it. */
  moneyKeys(): string[] {
    return [...this.brokers.keys()].map(keys.money);
  }

  total(tx: Transaction): bigint {
    return this.moneyKeys()
      .map((key) => tx.get('money', key))
      .reduce((sum, money) => sum + (money ? wealthOf(money) : 0n), 0n);
  }
}

/** What `open` wrote. Anything else opens nothing. */
function parseKept(text: string | undefined): { key: Uint8Array; atMs: number } | undefined {
  const kept: unknown = text === undefined ? undefined : parseJson(text);
  if (!v.is(keptSchema, kept)) return undefined;
  const key = fromBase64url(kept.key);
  return key && { key, atMs: kept.atMs };
}
const keptSchema = v.object({ key: v.string(), atMs: v.number() });

/** One's own money: without what the broker lends. */
export const wealthOf = ({ accountMicro, coinsMicro, cashMicro, heldMicro, lentMicro }: Doc<'money'>): bigint =>
  accountMicro + coinsMicro + cashMicro + heldMicro - lentMicro;

export const emptyMoney = (currency: Currency): Doc<'money'> => ({
  currency,
  accountMicro: 0n,
  coinsMicro: 0n,
  heldMicro: 0n,
  toppedUpMicro: 0n,
  receivedMicro: 0n,
  spentMicro: 0n,
  lostMicro: 0n,
  lentMicro: 0n,
  cashMicro: 0n,
  seq: 0,
  openOrders: 0,
});

type Counter = Exclude<keyof Doc<'money'>, 'currency' | 'lineMicro' | 'dueAtMs'>;

/** Moves counters of one broker: money never appears in one without leaving another, which `conservation` checks. */
export function move(tx: Transaction, brk: string, by: Partial<Record<Counter, bigint>>): void {
  const key = keys.money(brk);
  const money = { ...tx.need('money', key) };
  if (by.seq !== undefined) money.seq += Number(by.seq);
  if (by.openOrders !== undefined) money.openOrders += Number(by.openOrders);
  for (const name of MICRO) money[name] += by[name] ?? 0n;
  tx.put('money', key, money);
}
const MICRO = [
  'accountMicro',
  'coinsMicro',
  'heldMicro',
  'toppedUpMicro',
  'receivedMicro',
  'spentMicro',
  'lostMicro',
  'lentMicro',
  'cashMicro',
] as const;

export function toBrokerInfo({ url, keys: { brk, name, test, currencies, faucet } }: Broker): BrokerInfo {
  const amount = faucet !== undefined && /^[1-9][0-9]{0,18}$/.test(faucet) ? { faucetMicro: BigInt(faucet) } : {};
  return { brk, url, name, test, currencies, ...amount };
}

/** What did not verify, kept for a person or a dispute. */
export function keepEvidence(tx: Transaction, env: Env, evidence: { about: string; what: string; data: Json }): void {
  tx.put('evidence', keys.evidence(evidence.about), { atMs: env.nowMs, ...evidence });
}
