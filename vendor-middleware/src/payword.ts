// What the site holds for PayWord, and its key K_VB for prepaid tickets under a MAC: made here, sealed to the broker once.
// Until the broker has it, tickets that the broker signed are taken, and credit.
import {
  decode,
  type Env,
  fromBase64url,
  limits,
  makeOrder,
  PaymentProblem,
  sealBox,
  toBase64url,
} from '@farthing/protocol';
import { type PaywordKeys, paywordKeyResult } from '@farthing/protocol/vendor';
import { type BrokerAt, sendOrder } from './broker-client.ts';
import type { KeyRing } from './keys.ts';
import type { Refused } from './refused.ts';
import type { VendorStore } from './store/port.ts';

export type PaywordOptions = {
  readonly fundings?: readonly ('credit' | 'prepaid')[];
  readonly maxStep?: number;
  readonly idleMs?: number;
};

type Parts = {
  readonly vnd: string;
  readonly api: string;
  readonly broker: BrokerAt;
  readonly ring: KeyRing;
  readonly store: VendorStore;
  readonly terms: PaywordOptions;
  readonly refused: Refused;
  readonly env: () => Env;
};

export class Payword {
  readonly #parts: Parts;
  #keys: PaywordKeys;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#keys = this.#build(false);
  }

  /** A new object after every change. */
  get keys(): PaywordKeys {
    return this.#keys;
  }

  /** Reads whether the broker has the site's key. */
  async load(): Promise<void> {
    this.#keys = this.#build((await this.#parts.store.readDoc(this.#doc)) !== undefined);
  }

  /** Gives the broker the key, unless it has it. @throws {PaymentProblem} the broker is away or refuses */
  async share(): Promise<void> {
    const { vnd, broker, ring, store, env } = this.#parts;
    if (this.#keys.brokers[0]?.key) return;
    const to = fromBase64url(broker.keys.box);
    if (!to) throw new PaymentProblem('broker-untrusted');
    const box = toBase64url(sealBox(to, ring.payword(), `payword-key ${vnd}`, env()));
    const order = makeOrder('payword-key/1', { vnd, box }, ring.seed, env());
    const result = await sendOrder(broker, '/v1/payword/keys', { order, crypto: env().crypto });
    decode(paywordKeyResult, result, 'broker-untrusted');
    await store.swapDoc(this.#doc, undefined, 'shared');
    await this.load();
  }

  get #doc(): string {
    return `payword-key:${this.#parts.broker.keys.brk}`;
  }

  #build(isShared: boolean): PaywordKeys {
    const { vnd, api, broker, ring, terms, refused } = this.#parts;
    const { fundings = ['credit', 'prepaid'], maxStep = limits.wordStep, idleMs = limits.sessionIdleMs } = terms;
    const { brk, root, currencies, poll } = broker.keys;
    return {
      vnd,
      api,
      seed: ring.seed,
      brokers: [{ id: brk, url: broker.url, root, ...(isShared ? { key: ring.payword() } : {}) }],
      currencies,
      fundings,
      maxStep,
      idleMs,
      refused,
      // Its own rate: the broker takes each report for so much money.
      ...(poll === undefined ? {} : { pollMicro: BigInt(poll) }),
    };
  }
}
