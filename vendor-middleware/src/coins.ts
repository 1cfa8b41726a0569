// The coins that the site takes: those that are good everywhere, which their broker decides, and those that are locked to it,
// whose keysets the broker makes at the site's wish. Until there are any, there is no offer of coins.
import { setTimeout as pause } from 'node:timers/promises';
import { nativeRsa } from '@farthing/node-kit';
import { type Currency, type Env, type Money, makeOrder, PaymentProblem } from '@farthing/protocol';
import type { EcashKeys } from '@farthing/protocol/vendor';
import { type BrokerAt, sendOrder } from './broker-client.ts';
import { KnownList } from './coin-list.ts';
import { CoinPeers } from './coin-peers.ts';
import type { KeyRing } from './keys.ts';
import type { Problem } from './setup-error.ts';
import type { VendorStore } from './store/port.ts';

/**
 * `denominations`: what coins of this site are worth, as prices. They give no change: prices are sums of at most four. `[]`:
 * there are none. `online: false`: coins that are good everywhere are not taken, because each waits for the broker.
 */
export type EcashOptions = { readonly denominations?: readonly string[]; readonly online?: boolean };

/** How long a first start waits for the broker to make keys, and how often it asks. */
const PATIENCE_MS = 10_000;
const ASK_MS = 250;
/** Afterwards: while keys are being made, and while the broker is away or makes no coins, as it seems after so many tries. */
const LATER_MS = { making: 5000, away: 60_000 } as const;
const MAKING_TRIES = 24;

type Parts = {
  readonly vnd: string;
  readonly api: string;
  readonly broker: BrokerAt;
  readonly ring: KeyRing;
  readonly store: VendorStore;
  readonly denominations: readonly Money[];
  readonly online: boolean;
  readonly env: () => Env;
  readonly tell: (problem: Problem) => void;
};

export class Coins {
  readonly #parts: Parts;
  readonly #everywhere: KnownList | undefined;
  readonly #locked: KnownList | undefined;
  /** Brokers that ours clears with: their coins are taken on line. */
  readonly #peers: CoinPeers | undefined;
  #keys: EcashKeys;
  #timer: NodeJS.Timeout | undefined;
  #told: string | undefined;
  /** Tries in a row at which there were no keys yet. */
  #tries = 0;
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { broker, store, env, vnd } = parts;
    if (parts.online) {
      this.#everywhere = new KnownList({ broker, store, env, of: {} });
      this.#peers = new CoinPeers({ broker, store, env });
    }
    if (parts.denominations.length > 0) this.#locked = new KnownList({ broker, store, env, of: { vnd } });
    this.#keys = this.#build();
  }

  /** A new object after every change. */
  get keys(): EcashKeys {
    const [known] = this.#keys.brokers;
    const isNew = known?.everywhere !== this.#everywhere?.list || known?.locked !== this.#locked?.list;
    if (isNew || this.#peers?.hasChanged(this.#keys)) this.#keys = this.#build();
    return this.#keys;
  }

  /** Reads what this or another process of the site has stored. */
  async load(): Promise<void> {
    for (const known of this.#lists) await known.load();
    await this.#peers?.load();
  }

  /** Brokers other than ours whose coins were ever taken here, and each that comes to it. */
  watch(learned: (issuer: string) => void): void {
    this.#peers?.watch(learned);
  }

  /** The first keysets of a site are worth a wait; after that it goes on with those it has. */
  async start({ isAway }: { isAway: boolean }): Promise<void> {
    await this.load();
    if (isAway) return this.#later(LATER_MS.away);
    const endMs = performance.now() + PATIENCE_MS;
    let isReady = await this.#asked();
    while (!isReady && !this.#hasAll && performance.now() < endMs) {
      await pause(ASK_MS);
      isReady = await this.#asked();
    }
    if (!isReady && !this.#hasAll)
      this.#tell('there are none yet; coins are taken as soon as the broker has made them');
  }

  /** Asks for keysets, also of the next epoch, and for the lists as they are now. Tells what is wrong; never throws. */
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
      for (const known of this.#lists) await known.fetch();
      const missing = this.#missing();
      if (missing.length > 0) {
        await this.#lock(missing);
        await this.#locked?.fetch();
      }
      if (!this.#hasAll) throw new PaymentProblem('unavailable');
      await this.#peers?.fetch();
      this.#told = undefined;
      this.#tries = 0;
      return true;
    } catch (error) {
      const isMaking = isUnavailable(error);
      if (!isMaking) this.#tell(error instanceof Error ? error.message : 'unknown fault');
      const isSoon = isMaking && this.#tries++ < MAKING_TRIES;
      if (isMaking || !this.#hasAll) this.#later(isSoon ? LATER_MS.making : LATER_MS.away);
      return !isMaking;
    }
  }

  get #lists(): KnownList[] {
    return [this.#everywhere, this.#locked].filter((known) => known !== undefined);
  }

  get #hasAll(): boolean {
    return this.#lists.every(({ list }) => list !== undefined);
  }

  /** Denominations without a keyset that serves for more than a quarter of its time: the broker keeps every order for good. */
  #missing(): Money[] {
    const { denominations, env } = this.#parts;
    const nowSeconds = env().nowMs / 1000;
    const serving = [...(this.#locked?.list?.keysets.values() ?? [])].filter(
      ({ record: { nbf, spendUntil } }) => spendUntil - nowSeconds > (spendUntil - nbf) / 4,
    );
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

  #build(): EcashKeys {
    const { vnd, api, broker } = this.#parts;
    const [everywhere, locked] = [this.#everywhere?.list, this.#locked?.list];
    const lists = { ...(everywhere ? { everywhere } : {}), ...(locked ? { locked } : {}) };
    const { brk, root } = broker.keys;
    const own = { id: brk, url: broker.url, root, ...lists };
    return { vnd, api, brokers: [own, ...(this.#peers?.brokers ?? [])], rsa: nativeRsa };
  }
}

const isUnavailable = (error: unknown): boolean => error instanceof PaymentProblem && error.code === 'unavailable';
