// What the wallet stores: every key, its shape, and how it is read back. A document that does not decode stops the
// wallet (`storage-fault`): corrupt storage must not be spent from.
import { decode, type Json, PaymentProblem } from '@farthing/protocol';
import * as v from 'valibot';
import { coinKeys, coinSchemas } from './coins/documents.ts';
import { anyJson, anyObject, micro, ms, storedChallenge, text } from './stored.ts';
import { accountSchema } from './vault.ts';

const currency = v.picklist(['usd-micro', 'eur-micro']);

const ruleSchema = v.object({
  mode: v.picklist(['auto', 'ask', 'never']),
  perPageMicro: micro,
  perDayMicro: micro,
});

const coinSchema = v.object({
  piece: anyJson,
  micro,
  expiresAtMs: ms,
  /** The payment or coin move that has set this coin aside. */
  holder: v.exactOptional(text),
  /** The site takes no more of it. */
  ended: v.exactOptional(v.boolean()),
  /** Its session cannot be closed at the site: the rest returns when the chain ends. */
  shut: v.exactOptional(v.boolean()),
  /** Another copy of this wallet pays from it. */
  shared: v.exactOptional(v.boolean()),
  /** A promise that the broker bills, and no money of ours. */
  credit: v.exactOptional(v.boolean()),
  /** Set aside by a stream, which has its session for itself until it ends. */
  stream: v.exactOptional(v.boolean()),
  /** Of a session: where it was paid last, and with which challenge, so that it can be closed. */
  last: v.exactOptional(v.object({ challenge: storedChallenge, url: text, httpMethod: text })),
});

const recordSchema = v.object({
  id: text,
  kind: v.picklist(['payment', 'top_up', 'purchase', 'refund']),
  state: v.picklist(['pending', 'paid', 'failed_not_charged', 'paid_not_delivered', 'refunded']),
  atMs: ms,
  site: v.exactOptional(text),
  url: v.exactOptional(text),
  method: v.exactOptional(text),
  amountMicro: micro,
  currency,
  /** Of a stream: how many of what it has delivered. */
  units: v.exactOptional(v.number()),
  unit: v.exactOptional(text),
  brk: v.exactOptional(text),
  brokerName: v.exactOptional(text),
  test: v.exactOptional(v.boolean()),
  why: v.exactOptional(text),
  chosen: v.exactOptional(v.picklist(['only', 'cheapest', 'private', 'goods', 'asked', 'instead'])),
  reference: v.exactOptional(text),
  receipt: v.exactOptional(anyJson),
  code: v.exactOptional(text),
  says: v.exactOptional(v.object({ kind: text, siteLearns: text, brokerLearns: text })),
  balanceAfterMicro: v.exactOptional(micro),
  lostMicro: v.exactOptional(micro),
});

/** A stream is one payment that grows: `coin` and `header` are those of the word that was shown last. */
const streamSchema = v.object({
  /** Of one unit. */
  priceMicro: micro,
  /** Units and base units that the last word paid for. */
  units: v.number(),
  lastMicro: micro,
  /** All that the site may take for this stream so far. */
  grantedMicro: micro,
  by: v.picklist(['person', 'rule', 'flag']),
  /** Total that a person or a flag allowed. */
  mostMicro: micro,
  /** What the site had taken in this session before. */
  baseMicro: micro,
  /** The header that the site acknowledged last. */
  known: v.exactOptional(text),
  /** It has ended, and what was not used is back. */
  over: v.boolean(),
});

