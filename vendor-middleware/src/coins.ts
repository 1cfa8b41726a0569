// What the site holds for coins that are locked to it: the broker's signed list of their keysets. It is kept in the store, so
// that a site whose broker is away takes coins all the same. Until the broker has made the keys there is no offer of coins.
import { setTimeout as pause } from 'node:timers/promises';
import { nativeRsa } from '@farthing/node-kit';
import { type Currency, decode, type Env, type Money, makeOrder, PaymentProblem, parseJson } from '@farthing/protocol';
import { type EcashBroker, type EcashKeys, keyListHash, keysetsResult, readKeyList } from '@farthing/protocol/vendor';
import { type BrokerAt, fetchKeysets, sendOrder } from './broker-client.ts';
import type { KeyRing } from './keys.ts';
import type { Problem } from './setup-error.ts';
import type { VendorStore } from './store/port.ts';

/** `denominations`: what coins of this site are worth, as prices. They give no change: prices are sums of at most four. */
export type EcashOptions = { readonly denominations?: readonly string[] };

/** How long a first start waits for the broker to make keys, and how often it asks. */
const PATIENCE_MS = 10_000;
const ASK_MS = 250;
/** Afterwards: while keys are being made, and while the broker is away or makes no coins. */
const LATER_MS = { making: 5000, away: 60_000 } as const;

type Parts = {
  readonly vnd: string;
  readonly api: string;
  readonly broker: BrokerAt;
  readonly ring: KeyRing;
  readonly store: VendorStore;
  readonly denominations: readonly Money[];
  readonly env: () => Env;
  readonly tell: (problem: Problem) => void;
};

export class Coins {
  readonly #parts: Parts;
  #text: string | undefined;
  #keys: EcashKeys;
  #timer: NodeJS.Timeout | undefined;
  #told: string | undefined;
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#keys = this.#build([]);
  }

  /** A new object after every change. */
  get keys(): EcashKeys {
    return this.#keys;
  }

  /** Reads what this or another process of the site has stored. */
  async load(): Promise<void> {
    const text = await this.#parts.store.readDoc(this.#doc);
    if (text === this.#text) return;
    this.#keys = this.#build(text === undefined ? [] : [this.#read(parseJson(text))]);
    this.#text = text;
  }

  /** The first keysets of a site are worth a wait; after that it goes on with those it has. */
  async start({ isAway }: { isAway: boolean }): Promise<void> {
    await this.load();
    if (isAway) return this.#later(LATER_MS.away);
    const endMs = performance.now() + PATIENCE_MS;
    let isReady = await this.#asked();
    while (!isReady && this.#text === undefined && performance.now() < endMs) {
      await pause(ASK_MS);
      isReady = await this.#asked();
    }
    if (!isReady && this.#text === undefined)
      this.#tell('there are none yet; coins are taken as soon as the broker has made them');
  }

  /** Asks for keysets, also of the next epoch, and for the list as it is now. Tells what is wrong; never throws. */
  async renew(): Promise<void> {
    await this.#asked();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** False while there are keys that the broker is making. What fails is told, and tried again later. */
  async #asked(): Promise<boolean> {
    try {
      await this.#fetch();
      const missing = this.#missing();
      if (missing.length > 0) {
        await this.#lock(missing);
        await this.#fetch();
      }
      this.#told = undefined;
      return true;
    } catch (error) {
      const isMaking = isUnavailable(error);
      if (!isMaking) this.#tell(error instanceof Error ? error.message : 'unknown fault');
      if (isMaking || this.#text === undefined) this.#later(isMaking ? LATER_MS.making : LATER_MS.away);
      return !isMaking;
    }
  }

  /** Denominations without a keyset that serves for more than a quarter of its time: the broker keeps every order for good. */
  #missing(): Money[] {
    const { denominations, env } = this.#parts;
    const nowSeconds = env().nowMs / 1000;
    const serving = this.#keys.brokers
      .flatMap(({ keysets }) => [...keysets.values()])
      .filter(({ record: { nbf, spendUntil } }) => spendUntil - nowSeconds > (spendUntil - nbf) / 4);
    return denominations.filter(
      ({ amount, currency }) => !serving.some(({ record, value }) => record.cur === currency && value === amount),
    );
  }

  /** Orders keysets. @throws {PaymentProblem} `unavailable` while the broker makes some */
  async #lock(missing: readonly Money[]): Promise<void> {
    const { vnd, broker, ring, env } = this.#parts;
    let making: unknown;
    for (const [cur, list] of Map.groupBy(missing, ({ currency }): Currency => currency)) {
      const denoms = list.map(({ amount }) => amount.toString());
      try {
        const order = makeOrder('ecash-lock/1', { vnd, cur, denoms }, ring.seed, env());
        await sendOrder(broker, '/v1/ecash/lock', { order, crypto: env().crypto });
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        making = error;
      }
    }
    if (making !== undefined) throw making;
  }

  /** The list as it is now, if there is one. */
  async #fetch(): Promise<void> {
    const { vnd, broker, store } = this.#parts;
    let json: unknown;
    try {
      json = await fetchKeysets(broker.url, vnd);
    } catch (error) {
      if (isUnavailable(error)) return;
      throw error;
    }
    this.#read(json);
    const text = JSON.stringify(json);
    // Another process of this site may have been faster: then its list serves.
    const was = await store.readDoc(this.#doc);
    if (was !== text) await store.swapDoc(this.#doc, was, text);
    await this.load();
  }

  /** @throws {PaymentProblem} `broker-untrusted` */
  #read(json: unknown): EcashBroker {
    const { vnd, broker, env } = this.#parts;
    const { crypto } = env();
    const { list, keysets } = decode(keysetsResult, json, 'broker-untrusted');
    if (list.vnd !== vnd) throw new PaymentProblem('broker-untrusted', { detail: 'its keysets are of another site' });
    const read = readKeyList({ list, records: keysets }, broker.keys, crypto);
    // Coins of revoked ones pay nobody any more.
    const good = read.filter(({ revoked }) => !revoked).map((keyset) => [keyset.ks, keyset] as const);
    return { id: broker.keys.brk, url: broker.url, list: keyListHash(list, crypto), keysets: new Map(good) };
  }

  #later(afterMs: number): void {
    if (this.#timer || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.renew();
    }, afterMs);
    this.#timer.unref();
  }

  #tell(message: string): void {
    if (this.#closed || this.#told === message) return;
    this.#told = message;
    this.#parts.tell({ code: 'coin-keysets', message: `keysets of this site's coins: ${message}` });
  }

  get #doc(): string {
    return `keysets:${this.#parts.broker.keys.brk}`;
  }

  #build(brokers: readonly EcashBroker[]): EcashKeys {
    const { vnd, api } = this.#parts;
    return { vnd, api, brokers, rsa: nativeRsa };
  }
}

const isUnavailable = (error: unknown): boolean => error instanceof PaymentProblem && error.code === 'unavailable';
