// PayWord's small world for the conformance suite and the simulations, on credit or prepaid: vendors, and a broker with
// books in memory. Customers' money is set aside when they commit, so that no one can promise what is not there.

import * as v from 'valibot';
import { toBase64url } from '../core/bytes.ts';
import type { Env } from '../core/crypto.ts';
import { decode } from '../core/decode.ts';
import { CURRENCY, type Due, type FixtureBroker, type FixtureWorld, type MethodFixture } from '../testing/fixture.ts';
import { type DealRow, dealOf, redeem } from './broker/claims.ts';
import { type CertRow, issueCert } from './broker/credit.ts';
import { allot, type ChainRow, priceOf, refundChain, sellChain, takeClose } from './broker/prepaid.ts';
import type { PaywordKeys } from './vendor/keys.ts';
import { paywordVendor } from './vendor/role.ts';
import { commit, makeChain, pieceOf } from './wallet/make.ts';
import type { PaywordPiece } from './wallet/piece.ts';
import { paywordWallet } from './wallet/role.ts';
import { type Anchor, closeSchema, deedSchema, lastSchema } from './wire.ts';

const AMOUNT_MAX = 10n ** 18n;
const DAY_MS = 86_400_000;

export type Funding = 'credit' | 'prepaid';
type Options = Parameters<MethodFixture<PaywordKeys, PaywordPiece>['world']>[0];

export const paywordFixture = (
  funding: Funding,
  over: Partial<PaywordKeys> = {},
): MethodFixture<PaywordKeys, PaywordPiece> => ({
  vendor: paywordVendor,
  wallet: paywordWallet,
  unbound: true,
  world: (options) => world(funding, over, options),
});

function world(
  funding: Funding,
  over: Partial<PaywordKeys>,
  { vendors, buyers, funds, env }: Options,
): FixtureWorld<PaywordKeys, PaywordPiece> {
  const broker = new Broker(funding, new Map(buyers.map((name) => [name, funds])), env);
  const made = Array.from({ length: vendors }, (_, i) => broker.vendor(`site${i}.example`, over, env));
  return { vendors: made.map((keys) => ({ vnd: keys.vnd, keys })), broker };
}

/** The most words, up to a hundred, that share the value exactly: each is worth the same. */
export function partsOf(value: bigint): { n: number; unit: bigint } {
  for (let n = 100n; n > 1n; n--) if (value % n === 0n) return { n: Number(n), unit: value / n };
  return { n: 1, unit: value };
}

export class Broker implements FixtureBroker<PaywordPiece> {
  readonly root: string;
  readonly issuer: { brk: string; seed: Uint8Array };
  readonly deals = new Map<string, DealRow>();
  readonly chains = new Map<string, ChainRow>();
  readonly alarms: string[] = [];
  readonly #funding: Funding;
  readonly #balances: Map<string, bigint>;
  readonly #keys = new Map<string, PaywordKeys>();
  readonly #signers = new Map<string, string>();
  readonly #certs = new Map<string, CertRow>();
  readonly #days = new Map<string, Uint8Array>();
  readonly #used = new Map<string, bigint>();
  /** Set aside by account and deal, for credit. */
  readonly #promised = new Map<string, bigint>();
  readonly #total: bigint;
  #float = 0n;

  constructor(funding: Funding, balances: Map<string, bigint>, env: Env) {
    this.#funding = funding;
    this.#balances = balances;
    this.#total = [...balances.values()].reduce((sum, balance) => sum + balance, 0n);
    const seed = env.random(32);
    this.root = toBase64url(env.crypto.publicKey(seed));
    this.issuer = { brk: 'b1', seed };
  }

  vendor(vnd: string, over: Partial<PaywordKeys>, env: Env): PaywordKeys {
    const keys: PaywordKeys = {
      vnd,
      api: '/farthing',
      seed: env.random(32),
      brokers: [{ id: 'b1', url: 'https://broker.example', root: this.root, key: env.random(32) }],
      currencies: [CURRENCY],
      fundings: ['credit', 'prepaid'],
      maxStep: 1000,
      idleMs: DAY_MS,
      ...over,
    };
    this.#keys.set(vnd, keys);
    this.#signers.set(vnd, toBase64url(env.crypto.publicKey(keys.seed)));
    return keys;
  }

