// Licences: the site lets its broker make scrip of it. Granted on first start, renewed before they end or fill up.
// The order is stored before it is sent, so that a repeat (by any process of the site) carries the same bytes.
import {
  type BrokerKeys,
  type Currency,
  decode,
  type Env,
  fromBase64url,
  limits,
  makeOrder,
  type Order,
  objectHash,
  PaymentProblem,
  parseJson,
  sealBox,
  signObject,
  toBase64url,
  tryDecode,
  verifyObject,
} from '@farthing/protocol';
import {
  type Licence,
  licenceOrder,
  licenceResult,
  licenceSchema,
  licencesResult,
  type MasterSecrets,
  type ScripKeys,
} from '@farthing/protocol/vendor';
import { sendOrder } from './broker-client.ts';
import type { KeyRing } from './keys.ts';
import type { VendorStore } from './store/port.ts';

/** Key id of the scrip that this site makes itself: change. */
const CHANGE_KID = 'v1';
const LIFE_SECONDS = 365 * 86_400;
/** A licence is followed by the next one this long before its end, and when four fifths are used. */
const RENEW_SECONDS = 30 * 86_400;
const ENOUGH = 0.8;

export type LicenceTerms = { readonly ceiling: bigint; readonly maxVal: bigint };

type Parts = {
  readonly vnd: string;
  readonly api: string;
  readonly broker: { readonly url: string; readonly keys: BrokerKeys };
  readonly ring: KeyRing;
  readonly store: VendorStore;
  readonly terms: LicenceTerms;
  readonly env: () => Env;
};

