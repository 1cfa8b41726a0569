// The wallet: the one class that hosts talk to. Each method is a file; this one only says what there is.
import type { SealedOffer } from '@farthing/protocol';
import type { ChequeEvidence } from '@farthing/protocol/wallet';
import type { TopUp } from './account.ts';
import { init, phraseOf, topUp } from './account.ts';
import { balance } from './balance.ts';
import { disputeGoods } from './cheques/dispute.ts';
import { chequeEvidence } from './cheques/evidence.ts';
import { invoices, proveInvoice } from './cheques/invoices.ts';
import { acceptPayment } from './choose.ts';
import type { Phrase, Restored } from './coin-types.ts';
import { Coins } from './coins/coins.ts';
import { type Restoring, restore } from './coins/restore.ts';
import { conservation } from './conservation.ts';
import { Context, toBrokerInfo } from './context.ts';
import { credit, setCredit } from './credit.ts';
import type { Doc } from './documents.ts';
import { FundingQueue } from './funding.ts';
import { type BoughtGoods, boughtGoods, savedGoods } from './goods/bought.ts';
import { sealedOffer } from './goods/look.ts';
import type { BilledPeriod, ProvenPeriod } from './invoice-types.ts';
import { exportCsv, history, record } from './journal.ts';
import { resolve } from './moves.ts';
import { Password } from './password.ts';
import { allowMore, fundStream, payOn } from './pay-on.ts';
import { decide, type Intended, pay, pending, preempt } from './paying.ts';
import type { WalletPorts } from './ports.ts';
import { sessions } from './sessions.ts';
import * as settings from './settings.ts';
import { settle, unsent } from './settle.ts';
import { listDocs } from './transaction.ts';
import type {
  Approval,
  Ask,
  Balance,
  BrokerInfo,
  Budget,
  Conservation,
  CreditInfo,
  Decision,
  Disputed,
  Payment,
  PaymentRecord,
  Recovered,
  Rule,
  SessionInfo,
  Settled,
  SiteAnswer,
  SiteRule,
} from './types.ts';
import { closeSessions, recover, refund, renewExpiring } from './upkeep.ts';

export class Wallet {
  readonly #ctx: Context;
  readonly #queue = new FundingQueue();
  /** Coins of brokers, which are good everywhere and tell nobody whose they are. */
  readonly coins: Coins;
  /** What the words, the account key and the secrets of coins are sealed under, where a person wants that. */
  readonly password: Password;

  private constructor(ctx: Context) {
    this.#ctx = ctx;
    this.coins = new Coins(ctx);
    this.password = new Password(ctx);
  }

  /** @throws {PaymentProblem} `storage-fault` */
  static async open(ports: WalletPorts): Promise<Wallet> {
    const ctx = new Context(ports);
    await ctx.load();
    return new Wallet(ctx);
  }

