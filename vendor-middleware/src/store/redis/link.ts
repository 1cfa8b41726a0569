// One connection to the server that has the store, made when somebody needs it. What was sent over a connection that broke has an
// unknown outcome and is never sent again from here: the payment's own repeat finds out.
import { homeOf, movedTo } from './cluster.ts';
import type { Reply } from './lines.ts';
import { needDurable, type Wanted } from './settings.ts';
import { isReply, type Wire, wireTo } from './wire.ts';

/** Nothing was sent: the server is not there, or not to be trusted with money. */
export class NoConnection extends Error {
  override name = 'NoConnection';

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : 'no connection', { cause });
  }
}

/** A server that does not answer is as good as one that is away. */
const ANSWER_MS = 10_000;
/** Answers of a server that is not, or not any more, the one to talk to. */
const ELSEWHERE = /^(MOVED|READONLY|MASTERDOWN|CLUSTERDOWN)\b/;

export type LinkOptions = {
  /** One server, or some of the servers of a cluster. */
  readonly urls: readonly string[];
  readonly isCluster: boolean;
  /** A key of the store: all of them are in its slot. */
  readonly key: string;
  readonly script: string;
  readonly wanted: Wanted;
};

export class Link {
  readonly #options: LinkOptions;
  #wire: Wire | undefined;
  #connecting: Promise<Wire> | undefined;
  /** Where a server of the cluster said that the slot is. */
  #told: string | undefined;
  #closed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /**
   * A refusal of the server that is thrown is one of the command, and then it did nothing.
   * @param after sent behind it without waiting
   * @throws {Error} `NoConnection`; it broke, or the server took too long: then what was sent may stand all the same
   */
  async send(command: readonly string[], after: readonly (readonly string[])[] = []): Promise<Reply[]> {
    const wire = this.#wire ?? (await this.#connect());
    try {
      const sent = [command, ...after].map((args) => wire.send(args));
      const [first, ...others] = await inTime(Promise.allSettled(sent));
      if (first?.status !== 'fulfilled') throw first?.reason;
      return [first.value, ...others.map((other) => confirmed(other))];
    } catch (error) {
      if (!isReply(error)) this.#drop(wire);
      else if (ELSEWHERE.test(error.message)) this.#leave(wire, error.message);
      throw error;
    }
  }

  #connect(): Promise<Wire> {
    this.#connecting ??= this.#open()
      .catch((error: unknown) => {
        throw new NoConnection(error);
      })
      .finally(() => {
        this.#connecting = undefined;
      });
    return this.#connecting;
  }

  close(): void {
    this.#closed = true;
    if (this.#wire) this.#drop(this.#wire);
  }

  async #open(): Promise<Wire> {
    const wire = await this.#reach();
    try {
      await inTime(needDurable(wire, this.#options.wanted));
      await inTime(wire.send(['SCRIPT', 'LOAD', this.#options.script]));
    } catch (error) {
      wire.destroy();
      throw error;
    }
    if (this.#closed) {
      wire.destroy();
      throw new Error('the store is closed');
    }
    this.#wire = wire;
    return wire;
  }

  async #reach(): Promise<Wire> {
    const { urls, isCluster, key } = this.#options;
    const told = this.#told;
    this.#told = undefined;
    const url = told ?? (isCluster ? await homeOf(key, urls, (seed) => wireTo(seed, () => {})) : urls[0]);
    return wireTo(url ?? '', (wire) => this.#drop(wire));
  }

  /** What is under way on it may still be answered; the next to send looks for the right server. */
  #leave(wire: Wire, message: string): void {
    if (this.#wire !== wire) return;
    this.#told = movedTo(message, this.#options.urls[0] ?? '');
    this.#wire = undefined;
    wire.close();
  }

  #drop(wire: Wire): void {
    if (this.#wire === wire) this.#wire = undefined;
    wire.destroy();
  }
}

/** @throws {Error} carried out, and nobody knows whether for good */
function confirmed(answer: PromiseSettledResult<Reply>): Reply {
  if (answer.status === 'fulfilled') return answer.value;
  throw new Error(`not confirmed: ${answer.reason}`, { cause: answer.reason });
}

async function inTime<Result>(work: Promise<Result>): Promise<Result> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('the server did not answer in time')), ANSWER_MS);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
