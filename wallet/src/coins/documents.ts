// What is stored of coins: each coin by itself, the counters their secrets come from, and what is under way with them.
import * as v from 'valibot';
import { anyObject, micro, ms, storedChallenge, text } from '../stored.ts';

/** `counter`: where its secrets are derived from. */
const coin = v.object({ ks: text, pk: text, sig: text, counter: v.number(), micro });

export const coinSchemas = {
  coin,
  /** The key list that the broker showed last: the next one is compared with it. */
  mint: v.object({
    list: anyObject,
    keysets: v.array(anyObject),
    /** Lists before it, newest first, by hash, with the keysets that they named as good. */
    older: v.exactOptional(v.array(v.object({ hash: text, keysets: v.array(text) }))),
  }),
  /** The first counter of each keyset that was never used. Written before it is used. */
  counters: v.object({ next: v.record(text, v.number()) }),
  /**
   * Coins on their way: the signed order and the counters of what it asks for are stored before it is sent.
   * `check`: the answer was no, or not true; what was signed, and what was spent, is asked for. A payment that a site refused
   * begins with that: `mend` has its coins and the places of its change, and no order.
   */
  coin_job: v.object({
    kind: v.picklist(['withdraw', 'swap', 'lock', 'unlock', 'deposit', 'mend', 'take', 'back']),
    step: v.picklist(['send', 'check']),
    brk: text,
    path: text,
    /** The signed bytes: a repeat sends the same. */
    body: text,
    planned: v.array(v.object({ ks: text, counter: v.number() })),
    micro,
    /** Own coins that the order spends. */
    coins: v.array(coin),
    /** Key of the gift that is pulled back, or of the mark of one that is taken. */
    gift: v.exactOptional(text),
    /** Of ours, that a gift which is taken answers. */
    request: v.exactOptional(text),
    /** The site to which its coins are to be locked, or were. */
    lock: v.exactOptional(v.object({ purse: text, vnd: text, origin: text, api: text })),
    journal: v.exactOptional(text),
    /** The counter of money's steps when it was stored. */
    seq: v.number(),
    atMs: ms,
    /** Of `mend`: the coins are worth `micro` as one set, and no more by themselves. */
    set: v.exactOptional(v.boolean()),
    /** Why it is checked. */
    code: v.exactOptional(text),
  }),
  /**
   * What is done at a random time later, so that its cause cannot be told by the clock: old coins swapped; coins locked to a
   * site that was paid with others, for the next payments there.
   */
  later: v.object({
    dueAtMs: ms,
    lock: v.exactOptional(v.object({ purse: text, site: text, challenge: storedChallenge })),
  }),
  /** Coins that were given away; the giver could still spend them until somebody takes them. */
  gift: v.object({
    brk: text,
    coins: v.array(coin),
    micro,
    memo: v.exactOptional(text),
    state: v.picklist(['given', 'coming_back', 'back', 'taken']),
    /** The request that it answers: its text is sealed to `to`. */
    request: v.exactOptional(v.object({ id: text, to: text })),
    journal: text,
    atMs: ms,
  }),
  /** A gift that was taken in, by the hash of its coins; `request`: of ours, that it answers. */
  taken: v.object({ journal: text, request: v.exactOptional(text) }),
  /** Money that we asked somebody for. */
  request: v.object({ brk: text, micro, memo: v.exactOptional(text), atMs: ms, expiresAtMs: ms }),
  /** The gift that answers somebody's request. */
  answered: v.object({ gift: text }),
  /**
   * Coins of this broker are being looked for, from the phrase. Nothing is made meanwhile. `all`: also those of sites that this
   * wallet does not know.
   */
  restoring: v.object({ atMs: ms, all: v.exactOptional(v.boolean()) }),
} as const;

export const coinKeys = {
  mint: (brk: string, vnd?: string) => (vnd === undefined ? `mint/${brk}` : `mint/${brk}/${vnd}`),
  counters: (brk: string) => `counters/${brk}`,
  coin: (brk: string, pk: string) => `coin/${brk}/${pk}`,
  coinJob: (id: string) => `coin-job/${id}`,
  gift: (id: string) => `gift/${id}`,
  taken: (hash: string) => `taken/${hash}`,
  request: (id: string) => `request/${id}`,
  answered: (requestId: string) => `answered/${requestId}`,
  restoring: (brk: string) => `restoring/${brk}`,
  /** What concerns all coins of a broker, or those of one site. */
  later: (brk: string, vnd = '') => `later/${brk}/${vnd}`,
};
