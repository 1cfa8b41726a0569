// One signed list of keysets, as the broker publishes it: kept in the store, so that a site whose broker is away knows it.
import { decode, type Env, PaymentProblem, parseJson } from '@farthing/protocol';
import { type CoinList, keyListHash, keysetsResult, readKeyList } from '@farthing/protocol/vendor';
import { type BrokerAt, fetchRecord } from './broker-client.ts';
import type { VendorStore } from './store/port.ts';

/** Whose coins: those that are locked to a site (`vnd`), those of another broker that ours clears with, else ours. */
export type CoinsOf = { readonly vnd?: string; readonly peer?: { readonly brk: string; readonly root: string } };

type Parts = {
  readonly broker: BrokerAt;
  readonly store: VendorStore;
  readonly env: () => Env;
  readonly of: CoinsOf;
};

export class KnownList {
  readonly #parts: Parts;
  readonly #doc: string;
  #text: string | undefined;
  #list: CoinList | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { of, broker } = parts;
    this.#doc = `${of.vnd === undefined ? 'coins' : 'keysets'}:${(of.peer ?? broker.keys).brk}`;
  }

  /** A new object after every change; `undefined` until the broker has made some. */
  get list(): CoinList | undefined {
    return this.#list;
  }

  /** Reads what this or another process of the site has stored. */
  async load(): Promise<void> {
    const text = await this.#parts.store.readDoc(this.#doc);
    if (text === this.#text) return;
    this.#list = text === undefined ? undefined : this.#read(parseJson(text));
    this.#text = text;
  }

  /** The list as it is now, if there is one. @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted` */
  async fetch(): Promise<void> {
    const { of, broker, store } = this.#parts;
    let json: unknown;
    try {
      json = await fetchRecord(broker.url, pathOf(of));
    } catch (error) {
      if (error instanceof PaymentProblem && error.code === 'unavailable') return;
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
  #read(json: unknown): CoinList {
    const { of, broker, env } = this.#parts;
    const { crypto } = env();
    const { list, keysets } = decode(keysetsResult, json, 'broker-untrusted');
    if (list.vnd !== of.vnd)
      throw new PaymentProblem('broker-untrusted', { detail: 'its keysets are of another site' });
    const read = readKeyList({ list, records: keysets }, of.peer ?? broker.keys, crypto);
    // Coins of revoked ones pay nobody any more.
    const good = read.filter(({ revoked }) => !revoked).map((keyset) => [keyset.ks, keyset] as const);
    return { hash: keyListHash(list, crypto), keysets: new Map(good) };
  }
}

function pathOf({ vnd, peer }: CoinsOf): string {
  if (peer) return `/v1/ecash/peers/${peer.brk}/keysets`;
  return vnd === undefined ? '/v1/ecash/keysets' : `/v1/vendors/${encodeURIComponent(vnd)}/keysets`;
}
