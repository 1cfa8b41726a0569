// The map of the extension: every message, who may send it, its shape, and what comes back.
// `page`: the extension's own pages. `content`: scripts of ours inside a website, which get no privileged command.
import type { PaymentRecord, Settled, SiteRule } from '@farthing/wallet';
import * as v from 'valibot';
import { type CoinAnswers, coinMessages } from './coin-messages.ts';
import { type GoodsAnswers, goodsMessages } from './goods-messages.ts';
import { type PasswordAnswers, passwordMessages } from './password-messages.ts';
import type { Ahead } from './pattern.ts';
import { amount, id, none, url } from './shapes.ts';
import type { ApprovalView, Snapshot } from './view.ts';

const origin = v.pipe(
  v.string(),
  v.maxLength(300),
  v.check((text) => !text.includes('*') && URL.canParse(text) && new URL(text).origin === text, 'an origin'),
);
const mode = v.picklist(['auto', 'ask', 'never']);
const rule = v.strictObject({ mode, perPageMicro: amount, perDayMicro: amount });
const method = v.pipe(v.string(), v.regex(/^[A-Z]{1,16}$/));
const nonce = v.pipe(v.string(), v.regex(/^farthing-[0-9a-f-]{36}$/));
const digest = v.pipe(v.string(), v.regex(/^sha-256=:[A-Za-z0-9+/]{43}=:$/));
/** It becomes the value of a header. */
const lastEventId = v.pipe(v.string(), v.regex(/^[\x20-\x7e]{1,1024}$/));

const map = {
  // ── from our pages ──
  start: { from: 'page', shape: none },
  connectBroker: { from: 'page', shape: v.strictObject({ url }) },
  topUp: {
    from: 'page',
    shape: v.strictObject({
      amountMicro: v.optional(amount),
      voucher: v.optional(v.pipe(v.string(), v.maxLength(128))),
    }),
  },
  openDemo: { from: 'page', shape: none },
  refresh: { from: 'page', shape: none },
  approval: { from: 'page', shape: v.strictObject({ id }) },
  approve: { from: 'page', shape: v.strictObject({ id, challengeId: id, maxMicro: amount, rule: v.optional(rule) }) },
  decline: { from: 'page', shape: v.strictObject({ id, never: v.optional(v.boolean()) }) },
  ask: { from: 'page', shape: v.strictObject({ tabId: v.number() }) },
  nextApproval: { from: 'page', shape: none },
  cancel: { from: 'page', shape: v.strictObject({ tabId: v.number() }) },
  check: { from: 'page', shape: v.strictObject({ tabId: v.number() }) },
  retry: { from: 'page', shape: v.strictObject({ tabId: v.number() }) },
  setRule: { from: 'page', shape: v.strictObject({ origin, rule }) },
  forgetSite: { from: 'page', shape: v.strictObject({ origin }) },
  pause: { from: 'page', shape: v.strictObject({ until: v.picklist(['hour', 'today', 'resumed']) }) },
  resume: { from: 'page', shape: v.strictObject({ tabId: v.optional(v.number()) }) },
  setBudget: {
    from: 'page',
    shape: v.strictObject({
      perDayMicro: amount,
      newSites: v.picklist(['ask', 'auto']),
      newSitesUpToMicro: amount,
      prefer: v.picklist(['cheapest', 'private']),
    }),
  },
  history: {
    from: 'page',
    shape: v.strictObject({ limit: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(500)) }),
  },
  record: { from: 'page', shape: v.strictObject({ id }) },
  sites: { from: 'page', shape: none },
  exportCsv: { from: 'page', shape: none },
  stopStream: { from: 'page', shape: v.strictObject({ tabId: v.number() }) },
  raiseStream: { from: 'page', shape: v.strictObject({ tabId: v.number(), limitMicro: amount }) },
  playAgain: { from: 'page', shape: v.strictObject({ tabId: v.number() }) },
  refund: { from: 'page', shape: v.strictObject({ origin }) },
  ...coinMessages,
  ...passwordMessages,
  ...goodsMessages,
  // ── from content scripts: the site they speak for is the sender's, never a member ──
  hello: { from: 'content', shape: none },
  preempt: { from: 'content', shape: v.strictObject({ url }) },
  payFetch: {
    from: 'content',
    shape: v.strictObject({
      url,
      method,
      /** `ahead`: not yet sent; `asked`: answered with 402; `refused`: so was its payment (`nonce`); `ended`: that one's session is over. */
      step: v.picklist(['ahead', 'asked', 'refused', 'ended']),
      kind: v.picklist(['script', 'events', 'image', 'media']),
      /** A player that nobody plays yet. */
      idle: v.optional(v.boolean()),
      nonce: v.optional(nonce),
      digest: v.optional(digest),
      lastEventId: v.optional(lastEventId),
    }),
  },
} as const;

