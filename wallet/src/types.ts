// The wallet's public shapes: what hosts (extension, command line, programs) give it and get from it.

import type { Currency, Description, Intent, Json, ProblemCode } from '@farthing/protocol';

// ── money ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export type BrokerInfo = {
  readonly brk: string;
  readonly url: string;
  readonly name: string;
  readonly test: boolean;
  readonly currencies: readonly Currency[];
  readonly faucetMicro?: bigint;
};

/** L5: bought + received = spent + `accountMicro` + `coinsMicro` + `cashMicro` + `heldMicro` − `owedMicro`. */
export type BrokerBalance = BrokerInfo & {
  readonly currency: Currency;
  /** At the broker, as of its last answer. */
  readonly accountMicro: bigint;
  /** Site coins in this wallet that can be spent now. */
  readonly coinsMicro: bigint;
  /** Coins of this broker in this wallet, which are good everywhere and tell nobody whose they are. */
  readonly cashMicro: bigint;
  /** Set aside for payments whose outcome is not known yet. */
  readonly heldMicro: bigint;
  /** Spent on credit: what the broker billed beyond the account, and what it has not billed yet. */
  readonly owedMicro: bigint;
  /** From then on what is owed is overdue, as the broker said last. */
  readonly dueAtMs?: number;
  /** How much the broker lends, as it said last. */
  readonly lineMicro?: bigint;
};

/** Limits of promises in base units; `perDayMicro` counts from midnight UTC. */
export type CreditInfo = {
  readonly on: boolean;
  readonly perDayMicro: bigint;
  readonly promisedTodayMicro: bigint;
};
export type Balance = {
  readonly totalMicro: bigint;
  readonly currency: Currency;
  readonly brokers: readonly BrokerBalance[];
};

// ── rules ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Mode = 'auto' | 'ask' | 'never';
/** Limits in base units. `perDayMicro` counts from midnight UTC. */
export type Rule = { readonly mode: Mode; readonly perPageMicro: bigint; readonly perDayMicro: bigint };
export type SiteRule = Rule & {
  readonly origin: string;
  readonly spentTodayMicro: bigint;
  readonly lastPaidAtMs?: number;
  readonly changedAtMs: number;
};

export type Prefer = 'cheapest' | 'private';

/** Over all sites. `newSites` is the mode of sites without a rule of their own. */
export type Budget = {
  readonly perDayMicro: bigint;
  readonly spentTodayMicro: bigint;
  readonly newSites: 'ask' | 'auto';
  readonly newSitesUpToMicro: bigint;
  readonly pausedUntilMs: number | 'resumed' | undefined;
  /** Which money goes first, where a site takes several kinds: what costs the least, or what tells the least. */
  readonly prefer: Prefer;
};

// ── paying ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A request that was answered with 402, or is about to be sent. */
export type Ask = {
  readonly url: string;
  /** HTTP method. */
  readonly method: string;
  /** Origin of the page that the person sees; budgets are kept by it. For a program: the origin of `url`. */
  readonly site: string;
  /** Values of WWW-Authenticate, all lines, as received from `url` itself (not after a cross-origin redirect). */
  readonly challenges: readonly string[];
  /** RFC 9530 digest of the request body, when it has one. */
  readonly digest?: string;
  /**
   * `false`: pay a single charge where one is offered, for pages and their elements: in a session the same address again
   * is another purchase, while a page that was paid by a charge is read again for nothing. A stream is a session anyway.
   */
  readonly sessions?: boolean;
  /** Only money of these kinds, by method name. */
  readonly methods?: readonly string[];
  /** Digest of sealed goods (`ct` of their offer) that were fetched whole and compared: nothing else sealed is paid for. */
  readonly goods?: string;
};

/** What a person decides about. Amounts in base units. */
export type Offer = {
  readonly challengeId: string;
  readonly method: string;
  readonly intent: Intent;
  readonly origin: string;
  readonly url: string;
  readonly vnd: string;
  /** Of a stream: the price of one unit. */
  readonly amountMicro: bigint;
  readonly currency: Currency;
  /** What the site counts, such as `second`, cleaned like its description. */
  readonly unit?: string;
  /** How many of them this request takes; absent for a stream. */
  readonly units?: number;
  /** Units are paid while they come: the limit of a page, or the approval, bounds their sum. */
  readonly stream?: true;
  /** The site's own words, cleaned and cut to 120 characters; never beside the price. */
  readonly description?: string;
  readonly broker: { readonly brk: string; readonly name: string; readonly test: boolean };
  readonly expiresAtMs: number;
  readonly balanceAfterMicro: bigint;
  /** Message keys of the method: kind of money, who learns what. */
  readonly says: Description;
  /** Prefilled limits for this site (screens §2.3): page = 5 × price rounded up to 1-2-5, at least 0.01; day = 50 × that. */
  readonly suggested: Rule;
};

/**
 * `pay`: a rule allows it. `again`: this was paid before, the same credential reads it free. `ask`: a person must
 * decide, for `reason`. `refuse`: not even a person can (no usable offer, unvouched site, no money, never, paused).
 */
export type Decision =
  | { readonly kind: 'pay'; readonly offer: Offer; readonly rule: string }
  | { readonly kind: 'again'; readonly payment: Payment }
  | {
      readonly kind: 'ask';
      readonly reason: ProblemCode;
      readonly offer: Offer;
      /** Its site has just refused a payment for this, and that it took nothing is not proven. */
      readonly refused?: true;
    }
  | {
      readonly kind: 'refuse';
      readonly reason: ProblemCode;
      readonly offer?: Offer;
      readonly detail?: string;
      /** Addition: with `funds-short`, what a top-up has to bring. */
      readonly shortByMicro?: bigint;
    };

