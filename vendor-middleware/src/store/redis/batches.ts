// Operations of one turn of the event loop go to the server as one script. Others are under way meanwhile; the server takes them in
// order.
import { setTimeout as pause } from 'node:timers/promises';
import { StoreAway } from '../away.ts';
import { Hope, isPlain } from '../fresh.ts';
import { Lanes } from '../lanes.ts';
import type { Reservation, Reserved } from '../port.ts';
import { printFresh } from './fresh.ts';
import { listOf, type Reply } from './lines.ts';
import { type Link, NoConnection } from './link.ts';
import { SCRIPT, SCRIPT_SHA } from './script.ts';
import { isReply } from './wire.ts';

/** The answer was about a row that another process changed meanwhile: the operation is printed and sent anew. */
export const AGAIN = Symbol('again');

export type Operation<Result> = {
  /** The step and its values, and texts that the step names by their place. May throw: then nothing is sent. */
  print(): Printed;
  read(reply: Reply): Result | typeof AGAIN;
};
type Values = readonly unknown[];
export type Printed = { readonly step: string; readonly values: Values; readonly texts?: readonly string[] };

type Waiting = {
  readonly operation: Operation<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  tries: number;
};

type Fresh = Waiting & { readonly entry: Reservation };

export type BatchOptions = {
  /** Braces and all: what every key begins with. */
  readonly tag: string;
  /** What the gate must hold: see `gate.ts`. */
  readonly gate: string;
  readonly waitReplicas: number;
  /** Nobody knows what became of a batch. */
  readonly onLost: () => void;
};

const WON: Reserved = { kind: 'won' };
const BATCH = 128;
const LANES = 4;
/** So often may others get ahead with the same session. */
const TRIES = 64;
/** A server that says it cannot right now has done nothing. It is asked again for so long. */
const PATIENCE_MS = 2_000;
const PAUSE_MS = 25;
/** Replicas that have not confirmed by then: nobody knows whether the write outlives a failover. */
const REPLICAS_MS = 1_000;
/** How JSON prints half of a pair. */
const LONE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;
const NOT_NOW = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|LOADING|MASTERDOWN|READONLY|BUSY|NOSCRIPT)\b/;

export class Batches {
  readonly #link: Link;
  readonly #options: BatchOptions;
  readonly #lanes = new Lanes<Waiting>({ most: BATCH, lanes: LANES, carry: (batch) => this.#settle(batch) });
  readonly #fresh = new Lanes<Fresh>({ most: BATCH, lanes: LANES, carry: (batch) => this.#write(batch) });
  readonly #hope = new Hope();

  constructor(link: Link, options: BatchOptions) {
    this.#link = link;
    this.#options = options;
  }

  /** Resolves when it is on disk. @throws {StoreAway} the server is away, or refused; the outcome may be unknown */
  run<Result>(operation: Operation<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#lanes.add({ operation, resolve: resolve as (value: unknown) => void, reject, tries: 0 });
    });
  }

  /** The same for a payment that is probably new. */
  reserve(entry: Reservation, operation: Operation<Reserved>): Promise<Reserved> {
    if (!isPlain(entry)) return this.run(operation);
    return new Promise((resolve, reject) => {
      this.#fresh.add({ entry, operation, resolve: resolve as (value: unknown) => void, reject, tries: 0 });
    });
  }

  /** Lets what waits finish. */
  async close(): Promise<void> {
    await Promise.all([this.#fresh.close(), this.#lanes.close()]);
  }

  /** As `#settle`. */
  async #write(batch: readonly Fresh[]): Promise<void> {
    const { tag, gate } = this.#options;
    const printed = this.#hope.isThere()
      ? printFresh(
          tag,
          batch.map(({ entry }) => entry),
        )
      : undefined;
    if (!printed) return this.#settle(batch);
    try {
      const [answer] = listOf(
        await this.#send([tag, gate, `[${textOf({ ...printed, texts: [] })}]`, ...printed.texts]),
      );
      if (answer === 0) {
        for (const { resolve } of batch) resolve(WON);
        return;
      }
    } catch (error) {
      this.#refuse(batch, error);
      return;
    }
    this.#hope.lose();
    await this.#settle(batch);
  }

  /** Every member has its answer afterwards, or waits again; never throws. */
  async #settle(batch: readonly Waiting[]): Promise<void> {
    const { tag, gate } = this.#options;
    const steps: string[] = [];
    const texts: string[] = [];
    const sent: Waiting[] = [];
    for (const member of batch) {
      try {
        const printed = member.operation.print();
        steps.push(textOf(printed));
        texts.push(...(printed.texts ?? []));
        sent.push(member);
      } catch (error) {
        member.reject(error);
      }
    }
    if (sent.length === 0) return;
    try {
      const replies = listOf(await this.#send([tag, gate, `[${steps.join()}]`, ...texts]));
      for (const [i, member] of sent.entries()) this.#read(member, replies[i]);
    } catch (error) {
      this.#options.onLost();
      this.#refuse(sent, error);
    }
  }

  /** Where nobody is, the next would wait in vain. */
  #refuse(batch: readonly Waiting[], error: unknown): void {
    const others = error instanceof NoConnection ? [...this.#fresh.takeWaiting(), ...this.#lanes.takeWaiting()] : [];
    for (const { reject } of [...batch, ...others]) reject(new StoreAway(error));
  }

  #read(member: Waiting, reply: Reply | undefined): void {
    try {
      if (reply === undefined) throw new Error('the server left an operation without an answer');
      const result = member.operation.read(reply);
      if (result !== AGAIN) member.resolve(result);
      else if (++member.tries < TRIES) this.#lanes.addAgain(member);
      else throw new Error('other processes were ahead too often');
    } catch (error) {
      member.reject(error);
    }
  }

  async #send(args: readonly string[]): Promise<Reply> {
    const { tag, waitReplicas } = this.#options;
    // Two keys, one that is there and one that never is: while a cluster moves the slot, every server of it refuses the script
    // whole. It names no other key, and would otherwise begin and meet rows that have moved already.
    const script = ['EVALSHA', SCRIPT_SHA, '2', `${tag}gate`, `${tag}never`, ...args];
    // Replicas are waited for up to what this connection wrote last: so it writes, and an answer about what another process wrote
    // is confirmed as well.
    const confirm = [
      ['SET', `${tag}beat`, '1'],
      ['WAIT', String(waitReplicas), String(REPLICAS_MS)],
    ];
    const untilMs = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        const [replies = null, , confirmed] = await this.#link.send(script, waitReplicas > 0 ? confirm : []);
        if (waitReplicas > 0 && Number(confirmed) < waitReplicas) {
          throw new Error(`only ${confirmed} of ${waitReplicas} replicas confirmed the write`);
        }
        return replies;
      } catch (error) {
        if (!isReply(error) || !NOT_NOW.test(error.message) || performance.now() > untilMs) throw error;
        await this.#makeWay(error.message);
      }
    }
  }

  async #makeWay(message: string): Promise<void> {
    if (message.startsWith('NOSCRIPT')) await this.#link.send(['SCRIPT', 'LOAD', SCRIPT]);
    else if (!message.startsWith('MOVED')) await pause(PAUSE_MS);
  }
}

/** @throws {TypeError} text that is not Unicode: the server could not read it, nor the others of the batch */
function textOf({ step, values, texts = [] }: Printed): string {
  const text = JSON.stringify([step, texts.length, ...values]);
  if (text.includes('\\ud') && LONE.test(text)) throw new TypeError('the store takes well-formed text only');
  return text;
}