/** What the site's script may know: whether this document is being paid, and which paths can be paid ahead. */
export type Hello = { readonly paying: boolean; readonly ahead: readonly Ahead[] };
/** `nonce`: the fragment that makes one repeat of the request a paid one; of `ended`: the same, if that is true. */
export type PaidFetch = {
  readonly nonce?: string | undefined;
  readonly ahead?: readonly Ahead[];
  /** It costs by the unit: to be asked for again when it is played. */
  readonly onPlay?: boolean;
};

export type Answers = CoinAnswers &
  PasswordAnswers &
  GoodsAnswers & {
    start: undefined;
    connectBroker: undefined;
    topUp: undefined;
    openDemo: boolean;
    refresh: Snapshot;
    approval: ApprovalView | undefined;
    approve: Settled['outcome'] | 'sent';
    decline: undefined;
    ask: ApprovalView | undefined;
    nextApproval: ApprovalView | undefined;
    cancel: undefined;
    check: undefined;
    retry: undefined;
    setRule: undefined;
    forgetSite: undefined;
    pause: undefined;
    resume: undefined;
    setBudget: undefined;
    history: readonly PaymentRecord[];
    record: PaymentRecord | undefined;
    sites: readonly SiteRule[];
    exportCsv: string;
    stopStream: undefined;
    raiseStream: undefined;
    playAgain: undefined;
    refund: { readonly creditedMicro: bigint };
    hello: Hello;
    preempt: boolean;
    payFetch: PaidFetch;
  };

export type MessageName = keyof typeof map;
export type MessageBody<Name extends MessageName> = v.InferOutput<(typeof map)[Name]['shape']>;
export type PageMessage = {
  [Name in MessageName]: (typeof map)[Name]['from'] extends 'page' ? Name : never;
}[MessageName];
/** As it is sent: amounts are text. */
export type MessageInput<Name extends MessageName> = v.InferInput<(typeof map)[Name]['shape']>;

/** Who sent a message, as the browser says it. */
export type Sender = {
  readonly id?: string | undefined;
  readonly url?: string | undefined;
  readonly origin?: string | undefined;
  readonly tabId?: number | undefined;
  readonly frameId?: number | undefined;
  readonly documentId?: string | undefined;
};

export type Decoded = {
  [Name in MessageName]: { name: Name; body: MessageBody<Name>; from: 'page' | 'content' };
}[MessageName];

/**
 * A message that its sender may send and that has its shape, or `undefined`.
 * `self` is the extension's own id and origin (`chrome-extension://…`).
 */
export function decodeMessage(raw: unknown, sender: Sender, self: { id: string; origin: string }): Decoded | undefined {
  const envelope = v.safeParse(v.strictObject({ name: v.string(), body: v.unknown() }), raw);
  if (!envelope.success || sender.id !== self.id) return undefined;
  const { name, body } = envelope.output;
  if (!isName(name)) return undefined;
  const { from, shape } = map[name];
  if (from !== senderKind(sender, self)) return undefined;
  const decoded = v.safeParse(shape, body, { abortEarly: true });
  return decoded.success ? ({ name, body: decoded.output, from } as Decoded) : undefined;
}

const isName = (name: string): name is MessageName => Object.hasOwn(map, name);

/** A content script runs in a tab, in a document that is not ours. */
function senderKind(sender: Sender, self: { origin: string }): 'page' | 'content' | undefined {
  const url = sender.url ?? '';
  if (url === self.origin || url.startsWith(`${self.origin}/`)) return 'page';
  return sender.tabId !== undefined && /^https?:\/\//.test(url) ? 'content' : undefined;
}

/** One for every message. */
export type Handlers = {
  [Name in MessageName]: (body: MessageBody<Name>, sender: Sender) => Promise<Answers[Name]>;
};