  buy(buyer: string, vnd: string, value: bigint, env: Env): PaywordPiece {
    return this.sell(buyer, { vnd, ...partsOf(value) }, env);
  }

  /** A chain of `n` words for one vendor. */
  sell(buyer: string, { vnd, n, unit }: { vnd: string; n: number; unit: bigint }, env: Env): PaywordPiece {
    const value = BigInt(n) * unit;
    if (this.#funding === 'prepaid') {
      const chain = makeChain(n, { locked: n <= 1000 }, env);
      const row = this.addChain(buyer, chain.anchor, unit, env);
      return pieceOf(this.ticket(row.id, { vnd, from: 1, to: n }, env), chain, env);
    }
    const cert = this.cert(buyer, vnd, env);
    const promise = { n, unit, cap: value, exp: cert.cert.exp };
    const piece = commit(cert.cert, promise, this.#days.get(`${buyer} ${vnd}`) ?? new Uint8Array(), env);
    this.#move(buyer, -value);
    this.#promised.set(piece.session, value);
    return piece;
  }

  addChain(buyer: string, anchor: Anchor, unit: bigint, env: Env): ChainRow {
    const row = sellChain({ anchor, unit, cur: CURRENCY, ttlMs: DAY_MS }, { account: buyer, taken: false }, env);
    this.#move(buyer, -priceOf(row));
    this.chains.set(row.id, row);
    return row;
  }

  /** Only takes the closing: the chain goes on. */
  takeClose(closing: unknown, env: Env): void {
    const read = v.parse(closeSchema, closing);
    const deal = this.deals.get(read.session);
    const chain = deal && this.chains.get(deal.source);
    const taken = takeClose(
      deal,
      read,
      { vendorKey: this.#signers.get(read.vnd) ?? '', ...(chain ? { chain } : {}) },
      env,
    );
    this.deals.set(read.session, taken.deal);
    if (taken.chain) this.chains.set(taken.chain.id, taken.chain);
  }

  ticket(chainId: string, range: { vnd: string; from: number; to: number }, env: Env) {
    const row = this.chains.get(chainId);
    const key = this.#keys.get(range.vnd)?.brokers[0]?.key;
    if (!row) throw new Error(`no chain ${chainId}`);
    const { chain, ticket, deal } = allot(row, range, { issuer: this.issuer, ...(key ? { key } : {}) }, env);
    this.chains.set(chainId, chain);
    this.deals.set(deal.session, deal);
    return ticket;
  }

  cert(buyer: string, vnd: string, env: Env): CertRow {
    const seed = this.#days.get(`${buyer} ${vnd}`) ?? env.random(32);
    this.#days.set(`${buyer} ${vnd}`, seed);
    const pk = toBase64url(env.crypto.publicKey(seed));
    const line = { account: buyer, cur: CURRENCY, perSite: AMOUNT_MAX, perDay: AMOUNT_MAX, level: 2 } as const;
    const row = issueCert({ vnd, pk, cur: CURRENCY, limit: AMOUNT_MAX }, line, this.issuer, env);
    this.#certs.set(`${row.cert.sub} ${row.cert.exp}`, row);
    return row;
  }

  daySeed = (buyer: string, vnd: string): Uint8Array => this.#days.get(`${buyer} ${vnd}`) ?? new Uint8Array(32);

  redeem(vnd: string, claims: ReadonlyMap<string, Due>, env: Env): void {
    for (const [key, due] of claims) {
      const alarm = this.claim(vnd, key.replace('payword:', ''), due, env);
      if (alarm && alarm !== 'falling') throw new Error(`an honest claim raised ${alarm}`);
    }
  }

  /** One claim, as the broker's route would treat it. @returns the alarm */
  claim(vnd: string, session: string, { total, proof, deed: json }: Due, env: Env): string | undefined {
    const deed = json && decode(deedSchema, json, 'request-malformed');
    const deal = this.deals.get(session) ?? (deed ? this.#open(deed, vnd, env) : 'unknown');
    if (typeof deal === 'string') return deal;
    if (deal.session !== session) return 'foreign';
    const { last } = v.parse(v.object({ last: lastSchema }), proof);
    const y = deed && 'ticket' in deed ? deed.y : undefined;
    const claim = { vnd, cum: total, last, ...(y === undefined ? {} : { y }) };
    const paid = redeem(deal, claim, { feeBps: 0, used: (key) => this.#used.get(key) ?? 0n }, env);
    this.deals.set(session, paid.deal);
    for (const { key } of deal.bounds) this.#used.set(key, (this.#used.get(key) ?? 0n) + paid.credit + paid.fee);
    this.#move(vnd, paid.credit);
    return paid.alarm;
  }

  #open(deed: v.InferOutput<typeof deedSchema>, vnd: string, env: Env) {
    const cert = 'commitment' in deed ? this.#certs.get(`${deed.cert.sub} ${deed.cert.exp}`) : undefined;
    return dealOf(deed, { cert, vnd }, env);
  }

  /** Closings of a vendor: the rest of a chain, or of what was set aside, goes back. */
  cash(buyer: string, released: unknown, env: Env): void {
    const closings = v.parse(v.object({ closings: v.array(closeSchema) }), released).closings;
    for (const closing of closings) {
      const { session, vnd } = closing;
      const deal = this.deals.get(session);
      const chain = deal && this.chains.get(deal.source);
      if (!deal) this.#giveBack(buyer, session, BigInt(closing.spent));
      else if (!deal.closed) {
        const vendorKey = this.#signers.get(vnd) ?? '';
        const taken = takeClose(deal, closing, { vendorKey, ...(chain ? { chain } : {}) }, env);
        this.deals.set(session, taken.deal);
        if (taken.chain) this.refund(taken.chain, env);
        else this.#giveBack(buyer, session, BigInt(closing.spent));
      }
    }
  }

  /** Ends a chain and pays back what no ticket can claim. */
  refund(chain: ChainRow, env: Env): bigint {
    const deals = [...this.deals.values()].filter(({ source }) => source === chain.id);
    const done = refundChain(chain, deals, env.nowMs);
    this.chains.set(chain.id, done.chain);
    for (const deal of done.deals) this.deals.set(deal.session, deal);
    this.#move(chain.account, done.credit);
    return done.credit;
  }

  #giveBack(buyer: string, session: string, spent: bigint): void {
    const promised = this.#promised.get(session) ?? spent;
    this.#promised.set(session, spent);
    this.#move(buyer, promised - spent);
  }

  balance(account: string): bigint {
    return this.#balances.get(account) ?? 0n;
  }

  checkLaws(): void {
    const held = [...this.#balances.values()].reduce((sum, balance) => sum + balance, 0n);
    if (held + this.#float !== this.#total) throw new Error('L1: the books do not sum to what was put in');
    for (const { session, credited, claimable, cap } of this.deals.values()) {
      if (credited < 0n || credited > claimable || claimable > cap) throw new Error(`L3: ${session}`);
    }
    for (const chain of this.chains.values()) {
      const deals = [...this.deals.values()].filter(({ source }) => source === chain.id);
      const out = deals.reduce((sum, deal) => sum + deal.claimable, chain.refunded);
      if (out > priceOf(chain)) throw new Error(`L3: chain ${chain.id} pays out more than its price`);
    }
    if (this.#float < 0n) throw new Error('more was paid out than was put aside');
  }

  #move(account: string, amount: bigint): void {
    const balance = this.balance(account) + amount;
    if (balance < 0n) throw new Error(`${account} is overdrawn`);
    this.#balances.set(account, balance);
    this.#float -= amount;
  }
}