/**
 * A person's (or a rule's) yes to one offer; `maxMicro` is the price that was shown. For a stream that a person or a flag
 * allows it is the most for all of its units; one that a rule allows is bounded by the rule.
 */
export type Approval = {
  readonly challengeId: string;
  readonly maxMicro: bigint;
  readonly by: 'person' | 'rule' | 'flag';
  readonly rule?: Rule;
};

/** Ready to send: debited, written down, its money held. */
export type Payment = {
  readonly id: string;
  readonly url: string;
  readonly method: string;
  readonly header: { readonly name: 'Authorization' | 'Payment-Authorization'; readonly value: string };
  readonly amountMicro: bigint;
  readonly currency: Currency;
  /** True when it was paid before and is only shown again. */
  readonly repeat: boolean;
  /** More will be due while it comes: `runMeter` pays on. */
  readonly stream?: true;
  /** Of a stream: the price of one unit. The first payment may be more, by what the session was paid ahead. */
  readonly unitMicro?: bigint;
};

/** One vocabulary for code, screens, command line and CSV. */
export type PaymentState = 'pending' | 'paid' | 'failed_not_charged' | 'paid_not_delivered' | 'refunded';

export type PaymentRecord = {
  readonly id: string;
  readonly kind: 'payment' | 'top_up' | 'purchase' | 'refund';
  readonly state: PaymentState;
  readonly atMs: number;
  readonly site?: string;
  readonly url?: string;
  readonly method?: string;
  /** Of a stream: what the site has taken so far. */
  readonly amountMicro: bigint;
  readonly currency: Currency;
  /** Of a stream: how many of what it has delivered. */
  readonly units?: number;
  readonly unit?: string;
  readonly brk?: string;
  readonly brokerName?: string;
  readonly test?: boolean;
  /** Why it was allowed: a rule's text or `person`. */
  readonly why?: string;
  /**
   * Why by this method: the `only` one that there is money for, `cheapest` or `private` as the person prefers, `goods` because
   * its broker gives money back for wrong ones, `asked` for by the person or program, `instead` of one that the site refused.
   */
  readonly chosen?: 'only' | Prefer | 'goods' | 'asked' | 'instead';
  readonly reference?: string;
  readonly receipt?: Json;
  readonly code?: ProblemCode;
  readonly says?: Description;
  /** Money of all kinds after it, when known. */
  readonly balanceAfterMicro?: bigint;
  /** Addition: face value of a coin that was lost with this payment, because the site says it was spent elsewhere. */
  readonly lostMicro?: bigint;
};

/** The parts of the site's answer that decide a payment. */
export type SiteAnswer = {
  readonly status: number;
  /** Value of Payment-Receipt, if any. */
  readonly receipt?: string;
  /** `Payment-Consumed: ?0`: the site says that this answer cost nothing. */
  readonly spared?: boolean;
  /** Value of Payment-Meter, if any: where a stream stands. */
  readonly meter?: string;
  /** Values of WWW-Authenticate: a fresh challenge for the next page. */
  readonly challenges?: readonly string[];
  /** Members of a problem body, when the host could read it. */
  readonly problem?: { readonly code?: string; readonly consumed?: unknown };
};

/** What the broker says of goods that it was shown, and what it gave back for them. */
export type Disputed = {
  readonly verdict: 'as-promised' | 'differs' | 'unreadable';
  readonly refundedMicro: bigint;
  readonly record: PaymentRecord;
};

export type Settled = {
  readonly record: PaymentRecord;
  readonly outcome: 'paid' | 'not_charged' | 'unknown';
  /** Of a stream, where the answer told it. */
  readonly meter?: MeterReading;
};

/** What the site says of a session: base units taken and paid ahead, and whether a stream of it is being delivered. */
export type MeterReading = {
  readonly spentMicro: bigint;
  readonly remainingMicro: bigint;
  readonly running: boolean;
};

// ── additions ───────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Money at a site that sells by the unit. `new`: the site has not confirmed a payment of it yet; `ended`: the site takes
 * no more of it, and what is left returns when it expires.
 */
export type SessionInfo = {
  readonly origin: string;
  readonly vnd: string;
  readonly brk: string;
  readonly method: string;
  readonly currency: Currency;
  readonly leftMicro: bigint;
  /** On credit: nothing returns when it ends. */
  readonly credit?: true;
  readonly expiresAtMs: number;
  readonly state: 'new' | 'open' | 'ended';
};

/** What `recover()` did: broker orders and coin moves that it brought to an end, and those that still wait. */
export type Recovered = { readonly finished: number; readonly open: number };

/** Law L5 for one broker; `driftMicro` is 0 or money was lost or made. */
export type Conservation = {
  readonly brk: string;
  readonly toppedUpMicro: bigint;
  /** What the broker paid in otherwise, such as what was left of expired coins; negative when it took. */
  readonly receivedMicro: bigint;
  readonly spentMicro: bigint;
  readonly accountMicro: bigint;
  readonly coinsMicro: bigint;
  readonly cashMicro: bigint;
  readonly heldMicro: bigint;
  /** Promises on credit that are still good, and what was spent of others and is not billed. */
  readonly lentMicro: bigint;
  readonly driftMicro: bigint;
};
