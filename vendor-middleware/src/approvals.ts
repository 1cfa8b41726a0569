// Questions to the broker that a payment waits for: may it be made, and how much more. Nothing is written before the answer, and
// what the broker did is repaired by asking again, because it answers the same question the same way.

import { setTimeout as pause } from 'node:timers/promises';
import {
  type BrokerAsk,
  type BrokerOrder,
  type Env,
  type JsonObject,
  limits,
  makeOrder,
  PaymentProblem,
  problemInfo,
  type Tally,
} from '@farthing/protocol';
import { type BrokerAt, sendOrder } from './broker-client.ts';
import type { Problem } from './setup-error.ts';

/** When a payment is given up: at once, and again while the broker is away. Then its hold ends by itself. */
const GIVE_UP_MS = [0, 250, 1000, 4000] as const;
/** How long a question waits for payments that are being given up and may stand in its way. */
const WAIT_MS = 2000;
/**
 * What was given up is released here so long after the broker has let go of it. Whoever asked before that, and writes only
 * afterwards, has an answer that is older than this.
 */
export const GRACE_MS = 1000;
/** Limits that are remembered; who is forgotten is asked about again. */
const MOST_RAISED = 10_000;

type Parts = {
  readonly seed: Uint8Array;
  readonly broker: BrokerAt;
  readonly env: () => Env;
  readonly tell: (problem: Problem) => void;
};

/** `askedAtMs`: when the question left, on the clock of `performance`. */
type Answered<Answer> = { readonly said: Answer; readonly askedAtMs: number };
type Asked = { readonly result: Promise<JsonObject>; readonly askedAtMs: number };

