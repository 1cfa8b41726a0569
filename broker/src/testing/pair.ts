// Two brokers that clear with each other: Anna's makes coins, the site settles with Bert's.
import type { JsonObject, Order } from '@farthing/protocol';
import { openKeys } from '../keys.ts';
import { addPeer } from '../operate-peers.ts';
import { Bench, Person, Site, USD } from './client.ts';
import { type CoinPayment, Holder } from './coins.ts';

export class Pair {
  readonly issuer = new Bench();
  readonly other = new Bench();

  /** `limit`: how much each may owe the other, in base units. */
  async start(limit = 1_000_000n): Promise<this> {
    await this.issuer.start({ ecash: { denominations: [1n, 2n, 5n, 10n] } });
    await this.other.start({ ecash: { denominations: [1n] } });
    await pinEachOther(this.issuer, this.other, limit);
    await this.issuer.until('/v1/ecash/keysets');
    return this;
  }

  /** A purse of coins of the issuer. */
  holder(amount?: bigint): Promise<Holder> {
    return new Holder(this.issuer).funded(amount);
  }

  site(vnd = 'news.example'): Promise<Site> {
    return new Site(this.other, vnd).open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.issuer[Symbol.asyncDispose]();
    await this.other[Symbol.asyncDispose]();
  }
}

/** `limit`: how much each may owe the other, in base units. */
export async function pinEachOther(one: Bench, other: Bench, limit: bigint): Promise<void> {
  await pin(one, other, limit);
  await pin(other, one, limit);
}

/** `url`: where the other is reached, if not where it is. */
export const pin = (
  bench: Pick<Bench, 'place'>,
  { url, public: { brk } }: Pick<Bench, 'url' | 'public'>,
  amount: bigint,
) => addPeer(bench.place, { url, limit: { amount, currency: USD }, fingerprint: brk, test: true });

/** Orders of a site at its own broker, about coins of the issuer. */
export function foreign(site: Site, issuer: Bench) {
  const named = { vnd: site.vnd, issuer: issuer.public.brk };
  const orders = {
    deposit: (payment: CoinPayment, hold: boolean) => site.order('ecash-deposit/1', { ...payment, ...named, hold }),
    capture: (...held: string[]) => site.order('ecash-capture/1', { ...named, cur: USD, held }),
    giveUp: (...held: string[]) => site.order('ecash-void/1', { ...named, held }),
  };
  return {
    ...orders,
    present: (payment: CoinPayment, hold: boolean): Promise<JsonObject> =>
      site.bench.send('/v1/ecash/deposit', orders.deposit(payment, hold)),
    captureHeld: (...held: string[]): Promise<JsonObject> =>
      site.bench.send('/v1/ecash/capture', orders.capture(...held)),
    voidHeld: (...held: string[]): Promise<JsonObject> => site.bench.send('/v1/ecash/void', orders.giveUp(...held)),
  };
}

/** As the other broker hands on what its site signed; made by hand, so that tests can change it. */
export async function handedOn(issuer: Bench, other: Bench, order: Order): Promise<{ root: Person; order: Order }> {
  const root = new Person(issuer, openKeys(other.data, other.env()).seed);
  const vendor = (await (await fetch(`${other.url}/v1/vendors/${String(order['vnd'])}`)).json()) as JsonObject;
  return { root, order: root.order('peer-forward/1', { vendor, order }) };
}
