// What the signed orders say of PayWord: certificates, chains, deals, words and what was paid for them. Replayed beside the
// rest of the model, with hashes and sums of its own.
import { type Crypto, canonicalJson, type Json, limits, objectHash } from '@farthing/protocol';
import {
  paywordBuyOrder,
  paywordBuyResult,
  paywordCertOrder,
  paywordCertResult,
  paywordCloseOrder,
  paywordCloseResult,
  paywordKeyOrder,
  paywordKeyResult,
  paywordPollOrder,
  paywordPollResult,
  paywordRedeemOrder,
  paywordRedeemResult,
  paywordTicketsOrder,
  paywordTicketsResult,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import type { ChequeBills } from './cheque-bills.ts';
import { apply, type Evidence } from './evidence.ts';
import type { Cells, Findings } from './findings.ts';
import { InvoiceModel, type InvoiceRow } from './invoices.ts';
import {
  type Cert,
  type Chain,
  type Claim,
  type Deal,
  type Deed,
  dealOfCommitment,
  dealOfTicket,
  shown,
  type TermsRow,
  wordBelow,
} from './payword-deals.ts';
import { type Auditing, amounts, type Shelf } from './shelves.ts';

type Certified = { readonly account: string; readonly cert: Cert };
type Redemption = v.InferOutput<typeof paywordRedeemResult>;

/** account|sub|currency → amount, and the account whose balance the answer tells. */
type Moved = { kind: string; ref: string; sums: Map<string, bigint>; account: string; cur: string; balance: bigint };
export type Book = (evidence: Evidence, moved: Moved) => void;

/** What no order asked for. */
export type Own = { readonly terms: readonly TermsRow[]; readonly invoices: readonly InvoiceRow[] };

/** Not overclaims: nothing is kept of them. */
const PLAIN = new Set(['falling', 'late']);
const DAY_SECONDS = 86_400;
const WINDOW_SECONDS = (limits.clockSkewMs + limits.paywordWindowMs) / 1000;

export class PaywordModel {
  readonly certs: Shelf<Certified>;
  readonly keys = new Map<string, string>();
  readonly chains: Shelf<Chain>;
  readonly deals: Shelf<Deal>;
  readonly used: Shelf<bigint>;
  readonly polls: Shelf<{ day: bigint; guess: bigint }>;
  readonly batches: Shelf<Cells>;
  readonly alarms: Shelf<Cells>;
  readonly invoices: InvoiceModel;
  /** Of each pseudonym. */
  readonly #newest: Shelf<Certified>;
  readonly #last = new Map<string, { n: bigint; hash: string }>();
  readonly #terms: readonly TermsRow[];
  readonly #crypto: Crypto;
  readonly #findings: Findings;
  #number = 0;

  constructor(own: Own, { shelves, crypto, findings, bills }: Auditing & { bills: ChequeBills }) {
    this.certs = shelves.add('daycert');
    this.chains = shelves.add('chain');
    this.deals = shelves.add('deal');
    this.used = shelves.add('bound_used', amounts);
    this.polls = shelves.add('poll');
    this.batches = shelves.add('payword_batch');
    this.alarms = shelves.add('payword_alarm');
    this.#newest = shelves.add('newest');
    this.#terms = own.terms;
    this.invoices = new InvoiceModel(own.invoices, bills, findings);
    this.#crypto = crypto;
    this.#findings = findings;
  }

  /** In force for the order that is being replayed. */
  get feeBps(): bigint {
    return this.#termsNow().feeBps;
  }

  /** What a replay from here on has to know beside the shelves. */
  get kept() {
    return { keys: this.keys, last: this.#last, invoices: this.invoices.kept };
  }

  get isUsed(): boolean {
    return this.certs.size + this.chains.size + this.keys.size + this.batches.size > 0;
  }

  /** `number`: which order it is, from 1. @returns whether it is one of PayWord's */
  take(evidence: Evidence, number: number, book: Book): boolean {
    this.#number = number;
    this.invoices.before(number, this.deals);
    return (
      apply(paywordCertOrder, paywordCertResult, evidence, (o, { cert }) => {
        const row = { account: `user:${o.from}`, cert };
        this.certs.set(`${cert.sub} ${cert.exp}`, row);
        const newest = this.#newest.get(cert.sub);
        if (!newest || newest.cert.exp < cert.exp) this.#newest.set(cert.sub, row);
        if (cert.pk !== o.pk || cert.vnd !== o.vnd) this.#odd('daycert', cert.sub, 'a certificate of what was asked');
      }) ||
      apply(paywordBuyOrder, paywordBuyResult, evidence, (o, r) => {
        book(evidence, { ...this.#buy(o, r), ...told(`user:${o.from}`, r) });
      }) ||
      apply(paywordTicketsOrder, paywordTicketsResult, evidence, (o, r) => this.#allot(o, r)) ||
      apply(paywordKeyOrder, paywordKeyResult, evidence, (o) => this.keys.set(o.vnd, o.rid)) ||
      apply(paywordRedeemOrder, paywordRedeemResult, evidence, (o, r) => {
        book(evidence, { ...this.#redeem(evidence, o, r), ...told(`vendor:${o.vnd}`, r) });
      }) ||
      apply(paywordCloseOrder, paywordCloseResult, evidence, (o, r) => {
        book(evidence, { ...this.#close(evidence, o, r), ...told(`user:${o.from}`, r) });
      }) ||
      apply(paywordPollOrder, paywordPollResult, evidence, (o) => this.#poll(o, evidence.at))
    );
  }

  /** What the broker did by itself: the rest of an expired chain went back. */
  rest(id: string, amount: bigint): Chain | undefined {
    const chain = this.chains.get(id);
    if (!chain || amount !== BigInt(chain.n) * chain.unit - chain.credited - chain.refunded) return undefined;
    this.#end(id, chain, amount, true);
    return chain;
  }

  #buy(o: v.InferOutput<typeof paywordBuyOrder>, r: v.InferOutput<typeof paywordBuyResult>) {
    const { anchor, unit, cur } = o;
    const { id, n } = anchor;
    const account = `user:${o.from}`;
    if (this.chains.has(id)) this.#odd('chain', id, 'a chain that is sold once');
    const blank = { next: 1, tickets: 0n, credited: 0n, refunded: 0n, closed: false, deals: [] };
    this.chains.set(id, { account, cur, unit, n, anchor: canonicalJson(anchor), ...blank, exp: r.chain.exp });
    const price = BigInt(n) * unit;
    const sums = new Map([
      [`${account}||${cur}`, -price],
      [`float:chain|${id}|${cur}`, price],
    ]);
    return { kind: 'payword-buy', ref: id, sums };
  }

  #allot(o: v.InferOutput<typeof paywordTicketsOrder>, { ticket }: v.InferOutput<typeof paywordTicketsResult>): void {
    const chain = this.chains.get(o.chainId);
    const { from, to, vnd, unit } = ticket;
    const good =
      chain &&
      chain.account === `user:${o.from}` &&
      from === o.first &&
      to === o.last &&
      vnd === o.vnd &&
      BigInt(unit) === chain.unit &&
      canonicalJson(ticket.chain) === chain.anchor &&
      from >= chain.next &&
      to <= chain.n;
    if (!good) {
      this.#odd('chain', o.chainId, 'a range that nobody else has');
      return;
    }
    Object.assign(chain, { next: to + 1, tickets: chain.tickets + 1n });
    const deal = dealOfTicket(ticket, this.#termsNow().feeBps);
    const session = objectHash(ticket, this.#crypto);
    chain.deals.push(session);
    this.deals.set(session, deal);
  }

  #redeem(evidence: Evidence, o: v.InferOutput<typeof paywordRedeemOrder>, r: Redemption) {
    const { vnd, from, rid, prev } = o;
    const hash = objectHash(evidence.order, this.#crypto);
    const last = this.#last.get(vnd) ?? { n: 0n, hash: '' };
    const { credited, fee } = r.redemption;
    if (prev !== last.hash || r.redemption.batch !== hash)
      this.#odd('payword_batch', hash, 'the batch after the last one');
    this.#last.set(vnd, { n: last.n + 1n, hash });
    this.batches.set(hash, { hash, vnd, n: last.n + 1n, prev, from_key: from, rid, credited, fee });
    const sums = new Map([
      [`vendor:${vnd}||${r.cur}`, credited],
      [`fees||${r.cur}`, fee],
    ]);
    let fees = 0n;
    for (const [n, claim] of o.claims.entries()) {
      const line = r.sessions[n];
      const { session, cum } = claim;
      if (line?.session !== session) this.#odd('stored_order', hash, 'an answer for each claim');
      const known = this.deals.get(session);
      const why = line?.alarm;
      if (why !== undefined && !PLAIN.has(why)) {
        const deed = this.#deedOf(known, claim, why);
        const text = deed === undefined ? '' : canonicalJson(deed);
        this.alarms.set(`${hash} ${n}`, { batch: hash, n: BigInt(n), vnd, session, cum, why, deed: text });
      }
      const increase = line?.credited ?? 0n;
      if (increase === 0n) continue;
      const deal = known ?? this.#newDeal(claim, vnd);
      if (!deal || deal.vnd !== vnd || deal.credited + increase > cum || deal.credited + increase > deal.claimable) {
        this.#odd('deal', session, 'no more paid than was promised to this site, claimed and not closed');
        continue;
      }
      if (known) deal.doc = shown(deal, claim);
      this.#show(deal, claim);
      const before = deal.credited;
      deal.credited += increase;
      fees += (deal.credited * deal.feeBps) / 10_000n - (before * deal.feeBps) / 10_000n;
      this.#bill(deal, increase, evidence.at);
      const payer = deal.chain === undefined ? `${deal.source}||${deal.cur}` : `float:chain|${deal.chain}|${deal.cur}`;
      sums.set(payer, (sums.get(payer) ?? 0n) - increase);
    }
    if (fees !== fee) this.#odd('payword_batch', hash, `a fee of ${fees}`);
    return { kind: 'payword-redeem', ref: `${vnd} ${hash}`, sums };
  }

  #bill(deal: Deal, increase: bigint, at: number): void {
    const chain = deal.chain === undefined ? undefined : this.chains.get(deal.chain);
    if (chain) chain.credited += increase;
    if (deal.chain === undefined) this.invoices.bill(deal, increase);
    const keys = deal.bounds.map(({ key }) => key);
    if (deal.chain === undefined) keys.push(`account:${deal.source}:${deal.cur}:${Math.floor(at / DAY_SECONDS)}`);
    for (const key of keys) this.used.set(key, (this.used.get(key) ?? 0n) + increase);
    for (const { key, limit } of deal.bounds) {
      if ((this.used.get(key) ?? 0n) > BigInt(limit)) this.#odd('bound_used', key, `at most ${limit}`);
    }
  }

  /** A commitment becomes a deal when it is first paid for. */
  #newDeal({ deed, session }: Claim, vnd: string): Deal | undefined {
    if (!deed || !('commitment' in deed)) return undefined;
    const known = this.certs.get(`${deed.commitment.sub} ${deed.cert.exp}`);
    if (!known || deed.commitment.vnd !== vnd || known.cert.vnd !== vnd) return undefined;
    const deal = dealOfCommitment(deed, { ...known, session, feeBps: this.#termsNow().feeBps }, this.#crypto);
    if (deal) this.deals.set(session, deal);
    return deal;
  }

  /** Hashes the claimed words down to the last ones known: what was paid for was shown. */
  #show(deal: Deal, { session, last }: Claim): void {
    for (const { a, i, w } of last) {
      const link = deal.links[a];
      if (!link || i > link.last || i < link.first) this.#odd('deal_chain', `${session} ${a}`, 'a word of the deal');
      if (!link || i <= link.hi) continue;
      if (wordBelow(w, link, { from: i, to: link.hi }, this.#crypto) !== link.word) {
        this.#odd('deal_chain', `${session} ${a}`, 'a word that leads to the one before');
      }
      Object.assign(link, { hi: i, word: w, yEnd: null });
    }
  }

  #deedOf(known: Deal | undefined, claim: Claim, why: string): Json | undefined {
    if (known) return shown(known, claim);
    const { deed } = claim;
    const refused = ['unknown', 'foreign', 'forged'].includes(why);
    return refused || !deed || !('commitment' in deed) ? deed : this.#withOurs(deed);
  }

  #withOurs(deed: Extract<Deed, { cert: Cert }>): Json {
    const ours = this.certs.get(`${deed.commitment.sub} ${deed.cert.exp}`);
    return { ...deed, cert: ours?.cert ?? deed.cert };
  }

  #close(evidence: Evidence, o: v.InferOutput<typeof paywordCloseOrder>, r: v.InferOutput<typeof paywordCloseResult>) {
    for (const { session, spent, last } of o.closings) {
      const deal = this.deals.get(session);
      if (!deal) continue;
      const chain = deal.chain === undefined ? undefined : this.chains.get(deal.chain);
      if ((chain?.account ?? deal.source) !== `user:${o.from}`) this.#odd('deal', session, 'a deal of who closes it');
      const [link] = deal.links;
      if (chain && link && !deal.closed && chain.next === link.last + 1) {
        const owed = link.first - 1 + Number((BigInt(spent) + link.unit - 1n) / link.unit);
        const seen = Math.max(owed, link.hi, link.first - 1, ...last.map(({ i }) => i));
        chain.next = Math.min(seen, link.last) + 1;
      }
      Object.assign(deal, { closed: true, claimable: BigInt(spent) });
    }
    const ref = o.chainId ?? '';
    const chain = this.chains.get(ref);
    const sums = new Map<string, bigint>();
    if (chain && o.rest === 'refund') {
      this.#end(ref, chain, r.refunded, evidence.at > chain.exp + WINDOW_SECONDS);
      sums.set(`user:${o.from}||${chain.cur}`, r.refunded).set(`float:chain|${ref}|${chain.cur}`, -r.refunded);
    } else if (r.refunded > 0n) this.#odd('chain', ref, 'no refund');
    return { kind: 'payword-close', ref, sums };
  }

  /** L3: price = credited + refunded + what open tickets can claim. */
  #end(id: string, chain: Chain, refunded: bigint, late: boolean): void {
    let held = 0n;
    for (const session of chain.deals) {
      const deal = this.deals.get(session);
      if (deal && late) deal.claimable = deal.credited;
      held += deal?.claimable ?? 0n;
    }
    Object.assign(chain, { closed: true, refunded: chain.refunded + refunded });
    const price = BigInt(chain.n) * chain.unit;
    if (chain.refunded + held !== price) this.#odd('chain', id, `a refund of ${price - held} in all`);
  }

  #poll({ vnd, sub, cur, amount }: v.InferOutput<typeof paywordPollOrder>, at: number): void {
    const newest = this.#newest.get(sub);
    if (!newest || newest.cert.vnd !== vnd || newest.cert.cur !== cur) return;
    if (at * 1000 > newest.cert.exp * 1000 + limits.clockSkewMs) return;
    const key = `${newest.account} ${cur}`;
    const day = BigInt(Math.floor(at / DAY_SECONDS));
    const { poll } = this.#termsNow();
    const before = this.polls.get(key);
    const guess = (before?.day === day ? before.guess : 0n) + (amount > poll ? amount : poll);
    this.polls.set(key, { day, guess: guess > limits.amountMax ? limits.amountMax : guess });
  }

  #termsNow(): TermsRow {
    const now = this.#terms.findLast(({ after }) => after < this.#number);
    if (now) return now;
    this.#odd('payword_terms', String(this.#number), 'terms for every order');
    return { after: 0, feeBps: 0n, poll: 1n };
  }

  #odd(table: string, row: string, expected: string): void {
    this.#findings.add({ table, row, expected, found: 'signed evidence of something else' });
  }
}

const told = (account: string, { balance, cur }: { balance: bigint; cur: string }) => ({ account, cur, balance });