export class Approvals {
  readonly #parts: Parts;
  /** By name: many copies of one credential at once are one question. */
  readonly #asked = new Map<string, Asked>();
  /** By name: a copy that is being asked about or written. */
  readonly #turns = new Map<string, Promise<void>>();
  readonly #givingUp = new Map<string, Promise<boolean>>();
  readonly #raised = new Map<string, bigint>();
  readonly #closing = new AbortController();
  #told: string | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Copies of one credential follow each other from the look into the store to the write, so that none that looked before the
   * write asks once more after the answer. What ends the first with an error ends those that wait for it.
   */
  async inTurn<Result>(name: string, run: () => Promise<Result>): Promise<Result> {
    for (let ahead = this.#turns.get(name); ahead; ahead = this.#turns.get(name)) await ahead;
    const running = run();
    const turn = running.then(() => {}).finally(() => this.#turns.delete(name));
    turn.catch(() => {}); // nobody may wait for it
    this.#turns.set(name, turn);
    return running;
  }

  /**
   * `name`: questions under one name at once are one. `id`: the payment's.
   * @throws {PaymentProblem} the broker's refusal; `site-not-ready` when nothing was asked, `outcome-unknown` when the
   *   answer is missing, `broker-untrusted`
   */
  async ask<Answer>(ask: BrokerAsk<Answer>, { id, name }: { id: string; name: string }): Promise<Answered<Answer>> {
    const once = async () => {
      const { result, askedAtMs } = this.#shared(ask, name);
      return { said: ask.read(await result), askedAtMs };
    };
    await this.#givingUp.get(id);
    const rivals = [...this.#givingUp.values()];
    try {
      return await once();
    } catch (error) {
      // What is held for a payment that has failed here is free in a moment.
      if (rivals.length === 0 || !(error instanceof PaymentProblem) || error.status !== 402) throw error;
      await Promise.race([Promise.all(rivals), this.#pause(WAIT_MS)]);
      return await once();
    }
  }

  /** A tally with the limit that the broker gave it last. */
  withLimit(tally: Tally): Tally {
    const raised = this.#raised.get(tally.key) ?? 0n;
    return raised > tally.limit ? { ...tally, limit: raised } : tally;
  }

  /** Asks for a higher limit. `spent`: what the tally stands at. @throws {PaymentProblem} as `ask` */
  async raise({ key, add, raise }: Tally, spent: bigint, id: string): Promise<boolean> {
    const question = raise?.(spent);
    if (!question) return false;
    const { said: limit } = await this.ask(question, { id, name: `${key} ${spent} ${add}` });
    this.#raised.delete(key);
    this.#raised.set(key, limit);
    for (const oldest of this.#raised.keys()) {
      if (this.#raised.size <= MOST_RAISED) break;
      this.#raised.delete(oldest);
    }
    return spent + add <= limit;
  }

  /**
   * Takes back what the broker agreed to; resolves when the payment may be released here. False when the broker may not know:
   * then it ends the hold when its time is over.
   */
  async giveUp(order: BrokerOrder, id: string): Promise<boolean> {
    const done = this.#giveUp(order)
      .catch(() => false)
      .finally(() => this.#givingUp.delete(id));
    this.#givingUp.set(id, done);
    const isFree = await done;
    if (isFree) await this.#pause(GRACE_MS);
    return isFree;
  }

  /** Lets what was asked finish. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([...[...this.#asked.values()].map(({ result }) => result), ...this.#givingUp.values()]);
  }

  #shared(ask: BrokerOrder, name: string): Asked {
    const open = this.#asked.get(name);
    if (open) return open;
    if (this.#asked.size >= limits.openQuestions) {
      throw new PaymentProblem('site-not-ready', { detail: 'too many payments wait for the broker', retryAfter: 2 });
    }
    const result = this.#send(ask)
      .catch((error: unknown) => {
        throw this.#forPayer(error);
      })
      .finally(() => this.#asked.delete(name));
    const asked = { result, askedAtMs: performance.now() };
    this.#asked.set(name, asked);
    return asked;
  }

  async #send({ brk, path, typ, members }: BrokerOrder): Promise<JsonObject> {
    const { seed, broker, env } = this.#parts;
    if (brk !== broker.keys.brk) throw new PaymentProblem('broker-unknown');
    const result = await sendOrder(broker, path, {
      order: makeOrder(typ, members, seed, env()),
      crypto: env().crypto,
    });
    this.#told = undefined;
    return result;
  }

  async #giveUp(order: BrokerOrder): Promise<boolean> {
    for (const afterMs of GIVE_UP_MS) {
      try {
        await this.#pause(afterMs);
        if (afterMs > 0 && this.#closing.signal.aborted) return false;
        await this.#send(order);
        return true;
      } catch (error) {
        if (!(error instanceof PaymentProblem)) throw error;
      }
    }
    return false;
  }

  /** Shorter when the site closes. */
  async #pause(ms: number): Promise<void> {
    if (ms > 0) await pause(ms, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {});
  }

  /** What the payer can do something about is the payer's to know; the rest is between the site and its broker. */
  #forPayer(error: unknown): unknown {
    if (!(error instanceof PaymentProblem)) return error;
    const { code, status, extra } = error;
    const { retryAfter = 5 } = extra;
    const isAnswer = status === 402 || (status === 503 && problemInfo(code).fixer === 'broker');
    if (!isAnswer || problemInfo(code).fixer === 'site') this.#tell(error.message);
    if (isAnswer) return error;
    const cause = { cause: error };
    if (code === 'broker-untrusted') return Object.assign(new PaymentProblem(code, { consumed: 'unknown' }), cause);
    if (extra.consumed === 'unknown' || code === 'unavailable') {
      return Object.assign(new PaymentProblem('outcome-unknown', { consumed: 'unknown', retryAfter }), cause);
    }
    const detail = 'the broker that has to agree does not answer, or refuses this site';
    return Object.assign(new PaymentProblem('site-not-ready', { detail, retryAfter, consumed: false }), cause);
  }

  #tell(message: string): void {
    if (this.#told === message) return;
    this.#told = message;
    this.#parts.tell({ code: 'payment-unasked', message: `payments that the broker must agree to: ${message}` });
  }
}