/** What a payment needs beside its record to be sent, sent again and settled. */
const sendingSchema = v.object({
  /** `held`: written, perhaps sent. `unknown`: sent, and the answer did not tell the outcome. */
  phase: v.picklist(['held', 'unknown']),
  httpMethod: text,
  digest: text,
  challenge: storedChallenge,
  header: v.object({ name: v.picklist(['Authorization', 'Payment-Authorization']), value: text }),
  coin: coinSchema,
  /** Text that the credential refers to: the site gets it before. */
  posted: v.exactOptional(text),
  purse: text,
  /** UTC day whose budgets were debited. */
  day: v.number(),
  again: text,
  preempted: v.boolean(),
  /** A 2xx or 3xx was seen. */
  delivered: v.boolean(),
  repeatUntilMs: ms,
  stream: v.exactOptional(streamSchema),
  /** Order by which the broker was shown that the goods are wrong: the same bytes get the same verdict. */
  dispute: v.exactOptional(text),
  /** The broker's signed answer to it. */
  verdict: v.exactOptional(anyJson),
  /** What the broker has signed about a cheque. */
  words: v.exactOptional(v.array(anyJson)),
});

const purposeSchema = v.variant('kind', [
  v.object({ kind: v.literal('top_up'), journal: text, amountMicro: v.exactOptional(micro) }),
  v.object({
    kind: v.literal('buy'),
    journal: text,
    purse: text,
    method: text,
    origin: text,
    api: text,
    vnd: text,
    currency,
    valueMicro: micro,
    count: v.number(),
    ttlMs: ms,
  }),
  v.object({ kind: v.literal('cash'), job: text }),
  v.object({ kind: v.literal('chain'), chain: text, purse: text }),
  v.object({
    kind: v.literal('cheques'),
    purse: text,
    origin: text,
    api: text,
    vnd: text,
    currency,
    /** Seed of the day key that is to be certified. */
    seed: text,
    limitMicro: micro,
    perDayMicro: micro,
  }),
]);

export const schemas = {
  account: accountSchema,
  /** Passwords that were tried in a row and not right, and when the last one was. */
  tries: v.object({ count: v.number(), atMs: ms }),
  broker: v.object({ url: text, keys: anyObject, addedAtMs: ms }),
  /** Counters of one broker. `seq` grows with every order, so that a statement tells whether it is still current. */
  money: v.object({
    currency,
    accountMicro: micro,
    coinsMicro: micro,
    heldMicro: micro,
    toppedUpMicro: micro,
    receivedMicro: micro,
    spentMicro: micro,
    /** Written off: expired, or spent by another copy of this wallet. What is left of it returns as `received`. */
    lostMicro: micro,
    /** Promised on credit and not billed: what promises that are still good are worth, and what was spent of them. */
    lentMicro: v.optional(micro, '0'),
    /** Coins of this broker that pay everywhere. */
    cashMicro: v.optional(micro, '0'),
    /** As the broker said last: how much it lends, and from when what is owed is overdue. */
    lineMicro: v.exactOptional(micro),
    dueAtMs: v.exactOptional(ms),
    seq: v.number(),
    openOrders: v.number(),
  }),
  purse: v.object({
    brk: text,
    vnd: text,
    method: text,
    currency,
    origin: text,
    api: text,
    coins: v.array(coinSchema),
  }),
  site: v.object({
    rule: v.exactOptional(ruleSchema),
    day: v.number(),
    spentMicro: micro,
    lastPaidAtMs: v.exactOptional(ms),
    changedAtMs: ms,
  }),
  budget: v.object({
    perDayMicro: micro,
    newSites: v.picklist(['ask', 'auto']),
    newSitesUpToMicro: micro,
    pausedUntilMs: v.exactOptional(v.union([ms, v.literal('resumed')])),
    prefer: v.exactOptional(v.picklist(['cheapest', 'private'])),
    day: v.number(),
    spentMicro: micro,
  }),
  journal: v.object({ record: recordSchema, sending: v.exactOptional(sendingSchema) }),
  /** What became of the last payment for one request, found again by the hash of the request. */
  again: v.object({
    id: text,
    state: v.picklist(['pending', 'unknown', 'paid', 'stale', 'failed']),
    challengeId: text,
    atMs: ms,
    untilMs: ms,
    code: v.exactOptional(text),
    method: v.exactOptional(text),
    /** The site refused it and says that it took nothing. */
    spared: v.exactOptional(v.boolean()),
    /** It gave the coin back as well: what was spent, it could not. */
    proven: v.exactOptional(v.boolean()),
    /** It took the place of a payment by another method that was refused. */
    instead: v.exactOptional(v.boolean()),
  }),
  fresh: v.object({
    offers: v.array(
      v.object({
        challenge: storedChallenge,
        httpMethod: text,
        scope: text,
        pattern: text,
        expiresAtMs: ms,
      }),
    ),
  }),
  order: v.object({
    brk: text,
    path: text,
    typ: text,
    /** The signed bytes: a repeat sends the same. */
    body: text,
    atMs: ms,
    seq: v.number(),
    purpose: purposeSchema,
  }),
  job: v.object({
    kind: v.picklist(['refund', 'renew']),
    step: v.picklist(['release', 'cash']),
    purse: text,
    coin: coinSchema,
    /** Journal entry of the move. */
    journal: text,
    /** The site's signed word, once it gave it. */
    release: v.exactOptional(anyObject),
    /** The one order that cashes it. */
    order: v.exactOptional(text),
    atMs: ms,
  }),
  credit: v.object({ on: v.boolean(), perDayMicro: micro, day: v.number(), promisedMicro: micro }),
  /**
   * A chain on its way into a purse: bought with the first order, allotted to the site with the second. On credit: the
   * certificate for a day key of its own.
   */
  chain: v.object({
    step: v.picklist(['buy', 'allot', 'undo', 'certify']),
    /** The one order of this step. */
    order: v.exactOptional(text),
    purse: text,
    method: text,
    origin: text,
    api: text,
    brk: text,
    vnd: text,
    currency,
    own: anyJson,
    unitMicro: micro,
    count: v.number(),
    ttlMs: ms,
    auth: v.picklist(['hmac', 'ed25519']),
    journal: text,
    atMs: ms,
  }),
  ...coinSchemas,
  vendor: v.object({ record: anyObject, fetchedAtMs: ms }),
  evidence: v.object({ atMs: ms, about: text, what: text, data: anyJson }),
  /** Where the goods of a payment were saved last. */
  saved: v.object({ file: text, atMs: ms }),
} as const;