export class Licences {
  readonly #parts: Parts;
  #keys: ScripKeys;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#keys = this.#build([]);
  }

  /** What scrip is checked with now. A new object after every change. */
  get keys(): ScripKeys {
    return this.#keys;
  }

  /** Reads what this or another process of the site has stored. */
  async load(): Promise<void> {
    this.#keys = this.#build(await this.#stored());
  }

  /**
   * Grants what is missing for each currency of the broker. Needs the broker.
   * @throws {PaymentProblem} the broker is away or refuses
   */
  async renew(): Promise<void> {
    const sold = await this.#listed();
    for (const { licence } of sold) await this.#adopt(licence);
    for (const cur of this.#parts.broker.keys.currencies) {
      if (await this.#hasEnough(cur, sold)) continue;
      try {
        await this.#grant(cur, sold);
      } catch (error) {
        // Another process of the site may have been faster with the same key id.
        if (!(await this.#hasEnough(cur, sold))) throw error;
      }
    }
    await this.load();
  }

  async #hasEnough(cur: Currency, sold: Sold): Promise<boolean> {
    const licences = await this.#stored();
    return licences.some(
      (licence) =>
        licence.cur === cur && this.#isGood(licence) && !this.#ends(licence, RENEW_SECONDS) && !isFull(licence, sold),
    );
  }

  #ends(licence: Licence, marginSeconds: number): boolean {
    return licence.exp - marginSeconds <= this.#parts.env().nowMs / 1000;
  }

  async #stored(): Promise<Licence[]> {
    const docs = await this.#parts.store.listDocs('licence:');
    return docs.flatMap(({ value }) => tryDecode(licenceSchema, parseJson(value)) ?? []);
  }

  async #listed() {
    const { vnd, broker, ring, env } = this.#parts;
    const order = makeOrder('scrip-licences/1', { vnd }, ring.seed, env());
    const result = await sendOrder(broker, '/v1/scrip/licences/list', { order, crypto: env().crypto });
    return decode(licencesResult, result, 'broker-untrusted').licences;
  }

  /** Takes a licence that the broker holds, if both signatures are good and its secrets are in the data folder. */
  async #adopt(licence: Licence): Promise<void> {
    const { store, ring } = this.#parts;
    if (!this.#isGood(licence) || !ring.has(licence.kid)) return;
    await store.swapDoc(`licence:${licence.kid}`, undefined, JSON.stringify(licence));
  }

  #isGood(licence: Licence): boolean {
    const { vnd, broker, ring, env } = this.#parts;
    const { crypto } = env();
    return (
      licence.vnd === vnd &&
      licence.brk === broker.keys.brk &&
      verifyObject(licence, toBase64url(crypto.publicKey(ring.seed)), licence.sigs.v, crypto) &&
      licence.sigs.b !== undefined &&
      verifyObject(licence, broker.keys.root, licence.sigs.b, crypto)
    );
  }

  async #grant(cur: Currency, sold: Sold): Promise<void> {
    const { store, broker, env } = this.#parts;
    const kid = await this.#nextKid(cur, sold);
    const key = `order:licence:${kid}`;
    const order = await this.#orderFor(key, () => this.#makeOrder(kid, cur));
    try {
      const result = await sendOrder(broker, '/v1/scrip/licences', { order, crypto: env().crypto });
      await this.#adopt(decode(licenceResult, result, 'broker-untrusted').licence);
      await store.swapDoc(key, JSON.stringify(order), undefined);
    } catch (error) {
      // Refused for good: the next attempt makes a new order. Lost on the way: the next attempt sends this one again.
      const lost = error instanceof PaymentProblem && ['broker-unreachable', 'unavailable'].includes(error.code);
      if (!lost) await store.swapDoc(key, JSON.stringify(order), undefined);
      throw error;
    }
  }

  /** A key id whose secrets nobody else knows: its order waits to be sent, or it was never used, with any broker. */
  async #nextKid(cur: Currency, sold: Sold): Promise<string> {
    const { store, ring } = this.#parts;
    const listed = new Set(sold.map(({ licence }) => licence.kid));
    for (let number = 1; ; number++) {
      const kid = `k${number}`;
      const order = await store.readDoc(`order:licence:${kid}`);
      if (order !== undefined && currencyIn(order) === cur && !listed.has(kid)) return kid;
      const used = order !== undefined || listed.has(kid) || ring.has(kid);
      if (!used && (await store.readDoc(`licence:${kid}`)) === undefined) return kid;
    }
  }

  /** The stored order, of whichever process stored it first. */
  async #orderFor(key: string, make: () => Order): Promise<Order> {
    const { store } = this.#parts;
    const fresh = JSON.stringify(make());
    const text = (await store.swapDoc(key, undefined, fresh)) ? fresh : await store.readDoc(key);
    return decode(licenceOrder, parseJson(text ?? ''), 'licence-invalid');
  }

  #makeOrder(kid: string, cur: Currency): Order {
    const { vnd, broker, ring, terms } = this.#parts;
    const env = this.#parts.env();
    const nbf = Math.floor((env.nowMs - limits.clockSkewMs) / 1000);
    const blank = {
      typ: 'licence/1' as const,
      vnd,
      brk: broker.keys.brk,
      kid,
      first: 1,
      last: Number(limits.scripSerial) - 1,
      ceiling: terms.ceiling.toString(),
      maxVal: terms.maxVal.toString(),
      cur,
      feeBps: 0,
      nbf,
      exp: nbf + LIFE_SECONDS,
    };
    const licence = { ...blank, sigs: { v: signObject(blank, ring.seed, env.crypto) } };
    const { scrip, customer } = ring.master(kid);
    const to = fromBase64url(broker.keys.box);
    if (!to) throw new PaymentProblem('broker-untrusted');
    const box = sealBox(to, new Uint8Array([...scrip, ...customer]), objectHash(licence, env.crypto), env);
    return makeOrder('scrip-licence/1', { licence, box: toBase64url(box) }, ring.seed, env);
  }

  /** Old key ids verify until the last scrip made under them can be neither spent nor claimed. */
  #build(licences: readonly Licence[]): ScripKeys {
    const { vnd, api, ring, broker } = this.#parts;
    const nowMs = this.#parts.env().nowMs;
    const tailMs = limits.scripTtlMaxMs + limits.clockSkewMs + limits.claimWindowMs;
    const live = licences.filter((licence) => this.#isGood(licence) && licence.exp * 1000 + tailMs > nowMs);
    const master = new Map<string, MasterSecrets>([[CHANGE_KID, ring.master(CHANGE_KID)]]);
    for (const { kid } of live) master.set(kid, ring.master(kid));
    return {
      vnd,
      api,
      seed: ring.seed,
      master,
      licences: new Map(live.map((licence) => [licence.kid, licence])),
      changeKid: CHANGE_KID,
      brokers: [{ id: broker.keys.brk, url: broker.url }],
    };
  }
}

/** What the broker says that it sold. */
type Sold = readonly { licence: Licence; sold: bigint; next: number }[];

const currencyIn = (order: string): Currency | undefined => tryDecode(licenceOrder, parseJson(order))?.licence.cur;

function isFull(licence: Licence, sold: Sold): boolean {
  const row = sold.find(({ licence: { kid } }) => kid === licence.kid);
  if (!row) return false;
  const tenths = BigInt(ENOUGH * 10);
  return row.sold * 10n >= BigInt(licence.ceiling) * tenths || row.next >= licence.last * ENOUGH;
}
