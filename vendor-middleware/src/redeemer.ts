// Claims of one method go to the broker in the background: batches of totals, each linked to the last by its hash. An order
// is stored before it is sent, so that a repeat, also after a restart or by another process, carries the same bytes.
import {
  type BrokerKeys,
  type Crypto,
  type Env,
  type Json,
  type JsonObject,
  limits,
  objectHash,
  PaymentProblem,
  type PrintedOrder,
  parseJson,
  printOrder,
  verifyObject,
} from '@farthing/protocol';
import { Asked } from './asked.ts';
import { sendOrder } from './broker-client.ts';
import type { Channel, Redemption } from './channels.ts';
import { batchOf } from './claim-batch.ts';
import type { Figures } from './figures.ts';
import type { Problem } from './setup-error.ts';
import type { ClaimDue, ClaimTotal, VendorStore } from './store/port.ts';
import { isOrder, isTyped } from './stored-order.ts';

/** Payments of this long share a batch. */
const GATHER_MS = 2000;
const BACKOFF_MS = { first: 1000, most: 300_000 } as const;

export type RedeemerParts = {
  readonly store: VendorStore;
  readonly vnd: string;
  readonly seed: Uint8Array;
  readonly broker: { readonly url: string; readonly keys: BrokerKeys };
  readonly env: () => Env;
  readonly channel: Channel;
  readonly tell: (problem: Problem) => void;
  readonly figures?: Figures;
  readonly most?: number;
};

/** How many claims of a batch count as paid out. */
export type OnBatch = (claims: number) => void;

export class Redeemer {
  readonly #parts: RedeemerParts;
  readonly #most: number;
  readonly #outbox: string;
  readonly #prev: string;
  readonly #count: string;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  readonly #told = new Set<OnBatch>();
  #failures = 0;
  #due = 0;
  /** Since when the oldest claim waits, on the clock of `performance`: since this process knows of it. */
  #dueSinceMs: number | undefined;
  #closed = false;

  constructor(parts: RedeemerParts) {
    this.#parts = parts;
    this.#most = parts.most ?? limits.pendingClaims;
    this.#outbox = `${parts.channel.docs}:outbox`;
    this.#prev = `${parts.channel.docs}:prev`;
    this.#count = `${parts.channel.docs}:count`;
  }

  /** More claims than the site may keep: it stops selling until the broker has paid. */
  get isFull(): boolean {
    return this.#due >= this.#most;
  }

