// A customer with a purse of coins over real HTTP, for tests: keysets are read and checked as a wallet does it.
import { nativeRsa } from '@farthing/node-kit';
import { type JsonObject, type Order, PaymentProblem, toBase64url } from '@farthing/protocol';
import type { Keyset } from '@farthing/protocol/broker';
import { ecashRestoreResult, keysetsResult } from '@farthing/protocol/broker';
import { coinSecret, purse, readKeyList, type SpentCoin } from '@farthing/protocol/wallet';
import * as v from 'valibot';
import { type Bench, Person, type Site, USD } from './client.ts';

/** What a payment with coins says, before a site presents it. */
export type CoinPayment = JsonObject & { coins: JsonObject[] };

/** Keysets that are good at the site alone; their keys take the broker a moment. */
export async function lockKeysets(site: Site, denoms: readonly bigint[]): Promise<void> {
  const order = () =>
    site.order('ecash-lock/1', { vnd: site.vnd, cur: USD, denoms: denoms.map((denom) => denom.toString()) });
  while ((await site.bench.post('/v1/ecash/lock', order())).status === 503) {
    await site.bench.until(`/v1/vendors/${site.vnd}/keysets`);
  }
}

/** What a wallet finds that has nothing but its seed: all that was ever signed for it and is not spent. */
export async function restoredHolder(bench: Bench, seed: Uint8Array): Promise<Holder> {
  const holder = new Holder(bench, seed);
  await holder.learn();
  for (const ks of holder.keysets.keys()) {
    for (let found = 1, counter = 0; found > 0; ) {
      const { planned, outputs } = purse.restoreBatch({ ks, counter }, RESTORED, holder.mint, bench.env());
      const order = holder.order('ecash-restore/1', { outputs: outputs.map((output) => ({ ...output })) });
      const { signatures } = v.parse(ecashRestoreResult, await bench.send('/v1/ecash/restore', order));
      const answer = purse.restored(holder.purse, { planned, signatures }, holder.mint, bench.env());
      [holder.purse, found, counter] = [answer.purse, answer.found, (planned.at(-1)?.counter ?? 0) + 1];
    }
  }
  const proofs = await Promise.all(
    holder.purse.coins.map(async (coin) => ({ coin, state: (await holder.prove(coin))['state'] })),
  );
  const coins = proofs.filter(({ state }) => state === 'unspent').map(({ coin }) => coin);
  holder.purse = { ...holder.purse, coins };
  return holder;
}

/** A purse that was used one after the other has no gap as long as this. */
const RESTORED = 20;

/** A site asks the broker before it delivers. */
export const present = (site: Site, payment: CoinPayment, hold: boolean): Promise<JsonObject> =>
  site.bench.send('/v1/ecash/deposit', site.order('ecash-deposit/1', { ...payment, hold }));

export const captureHeld = (site: Site, ...held: string[]): Promise<JsonObject> =>
  site.bench.send('/v1/ecash/capture', site.order('ecash-capture/1', { vnd: site.vnd, cur: USD, held }));

export const voidHeld = (site: Site, ...held: string[]): Promise<JsonObject> =>
  site.bench.send('/v1/ecash/void', site.order('ecash-void/1', { vnd: site.vnd, held }));

/** Claims of payments that the site took off line; `prev` is the hash of its last batch. */
export async function redeemCoins(site: Site, prev: string, ...payments: CoinPayment[]): Promise<JsonObject> {
  const claims = payments.map(({ vnd: _, ...claim }) => claim);
  return site.bench.send('/v1/ecash/redeem', site.order('ecash-redeem/1', { vnd: site.vnd, prev, claims }));
}

export class Holder extends Person {
  readonly mint: purse.Mint;
  readonly keysets = new Map<string, Keyset>();
  purse: purse.Purse;

  constructor(bench: Bench, seed?: Uint8Array) {
    super(bench, ...(seed ? [seed] : []));
    this.mint = { keysets: this.keysets, seed: this.seed, rsa: nativeRsa };
    this.purse = purse.emptyPurse(bench.public.brk, USD);
  }

  /** Reads a signed list, or waits until there is one. */
  async learn(path = '/v1/ecash/keysets'): Promise<void> {
    const { bench } = this;
    const response = await bench.until(path);
    const { list, keysets } = v.parse(keysetsResult, response);
    for (const keyset of readKeyList({ list, records: keysets }, bench.public, bench.env().crypto)) {
      this.keysets.set(keyset.ks, keyset);
    }
  }

