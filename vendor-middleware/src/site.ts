// One site at run time: what every part of the middleware needs to know of it.
import type { BindingSecrets, Env } from '@farthing/protocol';
import type { Approvals } from './approvals.ts';
import type { Bells } from './bells.ts';
import type { Challenges } from './challenges.ts';
import type { Crashed } from './crashed.ts';
import type { Figures } from './figures.ts';
import type { Flights } from './flights.ts';
import type { Goods } from './goods/goods.ts';
import type { Method } from './methods.ts';
import type { Owner } from './owner.ts';
import type { Payloads } from './payloads.ts';
import type { Questions } from './questions.ts';
import type { Readiness } from './readiness.ts';
import type { Redeemers } from './redeemers.ts';
import type { Serials } from './serials.ts';
import type { Problem } from './setup-error.ts';
import type { VendorStore } from './store/port.ts';

export type Site = {
  /** Registered name: realm and recipient of every challenge. From configuration, never from a request. */
  readonly vnd: string;
  readonly name: string;
  readonly api: string;
  readonly broker: {
    readonly id: string;
    readonly url: string;
    readonly name: string;
    /** Its page for people without a wallet. */
    readonly pay?: string | undefined;
  };
  /** As registered: `loopback`, or web origins. */
  readonly origins: readonly string[];
  readonly test: boolean;
  readonly secrets: BindingSecrets;
  readonly challenges: Challenges;
  readonly quotaKey: Uint8Array;
  readonly methods: readonly Method[];
  readonly store: VendorStore;
  readonly serials: Serials;
  readonly flights: Flights;
  readonly readiness: Readiness;
  readonly figures: Figures;
  readonly bells: Bells;
  /** Of the streams that run in this process. */
  readonly meters: Set<{ leave(): Promise<void> }>;
  readonly questions: Questions;
  readonly approvals: Approvals;
  readonly payloads: Payloads;
  readonly goods: Goods;
  readonly crashed: Crashed;
  readonly redeemer: Redeemers;
  readonly owner: Owner;
  readonly reservationMs: number;
  readonly env: () => Env;
  /** Learns licences and keysets that another process of the site was given. At most once a second. */
  reload(): Promise<void>;
  tell(problem: Problem): void;
  /** Called with the first answer that asks for money. */
  firstAsk(): void;
};
