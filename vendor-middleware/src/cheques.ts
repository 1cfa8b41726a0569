// What the site holds for cheques: its terms, and which certificates it found genuine.
import { type BrokerKeys, type DayCert, parsePrice } from '@farthing/protocol';
import type { ChequeKeys } from '@farthing/protocol/vendor';
import type { BrokerAt } from './broker-client.ts';

export type ChequeOptions = {
  /** What one customer may spend in a day before the broker is asked, in whole units of each currency; default 1. */
  readonly offlineMax?: string;
  /** How well a customer must be identified: 0 password and code, 1 passkey, 2 a wallet's key; default 0. */
  readonly minLevel?: 0 | 1 | 2;
  /** How the site lets itself be paid: default all ways. */
  readonly captures?: ChequeKeys['captures'];
};

/** Certificates that are remembered, two kilobytes each: one a customer and day. Who is forgotten is checked again. */
const MOST = 10_000;

type Parts = {
  readonly vnd: string;
  readonly api: string;
  readonly broker: BrokerAt;
  readonly terms: ChequeOptions;
};

export function chequeKeys({ vnd, api, broker, terms }: Parts): ChequeKeys {
  const { offlineMax = '1', minLevel = 0, captures = ['now', 'deferred', 'aggregated'] } = terms;
  const { brk, root, currencies }: BrokerKeys = broker.keys;
  return {
    ...{ vnd, api, currencies, captures, minLevel },
    brokers: [{ id: brk, url: broker.url, root }],
    offlineMax: wholeUnits(offlineMax),
    genuine: new Genuine(),
  };
}

/** Base units of an amount in whole units: all currencies have the same. @throws {PaymentProblem} `price-invalid` */
export const wholeUnits = (text: string): bigint => parsePrice(`${text} USD`).amount;

class Genuine {
  readonly #byText = new Map<string, DayCert>();

  get(text: string): DayCert | undefined {
    return this.#byText.get(text);
  }

  set(text: string, cert: DayCert): void {
    for (const oldest of this.#byText.keys()) {
      if (this.#byText.size < MOST) break;
      this.#byText.delete(oldest);
    }
    this.#byText.set(text, cert);
  }
}
