// Brokers that the site's own clears with: it says who they are, each has signed its own list of keysets, and our broker is
// asked about all of them. Kept in the store, because what was taken is claimed also when a broker is no peer any more.
import { decode, type Env, PaymentProblem, parseJson, verifyObject } from '@farthing/protocol';
import { type EcashBroker, type EcashKeys, type EcashPeers, ecashPeersSchema } from '@farthing/protocol/vendor';
import { type BrokerAt, fetchRecord } from './broker-client.ts';
import { KnownList } from './coin-list.ts';
import type { VendorStore } from './store/port.ts';

type Peer = EcashPeers['peers'][number];
/** Documents of key lists, by broker: see coin-list.ts. */
const LISTS = 'coins:';

type Parts = { readonly broker: BrokerAt; readonly store: VendorStore; readonly env: () => Env };

export class CoinPeers {
  readonly #parts: Parts;
  readonly #ever = new Set<string>();
  readonly #lists = new Map<string, KnownList>();
  #now: readonly Peer[] = [];
  #learned: ((issuer: string) => void) | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Those whose coins are taken now. */
  get brokers(): EcashBroker[] {
    const via = this.#parts.broker.keys.brk;
    return this.#now.flatMap(({ brk, root, url }) => {
      const everywhere = this.#lists.get(brk)?.list;
      return everywhere ? [{ id: brk, url, root, everywhere, via }] : [];
    });
  }

  /** Is anything else taken than `keys` say? */
  hasChanged({ brokers }: EcashKeys): boolean {
    const known = brokers.filter(({ via }) => via !== undefined);
    const now = this.brokers;
    return (
      known.length !== now.length ||
      known.some(({ id, everywhere }, i) => {
        const one = now[i];
        return one?.id !== id || one.everywhere !== everywhere;
      })
    );
  }

  /** Tells of each broker once: now of those whose coins were ever taken, then of each that comes to it. */
  watch(learned: (issuer: string) => void): void {
    this.#learned = learned;
    for (const brk of this.#ever) learned(brk);
  }

  /** Reads what this or another process of the site has stored. */
  async load(): Promise<void> {
    const { store, broker } = this.#parts;
    for (const { key } of await store.listDocs(LISTS)) {
      const brk = key.slice(LISTS.length);
      if (brk !== broker.keys.brk) this.#learn(brk);
    }
    const text = await store.readDoc(this.#doc);
    if (text !== undefined) this.#take(this.#read(parseJson(text)));
    for (const known of this.#lists.values()) await known.load();
  }

  /** @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted` */
  async fetch(): Promise<void> {
    const { broker, store } = this.#parts;
    const json = await fetchRecord(broker.url, '/v1/ecash/peers').catch((error: unknown) => {
      // One that knows nothing of other brokers.
      if (error instanceof PaymentProblem && error.code === 'not-found') return undefined;
      throw error;
    });
    if (json === undefined) return;
    this.#take(this.#read(json));
    await store.swapDoc(this.#doc, await store.readDoc(this.#doc), JSON.stringify(json));
    for (const { brk } of this.#now) await this.#lists.get(brk)?.fetch();
  }

  #take({ peers }: EcashPeers): void {
    const { broker, store, env } = this.#parts;
    this.#now = peers;
    for (const { brk, root } of peers) {
      this.#learn(brk);
      const known = this.#lists.get(brk) ?? new KnownList({ broker, store, env, of: { peer: { brk, root } } });
      this.#lists.set(brk, known);
    }
  }

  #learn(brk: string): void {
    if (this.#ever.has(brk)) return;
    this.#ever.add(brk);
    this.#learned?.(brk);
  }

  /** @throws {PaymentProblem} `broker-untrusted` */
  #read(json: unknown): EcashPeers {
    const { broker, env } = this.#parts;
    const told = decode(ecashPeersSchema, json, 'broker-untrusted');
    const isIts = told.brk === broker.keys.brk && verifyObject(told, broker.keys.root, told.sig, env().crypto);
    if (!isIts) throw new PaymentProblem('broker-untrusted', { detail: 'its list of peers is not signed' });
    return told;
  }

  get #doc(): string {
    return `coin-peers:${this.#parts.broker.keys.brk}`;
  }
}
