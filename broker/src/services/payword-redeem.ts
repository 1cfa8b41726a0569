// Paying sites for words: cumulative claims per session, in hash-linked batches, with bounded work. An overclaim is not
// paid beyond the honest sum, and kept with the deed so that a third party can judge it.
import { type Currency, canonicalJson, type JsonObject, limits, PaymentProblem, parseJson } from '@farthing/protocol';
import { payword, type paywordRedeemOrder } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { account, type Posting } from '../ledger/journal.ts';
import { type KnownDeal, onChain, type PaywordAlarm } from '../ledger/payword.ts';
import { dayOf, roomOf } from './payword-credit.ts';
import { redemptionOf } from './redemption.ts';
import { secondsOf } from './seconds.ts';
import type { OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

type Claim = v.InferOutput<typeof paywordRedeemOrder>['claims'][number];

/** @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`, `batch-conflict`, `request-malformed` */
export function redeem(batch: v.InferOutput<typeof paywordRedeemOrder>, step: OrderStep): JsonObject {
  const { ledger, env, signed } = step;
  const { from, rid, vnd, prev } = batch;
  ownVendor(vnd, from, ledger);
  const last = ledger.payword.lastBatch(vnd);
  if (prev !== last.hash) throw new PaymentProblem('batch-conflict', { members: { prev: last.hash } });
  const hash = env.crypto.hashText(signed);
  gatherDeals(batch.claims, step);
  const settlement = new Settlement(vnd, step);
  batch.claims.forEach((claim, n) => {
    settlement.take(claim, n);
  });
  const { credited, fee, cur, alarms } = settlement;
  const row = { hash, vnd, n: last.n + 1, prev, from, rid, credited, fee };
  ledger.payword.addBatch(row, alarms);
  const { postings, overdraft } = settlement.booking();
  if (postings.length > 0) {
    // Customers who are billed read which site it was.
    const entry = { atMs: env.nowMs, kind: 'payword-redeem', ref: `${vnd} ${hash}`, order: { from, rid } };
    ledger.journal.post({ ...entry, postings, overdraft });
  }
  return { ...redemptionOf(row, cur, step), sessions: settlement.sessions };
}

/** What the claims will ask for. */
function gatherDeals(claims: readonly Claim[], step: Step): void {
  const { payword: deals, credit, journal, gather } = step.ledger;
  gather(() => {
    for (const { session, deed } of claims) {
      deals.gatherDeal(session);
      if (deed && 'commitment' in deed) credit.cert(deed.commitment.sub, deed.cert.exp);
    }
  });
  gather(() => {
    const known = claims.flatMap(({ session }) => deals.deal(session)?.deal ?? []);
    for (const { source, funding, bounds, cur, vnd } of known) {
      for (const name of [account.chains, account.vendor(vnd), account.fees]) journal.balance(name, cur);
      for (const { key } of bounds) deals.used(key);
      if (funding === 'prepaid') deals.chain(source);
      else roomOf(source, cur, step);
    }
  });
}

/** One batch, claim by claim. It is in one currency, that of the first deal known: its sums are one number. */
class Settlement {
  credited = 0n;
  fee = 0n;
  cur: Currency = 'usd-micro';
  readonly alarms: PaywordAlarm[] = [];
  readonly sessions: JsonObject[] = [];
  readonly #vnd: string;
  readonly #step: Step;
  readonly #floats: Posting[] = [];
  /** Billed in this batch, by account: the ledger learns of it at the end. */
  readonly #billed = new Map<string, bigint>();
  #hashes = 0;
  #known = false;

  constructor(vnd: string, step: Step) {
    this.#vnd = vnd;
    this.#step = step;
  }

  take(claim: Claim, n: number): void {
    const { session, cum, deed } = claim;
    const { known, isNew } = this.#deal(claim);
    if (typeof known === 'string') {
      this.alarms.push({ n, session, cum, why: known, deed: deed === undefined ? '' : canonicalJson(deed) });
      this.sessions.push({ session, credited: '0', alarm: known });
      return;
    }
    if (this.#known && known.deal.cur !== this.cur) {
      throw new PaymentProblem('request-malformed', { detail: `claims.${n}: expected a session in ${this.cur}` });
    }
    this.#known = true;
    this.cur = known.deal.cur;
    if (!this.#mayHash(known, claim)) {
      this.sessions.push({ session, credited: '0', later: true });
      return;
    }
    const { paid, later } = this.#pay(known, claim);
    const increase = paid.credit + paid.fee;
    if (increase > 0n) {
      const after = { ...known, deal: paid.deal, doc: shownDeed(known, claim) };
      if (isNew) this.#step.ledger.payword.addDeal(after);
      else this.#step.ledger.payword.setDeal(after, known.deal);
      this.#credit(paid);
    }
    const { alarm } = paid;
    if (alarm && alarm !== 'falling' && alarm !== 'late') {
      this.alarms.push({ n, session, cum, why: alarm, deed: shownDeed(known, claim) });
    }
    const told = { ...(alarm ? { alarm } : {}), ...(later ? { later } : {}) };
    this.sessions.push({ session, credited: increase.toString(), ...told });
  }

  /** What the batch books. Customers on credit may fall below zero, down to their line. */
  booking(): { postings: Posting[]; overdraft: ReadonlyMap<string, bigint> } {
    const { cur, credited, fee } = this;
    // One line of a statement for each customer, however many sessions the batch claims.
    const billed = [...this.#billed].map(([name, sum]): Posting => ({ account: name, cur, amount: -sum }));
    const postings = [...this.#floats, ...billed];
    if (credited > 0n) postings.push({ account: account.vendor(this.#vnd), cur, amount: credited });
    if (fee > 0n) postings.push({ account: account.fees, cur, amount: fee });
    const line = (name: string) => this.#step.ledger.credit.line(name, cur)?.line ?? 0n;
    return { postings, overdraft: new Map([...this.#billed.keys()].map((name) => [name, line(name)])) };
  }

  #deal(claim: Claim): { known: KnownDeal | payword.ClaimAlarm; isNew: boolean } {
    const known = this.#step.ledger.payword.deal(claim.session);
    return known ? { known, isNew: false } : { known: this.#newDeal(claim), isNew: true };
  }

  #newDeal({ session, deed }: Claim): KnownDeal | payword.ClaimAlarm {
    const { ledger, env } = this.#step;
    if (!deed || !('commitment' in deed)) return 'unknown';
    const cert = ledger.credit.cert(deed.commitment.sub, deed.cert.exp);
    // Whoever has a day key can promise what its certificate says, and no more.
    if (cert && BigInt(deed.commitment.cap) > BigInt(cert.cert.limit)) return 'forged';
    const deal = payword.dealOf(deed, { cert, vnd: this.#vnd }, env);
    if (typeof deal === 'string') return deal;
    if (deal.session !== session || !cert) return 'foreign';
    // The certificate as it was issued: what the site sent beside it proves nothing.
    return { deal, feeBps: ledger.credit.terms().feeBps, doc: canonicalJson({ ...deed, cert: cert.cert }) };
  }

  /** The first claim is checked however long it is, so that none waits for ever: a deal has four chains at most. */
  #mayHash({ deal }: KnownDeal, claim: Claim): boolean {
    const work = payword.workOf(deal, claim);
    if (this.#hashes > 0 && this.#hashes + work > limits.redeemHashes) return false;
    this.#hashes += work;
    return true;
  }

  /** `later`: the customer owes all that the broker lends. What is missing can be claimed when that changes. */
  #pay({ deal, feeBps }: KnownDeal, claim: Claim): { paid: payword.Redeemed; later: boolean } {
    const { env, ledger } = this.#step;
    const { cum, last, deed } = claim;
    const y = deed && 'ticket' in deed ? deed.y : undefined;
    const asked = { vnd: this.#vnd, cum, last, ...(y === undefined ? {} : { y }) };
    const terms = { feeBps, used: ledger.payword.used };
    const paid = payword.redeem(deal, asked, terms, env);
    if (deal.funding === 'prepaid') return { paid, later: false };
    const room = roomOf(deal.source, deal.cur, this.#step) - (this.#billed.get(deal.source) ?? 0n);
    if (paid.credit + paid.fee <= room) return { paid, later: false };
    const { alarm } = paid;
    const part = payword.redeem(deal, { ...asked, cum: deal.credited + room }, terms, env);
    return { paid: { ...part, ...(alarm ? { alarm } : {}) }, later: true };
  }

  #credit({ deal, credit, fee }: payword.Redeemed): void {
    const { ledger, env } = this.#step;
    const increase = credit + fee;
    for (const { key } of deal.bounds) ledger.payword.use(key, increase);
    if (deal.funding === 'prepaid') {
      ledger.payword.creditChain(deal.source, increase);
      this.#floats.push(onChain({ id: deal.source, cur: deal.cur }, -increase));
    } else {
      ledger.payword.use(dayOf(deal.source, deal.cur, secondsOf(env.nowMs) * 1000), increase);
      this.#billed.set(deal.source, (this.#billed.get(deal.source) ?? 0n) + increase);
    }
    this.credited += credit;
    this.fee += fee;
  }
}

/** The deed as the broker knows it, with the word of the second lock that the site has shown. */
function shownDeed({ doc }: KnownDeal, { deed }: Claim): string {
  if (!deed || !('y' in deed) || deed.y === undefined) return doc;
  const shown = parseJson(doc);
  const isOpen = typeof shown !== 'object' || shown === null || !('ticket' in shown) || 'y' in shown;
  return isOpen ? doc : canonicalJson({ ...shown, y: deed.y });
}