  // ── account and money ─────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Makes the account key if there is none, and adds a broker after checking its key list. Repeating it is harmless.
   * @throws {PaymentProblem} `insecure-origin`, `broker-unreachable`, `broker-untrusted`, `currency-unsupported`
   */
  init(options: { brokerUrl: string }): Promise<BrokerInfo> {
    return init(this.#ctx, { brokerUrl: options.brokerUrl });
  }

  /** From these words account and coins come back; in a wallet that began without them, its coins. @throws `no-account`, `wallet-locked` */
  async phrase(): Promise<Phrase> {
    this.#ctx.needFresh();
    return phraseOf(this.#ctx);
  }

  /**
   * An empty wallet becomes the one of this phrase: account, balance and every coin that was not spent, with progress.
   * Site coins and budgets are not in the words.
   * @throws {PaymentProblem} `payload-invalid`: no phrase, or the wallet is not empty; `broker-unreachable`, as `init`
   */
  restore(options: Restoring): Promise<Restored> {
    return restore(this.#ctx, options);
  }

  /** The account's public key, h32; `undefined` before `init`. */
  accountId(): string | undefined {
    return this.#ctx.account?.id;
  }

  /** The default broker first. */
  async brokers(): Promise<BrokerInfo[]> {
    return [...this.#ctx.brokers.values()].map(toBrokerInfo);
  }

  /**
   * Demo money or a voucher. A top-up that was begun and not answered is finished instead of made twice.
   * @throws {PaymentProblem} `no-account`, `faucet-closed`, `faucet-limit`, `voucher-unknown`, `voucher-used`,
   *   `broker-unreachable` (it is stored, and `recover()` finishes it)
   */
  topUp(options: TopUp): Promise<PaymentRecord> {
    return topUp(this.#ctx, options);
  }

  /**
   * As last known; with `refresh`, after asking the brokers. A broker that is away leaves its last known numbers.
   * @throws {PaymentProblem} `no-account`
   */
  balance(options: { refresh?: boolean } = {}): Promise<Balance> {
    return balance(this.#ctx, options.refresh ?? false);
  }

  /** Off until the person turns it on. */
  credit(): Promise<CreditInfo> {
    return credit(this.#ctx);
  }

  /**
   * With credit on, sites that take it are paid on credit: the broker bills what they claim. `perDayMicro` bounds what is
   * promised in a day, used or not.
   */
  setCredit(wish: { on: boolean; perDayMicro?: bigint }): Promise<void> {
    return setCredit(this.#ctx, wish);
  }

  /** Law L5, one entry a broker: every `driftMicro` is 0. */
  conservation(): Promise<Conservation[]> {
    return conservation(this.#ctx);
  }

  // ── paying ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * What this wallet pays with, as the value of `Accept-Payment`: what the person prefers first. `undefined` before `init`.
   * Sites that it is sent to learn that there is a wallet.
   */
  acceptPayment(options: { methods?: readonly string[] } = {}): Promise<string | undefined> {
    return acceptPayment(this.#ctx, options.methods);
  }

  /** What to do about a 402. Moves no money; asks the broker at most who the site is. */
  decide(ask: Ask): Promise<Decision> {
    return decide(this.#ctx, ask);
  }

  /**
   * Pays one offer of a 402: buys the site's coins if need be, then debits the budgets, sets a coin aside and stores the
   * credential in one step. The host sends it and reports what came to `settle`. Paying twice gives the same payment.
   * @throws {PaymentProblem} the rule, limit, offer or broker that stands in the way; nothing was debited then
   */
  pay(ask: Ask, approval: Approval): Promise<Payment> {
    return pay(this.#ctx, this.#queue, { ask, approval });
  }

  /**
   * Pays with the first request: with the challenge that came with an earlier paid answer, if the site's rule is
   * `auto`, its limits allow it and coins are in the purse; or shows a payment again whose page is still readable.
   * Never asks the network.
   */
  preempt(request: Intended): Promise<Payment | undefined> {
    return preempt(this.#ctx, request);
  }

  /**
   * Reports the site's answer to a payment that was sent.
   * `unknown` keeps the coin and the budget set aside: the same credential is to be presented again.
   * @throws {PaymentProblem} `not-found`
   */
  settle(paymentId: string, answer: SiteAnswer): Promise<Settled> {
    return settle(this.#ctx, paymentId, answer);
  }

  /**
   * The next word of a stream that was opened by this payment, for a HEAD to the same address: pays up to `units` more, as
   * many as the limits and the money allow. A word whose outcome is not known comes first, again. `runMeter` calls this.
   * @throws {PaymentProblem} the limit that is reached, `site-never`, `paused`, `funds-short`: nothing was debited;
   *   `not-found`: the stream is over
   */
  payOn(paymentId: string, options: { units: number }): Promise<Payment> {
    return payOn(this.#ctx, this.#queue, { id: paymentId, ...options });
  }

  /**
   * Buys what a stream will need next while it runs, so that it does not wait for the broker later.
   * @throws {PaymentProblem} as `pay`, for what could not be bought
   */
  fundStream(paymentId: string, options: { units: number }): Promise<void> {
    return fundStream(this.#ctx, this.#queue, { id: paymentId, ...options });
  }

  /** A person lets a stream cost up to `maxMicro` in all. @throws {PaymentProblem} `not-found` */
  allowMore(paymentId: string, options: { maxMicro: bigint }): Promise<void> {
    return allowMore(this.#ctx, paymentId, options.maxMicro);
  }

  /** The host knows that this payment was never sent: everything is given back. */
  unsent(paymentId: string): Promise<void> {
    return unsent(this.#ctx, paymentId);
  }

  /**
   * Finds out what became of a payment whose outcome is unknown, by giving its coin back to the site. For payments that
   * were presented again in vain.
   * @throws {PaymentProblem} `site-not-ready`, `release-invalid`, `broker-unreachable`: it stays unknown
   */
  resolve(paymentId: string): Promise<Settled> {
    return resolve(this.#ctx, paymentId);
  }

  /**
   * What a 402 sells sealed: fetch `url` whole, compare it with `ct`, and pay with `goods: ct`.
   * @throws {PaymentProblem} why nothing there can be paid
   */
  sealedOffer(ask: Ask): Promise<SealedOffer | undefined> {
    return sealedOffer(this.#ctx, ask);
  }

  /** What was bought sealed, newest first, with the keys that open it. Asks nobody. */
  boughtGoods(): Promise<BoughtGoods[]> {
    return boughtGoods(this.#ctx);
  }

  /** Remembers the file that the goods of a payment went into. */
  savedGoods(paymentId: string, file: string): Promise<void> {
    return savedGoods(this.#ctx, paymentId, file);
  }

  /** Goods that are not what was promised: shows the broker their ciphertext, which gives the money back if it sees the same. */
  dispute(paymentId: string, ciphertext: Blob): Promise<Disputed> {
    return disputeGoods(this.#ctx, paymentId, ciphertext);
  }

  /** The papers of a payment by cheque, for whoever is to judge who broke the protocol. Asks nobody. */
  papers(paymentId: string): Promise<ChequeEvidence> {
    return chequeEvidence(this.#ctx, paymentId);
  }

  /** Payments without a known outcome, oldest first: present them again. */
  pending(): Promise<Payment[]> {
    return pending(this.#ctx);
  }

  // ── journal ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Newest first. `before` is the id of the last record of the page before. */
  history(options: { limit?: number; before?: string; site?: string } = {}): Promise<PaymentRecord[]> {
    return history(this.#ctx, options);
  }

  record(id: string): Promise<PaymentRecord | undefined> {
    return record(this.#ctx, id);
  }

  exportCsv(): Promise<string> {
    return exportCsv(this.#ctx);
  }

  /**
   * What brokers billed, oldest first: each invoice signed, and following the one before.
   * @throws {PaymentProblem} `broker-untrusted`: one does not; `broker-unreachable`, `wallet-locked`
   */
  invoices(): Promise<BilledPeriod[]> {
    return invoices(this.#ctx);
  }

  /**
   * One invoice with those payments of this wallet that its broker shows to be on it, by Merkle proofs against its signed lines.
   * One question a payment.
   * @throws {PaymentProblem} `not-found`; `broker-untrusted`: it cannot show what it says; as `invoices`
   */
  proveInvoice(options: { brk: string; number: number }): Promise<ProvenPeriod> {
    return proveInvoice(this.#ctx, options);
  }

  /** What did not verify: lying answers and receipts, coins that a site called spent. */
  async evidence(): Promise<Doc<'evidence'>[]> {
    return (await listDocs(this.#ctx.store, 'evidence', 'evidence/')).map(({ doc }) => doc);
  }

  // ── rules ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  siteRules(): Promise<SiteRule[]> {
    return settings.siteRules(this.#ctx);
  }

  /** The rule in force: the site's own, or what the budget says of new sites (`changedAtMs` 0). */
  rule(origin: string): Promise<SiteRule> {
    return settings.rule(this.#ctx, origin);
  }

  /** @throws {PaymentProblem} `insecure-origin`, `origin-changed`: not the origin of a site that can be paid */
  setRule(origin: string, rule: Rule): Promise<void> {
    return settings.setRule(this.#ctx, origin, rule);
  }

  /** The site counts as new again. Receipts stay, and so does what it was paid today. */
  forgetSite(origin: string): Promise<void> {
    return settings.forgetSite(this.#ctx, origin);
  }

  budget(): Promise<Budget> {
    return settings.budget(this.#ctx);
  }

  setBudget(change: Partial<Pick<Budget, 'perDayMicro' | 'newSites' | 'newSitesUpToMicro' | 'prefer'>>): Promise<void> {
    return settings.setBudget(this.#ctx, change);
  }

  /** `forever`: until `resume()`. */
  pause(untilMs: number | 'forever'): Promise<void> {
    return settings.pause(this.#ctx, untilMs);
  }

  resume(): Promise<void> {
    return settings.resume(this.#ctx);
  }

  // ── moving coins, and mending ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Gives the free coins of a site (or of all) back, closes sessions, and cashes what they give to the account. Returns what it did; a step that
   * could not be taken now is in the record as `pending` and goes on with `recover()`.
   */
  refund(options: { vnd?: string; origin?: string } = {}): Promise<PaymentRecord[]> {
    return refund(this.#ctx, options);
  }

  /** Money at sites that sell by the unit. */
  sessions(): Promise<SessionInfo[]> {
    return sessions(this.#ctx);
  }

  /**
   * Closes the sessions of a site (or all): the site says what was used, and the broker returns the rest. A session with
   * a payment whose outcome is unknown stays; one that the site has ended returns when it expires.
   */
  closeSessions(options: { origin?: string } = {}): Promise<PaymentRecord[]> {
    return closeSessions(this.#ctx, options);
  }

  /** Exchanges coins that expire within this time for coins with a new life. */
  renewExpiring(withinMs: number): Promise<PaymentRecord[]> {
    return renewExpiring(this.#ctx, withinMs);
  }

  /** Finishes what was begun and not ended: broker orders (the same bytes), refunds, renewals; drops what has expired. */
  recover(): Promise<Recovered> {
    return recover(this.#ctx);
  }

  /** Calls `listener` after each change. Returns what ends it. */
  subscribe(listener: () => void): () => void {
    return this.#ctx.subscribe(listener);
  }
}