export type DocKind = keyof typeof schemas;
export type Doc<Kind extends DocKind> = v.InferOutput<(typeof schemas)[Kind]>;

export const keys = {
  account: 'account',
  tries: 'tries',
  budget: 'budget',
  credit: 'credit',
  broker: (brk: string) => `broker/${brk}`,
  money: (brk: string) => `money/${brk}`,
  purse: (method: string, brk: string, vnd: string) => `purse/${method}/${brk}/${vnd}`,
  site: (origin: string) => `site/${origin}`,
  journal: (id: string) => `journal/${id}`,
  pending: (id: string) => `pending/${id}`,
  again: (hash: string) => `again/${hash}`,
  fresh: (origin: string) => `fresh/${origin}`,
  order: (rid: string) => `order/${rid}`,
  job: (id: string) => `job/${id}`,
  chain: (id: string) => `chain/${id}`,
  ...coinKeys,
  vendor: (brk: string, vnd: string) => `vendor/${brk}/${vnd}`,
  evidence: (id: string) => `evidence/${id}`,
  saved: (id: string) => `saved/${id}`,
};

/** @throws {PaymentProblem} `storage-fault` */
export function readDoc<Kind extends DocKind>(kind: Kind, value: Json | undefined): Doc<Kind> | undefined {
  return value === undefined ? undefined : decode(schemas[kind], value, 'storage-fault');
}

/** @throws {PaymentProblem} `storage-fault` when it is missing as well */
export function needDoc<Kind extends DocKind>(kind: Kind, value: Json | undefined): Doc<Kind> {
  const doc = readDoc(kind, value);
  if (!doc) throw new PaymentProblem('storage-fault', { detail: `a stored ${kind} is missing` });
  return doc;
}

/** A document as storage takes it: bigints as decimal text, absent members left out. */
export function toJson(value: unknown): Json {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value;
  }
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, member]) => (member === undefined ? [] : [[name, toJson(member)]])),
    );
  }
  throw new TypeError(`a document cannot hold a ${typeof value}`);
}
