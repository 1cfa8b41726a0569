// What the worker shows to the pages: one snapshot, small enough for session storage, painted before anything is asked.

import type { Currency, ProblemCode } from '@farthing/protocol';
import type {
  Balance,
  Budget,
  FoundCoins,
  Offer,
  PasswordState,
  RestoreProgress,
  Rule,
  SiteRule,
} from '@farthing/wallet';

/**
 * `idle` asked nothing. `refused`: not even a person can say yes now, for `reason`. Of a stream: `streaming` while it is
 * paid on, `limited` when no more is paid, `stopped` by the person.
 */
export type TabState =
  | 'idle'
  | 'paying'
  | 'asking'
  | 'paid'
  | 'failed'
  | 'pending'
  | 'undelivered'
  | 'refused'
  | 'declined'
  | 'streaming'
  | 'limited'
  | 'stopped';

/** Where a stream of the page stands. Amounts in base units. */
export type StreamView = {
  readonly url: string;
  /** Name of a unit, in the site's own word. */
  readonly unit: string;
  readonly unitMicro: bigint;
  readonly units: number;
  readonly spentMicro: bigint;
  readonly limitMicro: bigint;
  /** Its request lives: a raised limit lets it go on. */
  readonly held: boolean;
};

/** What "Raise limit" makes of a limit: as much again as a page may cost. */
export const raised = ({ spentMicro, limitMicro }: StreamView): bigint => {
  const known = spentMicro > limitMicro ? spentMicro : limitMicro;
  return known + limitMicro;
};

/** One top-level document and the newest payment for it. Amounts in base units. */
export type TabView = {
  readonly tabId: number;
  readonly url: string;
  readonly origin: string;
  readonly state: TabState;
  readonly atMs: number;
  readonly amountMicro?: bigint;
  readonly currency?: Currency;
  readonly offer?: Offer;
  readonly reason?: ProblemCode;
  readonly detail?: string;
  readonly shortByMicro?: bigint;
  readonly paymentId?: string;
  readonly approvalId?: string;
  /** True when a rule paid it, false when a person did. */
  readonly automatic?: boolean;
  readonly repeat?: boolean;
  /** The newest stream of the page; `amountMicro` is what it has cost so far. */
  readonly stream?: StreamView;
};

/** What the person decides about, for the extension's own pages. */
export type ApprovalView = {
  readonly id: string;
  readonly tabId: number;
  readonly url: string;
  /** Origin of the page that the person sees. */
  readonly site: string;
  readonly title?: string;
  readonly reason: ProblemCode;
  readonly offer: Offer;
  /** The site's own rule, when it has one: a yes to this page leaves it as it is. */
  readonly rule?: Rule;
  readonly waiting: number;
};

/**
 * What a site sells sealed; digests are base64url. `paid`: it was paid before; `pay`: a rule would; `ask`: a person must.
 */
export type GoodsView = {
  readonly url: string;
  readonly site: string;
  /** The site's own name for it. */
  readonly item: string;
  readonly media: string;
  /** Bytes of what it is when it is open. */
  readonly size: number;
  readonly ct: string;
  readonly pt: string;
  /** Where the ciphertext lies. */
  readonly from: string;
} & ({ readonly state: 'paid' } | { readonly state: 'pay' | 'ask'; readonly offer: Offer });

/** Where a fresh wallet finds its first broker and article; written next to the build, never into it. */
export type Config = {
  readonly broker?: string;
  readonly demoArticle?: string;
  readonly surface: 'popup' | 'window';
};

/**
 * Coins are looked for: after a restore from words, or to see what another copy of the wallet has spent. `accountMicro`: what
 * a restore found at the broker. `code`: why it stopped.
 */
export type SearchView = {
  readonly kind: 'restore' | 'check';
  readonly state: 'running' | 'done' | 'failed';
  readonly progress?: RestoreProgress;
  readonly found?: FoundCoins & { readonly accountMicro?: bigint };
  readonly code?: ProblemCode;
};

export type Snapshot = {
  readonly version: 1;
  readonly ready: boolean;
  readonly config: Config;
  readonly balance?: Balance;
  readonly budget?: Budget;
  readonly tabs: Readonly<Record<string, TabView>>;
  readonly sites: Readonly<Record<string, SiteRule>>;
  readonly waiting: number;
  readonly search?: SearchView;
  readonly password?: PasswordState;
};
