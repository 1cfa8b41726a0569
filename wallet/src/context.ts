// What every part of the engine works with: the ports, the account, and the brokers that this wallet knows.
import {
  type BrokerKeys,
  brokerKeysSchema,
  type Currency,
  decode,
  type Env,
  fromBase64url,
  type Json,
  PaymentProblem,
  toBase64url,
} from '@farthing/protocol';
import { type Doc, keys } from './documents.ts';
import { coinSeed, rootOf } from './phrase.ts';
import { listDocs, readOne, type Transaction } from './transaction.ts';
import type { BrokerInfo, WalletPorts, WalletStore } from './types.ts';

export type Broker = { readonly url: string; readonly keys: BrokerKeys; readonly currency: Currency };
/** `phrase` is missing in wallets that began without one and hold no coins. */
export type Account = { readonly seed: Uint8Array; readonly id: string; readonly phrase?: string };

export class Context {
  readonly ports: WalletPorts;
  account: Account | undefined;
  /** The first is the default; its first currency is the wallet's. */
  brokers: ReadonlyMap<string, Broker> = new Map();
  readonly #listeners = new Set<() => void>();
  #serial = 0;
  #root: { readonly phrase: string; readonly bytes: Uint8Array } | undefined;

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
    const account = await readOne(this.store, 'account', keys.account);
    const seed = account && fromBase64url(account.seed);
    const { phrase } = account ?? {};
    this.account = account && seed ? { seed, id: account.id, ...(phrase === undefined ? {} : { phrase }) } : undefined;
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

  /** Of the coins at one broker. @throws {PaymentProblem} `no-account` */
  coinSeed(brk: string): Uint8Array {
    const phrase = this.needAccount().phrase;
    if (phrase === undefined) throw new PaymentProblem('no-account', { detail: 'this wallet has no phrase yet' });
    if (this.#root?.phrase !== phrase) this.#root = { phrase, bytes: rootOf(phrase) };
    return coinSeed(this.#root.bytes, brk, this.env());
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