  /** With money in its account, and the keysets learned. */
  async funded(amount = 1000n): Promise<this> {
    await this.faucet(amount);
    await this.learn();
    return this;
  }

  get worth(): bigint {
    return purse.worthOf(this.purse, this.mint, this.bench.env().nowMs);
  }

  draft(values: readonly bigint[], vnd?: string): purse.Draft {
    const made = purse.draft(
      this.purse,
      { values, ...(vnd === undefined ? {} : { vnd }) },
      this.mint,
      this.bench.env(),
    );
    this.purse = made.purse;
    return made;
  }

  finish(planned: readonly purse.Planned[], signatures: unknown): void {
    const texts = v.parse(v.array(v.string()), signatures);
    this.purse = purse.put(this.purse, purse.finish(planned, texts, this.mint, this.bench.env()));
  }

  withdrawOrder({ outputs }: Pick<purse.Draft, 'outputs'>): Order {
    return this.order('ecash-withdraw/1', { cur: USD, outputs: outputs.map((output) => ({ ...output })) });
  }

  async withdraw(values: readonly bigint[]): Promise<void> {
    const made = this.draft(values);
    const answer = await this.bench.send('/v1/ecash/withdraw', this.withdrawOrder(made));
    this.finish(made.planned, answer['signatures']);
  }

  /** Takes coins out of the purse. */
  take(price: bigint, { vnd, change = true }: { vnd?: string; change?: boolean } = {}): purse.Taken {
    const choice = { price, most: 4, change, ...(vnd === undefined ? {} : { vnd }) };
    const taken = purse.take(this.purse, choice, this.mint, this.bench.env());
    if (!taken) throw new PaymentProblem('funds-short');
    this.purse = taken.purse;
    return taken;
  }

  /** Swaps these coins for coins of these values; with a key that is used once. */
  async swap(coins: readonly purse.PurseCoin[], values: readonly bigint[], vnd?: string): Promise<void> {
    const made = this.draft(values, vnd);
    const order = this.swapOrder(purse.signedForSwap(coins, made.outputs, this.mint, this.bench.env()), made);
    const answer = await this.bench.send('/v1/ecash/swap', order);
    this.finish(made.planned, answer['signatures']);
  }

  swapOrder(coins: readonly SpentCoin[], { outputs }: Pick<purse.Draft, 'outputs'>): Order {
    const members = {
      cur: USD,
      coins: coins.map((coin) => ({ ...coin })),
      outputs: outputs.map((one) => ({ ...one })),
    };
    return new Person(this.bench).order('ecash-swap/1', members);
  }

  /** Coins for money of an account: of this one, whoever brings them. */
  creditOrder(coins: readonly purse.PurseCoin[], by: Person = this): Order {
    const signed = purse.signedForCredit(coins, this.pk, this.mint, this.bench.env());
    return by.order('ecash-credit/1', { cur: USD, coins: signed.map((coin) => ({ ...coin })) });
  }

  /** What became of a coin of this purse, as its own key asks. */
  async prove({ coin: { ks }, counter }: purse.PurseCoin): Promise<JsonObject> {
    const { bench } = this;
    const key = new Person(bench, coinSecret({ seed: this.seed, ks, counter }));
    const nonce = toBase64url(bench.env().random(16));
    return bench.send('/v1/ecash/prove', key.order('ecash-prove/1', { nonce }));
  }

  /** Signs coins over to a site. */
  sign(taken: purse.Taken, { vnd }: Pick<Site, 'vnd'>, challengeId: string, amount: bigint): CoinPayment {
    const { crypto, nowMs } = this.bench.env();
    const exp = Math.floor(nowMs / 1000) + 300;
    const change = taken.change.outputs;
    const terms = { challengeId, vnd, amount, cur: USD, exp, ...(change.length > 0 ? { change } : {}) };
    const coins = purse.signedFor(taken.coins, terms, this.mint, { ...this.bench.env(), crypto });
    return {
      ...{ vnd, challengeId, amount: amount.toString(), cur: USD, exp },
      coins: coins.map((coin) => ({ ...coin })),
      ...(change.length > 0 ? { change: change.map((output) => ({ ...output })) } : {}),
    };
  }
}