  /** What waits for the broker. */
  get waiting(): { readonly count: number; readonly sinceMs: number | undefined } {
    return { count: this.#due, sinceMs: this.#dueSinceMs };
  }

  /** What an earlier run of the site left behind is redeemed first. */
  async start(): Promise<void> {
    await this.#countDue();
    if (this.#due > 0 || (await this.#parts.store.readDoc(this.#outbox)) !== undefined) this.#schedule(0);
  }

  /** There is a new claim. */
  nudge(): void {
    this.#due++;
    this.#dueSinceMs ??= performance.now();
    if (this.#due === this.#most) void this.#countDue().catch(() => {});
    if (this.#failures === 0) this.#schedule(GATHER_MS);
  }

  /**
   * Redeems everything that is due now. `told`: of each batch that was paid meanwhile.
   * @throws {PaymentProblem} the broker is away or refuses; nothing is lost
   */
  async redeemNow(told: OnBatch = () => {}): Promise<void> {
    this.#told.add(told);
    try {
      // A run that is under way may have looked before the newest claims were made.
      await this.#running?.catch(() => {});
      this.#running ??= this.#all().finally(() => {
        this.#running = undefined;
      });
      await this.#running;
    } finally {
      this.#told.delete(told);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running?.catch(() => {});
  }

  #schedule(afterMs: number): void {
    if (this.#timer || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.redeemNow().then(
        () => {
          this.#failures = 0;
          if (this.#due > 0) this.#schedule(GATHER_MS);
        },
        (error: unknown) => this.#failed(error),
      );
    }, afterMs);
    this.#timer.unref();
  }

  #failed(error: unknown): void {
    const message = error instanceof Error ? error.message : 'unknown fault';
    if (this.#failures === 0)
      this.#parts.tell({ code: 'claims-waiting', message: `claims wait for the broker: ${message}` });
    const mostMs = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(this.#failures++, 20));
    // Full jitter, so that many sites do not come back to a broker in step.
    this.#schedule(mostMs / 2 + (this.#parts.env().random(1)[0] ?? 0) * (mostMs / 512));
  }

  async #all(): Promise<void> {
    // Each claim once: what a busy site earns meanwhile waits for the next run, or this one would never end. What is claimed once and
    // for all does not come back, and is not remembered: a million of them take no more memory than one batch.
    const asked = new Asked();
    const startMs = performance.now();
    try {
      // A batch that another process has just sent leaves nothing to do for this one.
      while (await this.#one(asked)) if (this.#closed) break;
      // Whatever waited before is paid.
      this.#dueSinceMs = startMs;
    } finally {
      await this.#countDue();
    }
  }

  async #countDue(): Promise<void> {
    this.#due = await this.#parts.store.countDue(this.#most, this.#parts.channel.kind);
    if (this.#due === 0) this.#dueSinceMs = undefined;
    else this.#dueSinceMs ??= performance.now();
    if (this.isFull)
      this.#parts.tell({ code: 'claims-full', message: `${this.#most} claims wait for the broker: no more sales` });
  }

  /** Sends one batch; false when nothing is due. */
  async #one(asked: Asked): Promise<boolean> {
    const { store, broker, env, channel } = this.#parts;
    const waiting = await store.readDoc(this.#outbox);
    const made = waiting === undefined ? await this.#open(asked) : undefined;
    const text = waiting ?? made?.text ?? (await store.readDoc(this.#outbox));
    if (text === undefined) return false;
    const sent = made ?? readSent(text, env().crypto);
    if (!sent) return store.swapDoc(this.#outbox, text, undefined);
    const trail = this.#parts.figures?.redemption(channel.typ, sent.totals.length);
    try {
      const { order, body } = sent;
      const result = await sendOrder(broker, channel.path, { order, body, crypto: env().crypto });
      const paid = await this.#paid(text, sent, result);
      trail?.end('ok');
      // An order of before, or of another process, may leave out what was earned since.
      if (made !== undefined && !channel.once) for (const { key } of paid) asked.add(key);
      this.#due = Math.max(0, this.#due - paid.length);
      for (const told of this.#told) told(paid.length);
    } catch (error) {
      trail?.end(error instanceof PaymentProblem ? error.code : 'fault');
      if (!(error instanceof PaymentProblem) || !(await this.#mended(text, error))) throw error;
    }
    return true;
  }

  /** Stores the next order, unless nothing is due or another process was first. */
  async #open(asked: Asked): Promise<(Sent & { readonly text: string }) | undefined> {
    const { store, vnd, seed, env, channel } = this.#parts;
    const batch = await batchOf(channel, await this.#fresh(asked));
    if (!batch) return undefined;
    const { claims, text: known, totals, cur } = batch;
    const prev = (await store.readDoc(this.#prev)) ?? '';
    const members = channel.members(claims, { prev, cur });
    const printed = printOrder(channel.typ, { ...members, vnd }, seed, { ...env(), known: new Map([[claims, known]]) });
    const text = printSent(printed.body, totals);
    return (await store.swapDoc(this.#outbox, undefined, text)) ? { ...printed, totals, text } : undefined;
  }

  /** Claims that were not asked for yet. Those that were and have grown since may stand before them. */
  async #fresh(asked: Asked): Promise<ClaimDue[]> {
    const { store, channel } = this.#parts;
    for (let limit = channel.most; ; limit += asked.size) {
      const due = await store.claimsDue(limit, channel.kind);
      const fresh = due.filter(({ key }) => !asked.has(key));
      if (fresh.length > 0 || due.length < limit) return fresh.slice(0, channel.most);
    }
  }

  /**
   * Then the claims count as paid out. A redemption is evidence: it is checked and kept.
   * @returns the claims that do, without what the broker put off
   */
  async #paid(text: string, { order, hash, totals }: Sent, result: JsonObject): Promise<readonly ClaimTotal[]> {
    const { store, tell, channel } = this.#parts;
    const { redemption, told } = channel.read(result);
    const later = new Set(told.filter((one) => one.later).map(({ key }) => key));
    const paid = totals.filter(({ key }) => !later.has(key));
    const alarms = told.filter(({ alarm }) => alarm !== undefined).map(({ key, alarm }) => ({ key, alarm }));
    const kept = redemption
      ? await this.#kept({ order, hash }, { redemption, signed: result['redemption'], alarms })
      : {};
    for (const { key, alarm } of told) {
      const message = `the broker did not pay all of a claim: ${alarm?.slice(0, 32)}`;
      if (alarm) tell({ code: 'claim-alarm', message, about: key });
    }
    // What was not paid in full may have to be shown to others.
    const disputed = new Set(alarms.map(({ key }) => key));
    const over = paid.map((one) => (channel.once && !disputed.has(one.key) ? { ...one, over: true as const } : one));
    await store.claimsPaid(over, { key: this.#outbox, was: text, put: { [this.#outbox]: undefined, ...kept } });
    // It was too busy for any of them: asking again at once would make it no less so.
    if (paid.length === 0 && totals.length > 0) throw new PaymentProblem('broker-unreachable', { retryAfter: 5 });
    return paid;
  }

  /** The documents of a redemption: the hash that the next batch names, and the evidence. */
  async #kept(
    { order, hash: batch }: Pick<Sent, 'order' | 'hash'>,
    { redemption, signed, alarms }: Paid,
  ): Promise<Record<string, string>> {
    const { store, vnd, broker, env } = this.#parts;
    const { crypto } = env();
    const good =
      redemption.batch === batch &&
      redemption.prev === order['prev'] &&
      redemption.vnd === vnd &&
      redemption.brk === broker.keys.brk &&
      isTyped(signed) &&
      verifyObject(signed, broker.keys.root, redemption.sig, crypto);
    if (!good) throw new PaymentProblem('broker-untrusted', { detail: 'the redemption does not verify' });
    const n = Number((await store.readDoc(this.#count)) ?? 0) + 1;
    return {
      [this.#prev]: batch,
      [this.#count]: String(n),
      [this.#slot(n)]: JSON.stringify({ n, redemption: signed, ...(alarms.length > 0 ? { alarms } : {}) }),
    };
  }

  /** The last so many redemptions, signed by the broker, are kept as evidence of what it paid: a ring of documents. */
  #slot(n: number): string {
    return `redemption:${this.#parts.channel.docs}:${String(n % limits.redemptionsKept).padStart(5, '0')}`;
  }

  /** Refusals after which a new order is safe: the broker did nothing for this one, and totals credit nothing twice. */
  async #mended(text: string, problem: PaymentProblem): Promise<boolean> {
    const { store, tell, env } = this.#parts;
    if (problem.code === 'request-stale') {
      await store.swapDoc(this.#outbox, text, undefined);
      // An order of just now is only stale when one of the two clocks is wrong: trying at once would not end.
      return env().nowMs - Number(readSent(text, env().crypto)?.order.at) * 1000 > limits.clockSkewMs;
    }
    const prev = problem.extra.members?.['prev'];
    if (problem.code !== 'batch-conflict' || typeof prev !== 'string') return false;
    const was = await store.readDoc(this.#prev);
    if (was === prev) return false;
    tell({ code: 'claim-alarm', message: 'the broker has another last batch than this site: was a backup restored?' });
    return store.claimsPaid([], {
      key: this.#outbox,
      was: text,
      put: { [this.#outbox]: undefined, [this.#prev]: prev },
    });
  }
}

/** An order in the outbox, with the totals that it claims. */
type Sent = PrintedOrder & { readonly totals: readonly ClaimTotal[] };
type Paid = { readonly redemption: Redemption; readonly signed: Json | undefined; readonly alarms: readonly object[] };

const printSent = (body: string, totals: readonly ClaimTotal[]): string =>
  `{"order":${body},"totals":${JSON.stringify(totals.map(({ key, total }) => [key, total.toString()]))}}`;

/** `undefined`: an earlier version wrote it. Making another order is safe, as in `#mended`. */
function readSent(text: string, crypto: Crypto): Sent | undefined {
  const json = parseJson(text);
  if (typeof json !== 'object' || json === null || !('order' in json) || !('totals' in json)) return undefined;
  const { order, totals } = json;
  if (!isOrder(order) || !Array.isArray(totals)) return undefined;
  return {
    order,
    body: JSON.stringify(order),
    hash: objectHash(order, crypto),
    totals: totals.map((pair) => ({ key: String(pair?.[0]), total: BigInt(String(pair?.[1])) })),
  };
}
