// Signatures checked on threads of our own. What came in during one turn of the event loop goes over in one message, and so do
// the verdicts: of a coin the loop pays 2 to 17 µs (busy, idle), where a job for each signature in Node's pool takes 16 to 50.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Proof } from '@farthing/protocol';
import { pack } from './packed.ts';

export type Asked = { readonly batch: number; readonly bytes: Uint8Array };
/** For each payment of the batch, in its order, the place of the first proof that is not good; -1: all are. */
export type Judged = { readonly batch: number; readonly wrong: readonly number[] };

/** The check did not take place: there is too much to do, or its thread has ended. It says nothing about the signatures. */
export class Unchecked extends Error {
  override readonly name = 'Unchecked';
}

type Job = {
  readonly proofs: readonly Proof[];
  readonly resolve: (wrong: number) => void;
  readonly reject: (error: Unchecked) => void;
};
type Thread = {
  readonly worker: Worker;
  /** Batches that it has, by number; it answers them in turn. */
  readonly sent: Map<number, readonly Job[]>;
  /** Started again with every sign of life. */
  readonly patience: NodeJS.Timeout;
};

export type PoolOptions = {
  /** By default one less than there are cores: the event loop has one for itself. */
  readonly threads?: number;
  /** Proofs that may wait, about half a second of one thread. */
  readonly most?: number;
  /** Batches that a thread is given at once; more for a loop that is away for longer than a thread takes for them. */
  readonly ahead?: number;
  /** How long a thread may take for one batch. */
  readonly stuckMs?: number;
  readonly script?: URL;
};

/** Proofs in one message, unless one payment has more: 2 ms of work, so that its first payment does not wait for long. */
const BATCH = 32;
/** One that is being checked, and one that is there when it is done. */
const AHEAD = 2;

const SCRIPT = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

export class ProofPool {
  readonly #options: Required<PoolOptions>;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Job[] = [];
  /** Proofs of all jobs that have no verdict yet. */
  #open = 0;
  #batches = 0;
  #scheduled = false;

  constructor({ threads, most = 8192, ahead = AHEAD, stuckMs = 10_000, script = SCRIPT }: PoolOptions = {}) {
    this.#options = { threads: threads ?? Math.max(1, availableParallelism() - 1), most, ahead, stuckMs, script };
  }

  /**
   * Checks the proofs of one payment, in their order and no further than the first that is not good.
   * @returns its place, or -1 when all are good
   * @throws {Unchecked} nothing is known about them
   */
  firstWrong(proofs: readonly Proof[]): Promise<number> {
    if (this.#open > 0 && this.#open + proofs.length > this.#options.most) {
      return Promise.reject(new Unchecked('too many signatures wait to be checked'));
    }
    this.#open += proofs.length;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ proofs, resolve, reject });
      this.#schedule();
    });
  }

  /** Ends all threads. Whoever waits is told so; the pool can be used again. */
  close(): void {
    for (const thread of this.#threads) this.#lose(thread, 'the pool was closed');
    this.#refuse(this.#waiting.splice(0), 'the pool was closed');
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Gathers what arrives in this turn of the loop.
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#next();
      if (!thread) return;
      const jobs = this.#take();
      const batch = ++this.#batches;
      const bytes = pack(jobs.map(({ proofs }) => proofs));
      if (thread.sent.size === 0) {
        thread.worker.ref();
        thread.patience.refresh();
      }
      thread.sent.set(batch, jobs);
      thread.worker.postMessage({ batch, bytes } satisfies Asked, [bytes.buffer]);
    }
  }

  /** The thread with the least to do; another is started when all have something. */
  #next(): Thread | undefined {
    let least: Thread | undefined;
    for (const thread of this.#threads) if (!least || thread.sent.size < least.sent.size) least = thread;
    if (least?.sent.size === 0) return least;
    if (this.#threads.size < this.#options.threads) return this.#start();
    return least && least.sent.size < this.#options.ahead ? least : undefined;
  }

  #take(): readonly Job[] {
    let proofs = 0;
    let count = 0;
    for (const job of this.#waiting) {
      proofs += job.proofs.length;
      if (count > 0 && proofs > BATCH) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  #start(): Thread {
    const worker = new Worker(this.#options.script, { name: 'farthing proofs', execArgv: [], env: {}, stdin: false });
    const patience = setTimeout(() => {
      if (thread.sent.size > 0) this.#lose(thread, 'a thread that checks signatures does not answer');
    }, this.#options.stuckMs).unref();
    const thread: Thread = { worker, sent: new Map(), patience };
    const end = () => this.#lose(thread, 'a thread that checks signatures has ended');
    worker.on('message', (judged: Judged) => this.#judged(thread, judged));
    worker.on('error', end).on('messageerror', end).on('exit', end);
    worker.unref();
    this.#threads.add(thread);
    return thread;
  }

  #judged(thread: Thread, { batch, wrong }: Judged): void {
    const jobs = thread.sent.get(batch) ?? [];
    // One verdict for each payment, or nothing of it is believed.
    if (jobs.length === 0 || jobs.length !== wrong.length || !Array.isArray(wrong)) {
      this.#lose(thread, 'a thread that checks signatures answers at random');
      return;
    }
    thread.sent.delete(batch);
    if (thread.sent.size === 0) thread.worker.unref();
    else thread.patience.refresh();
    for (const [i, { proofs, resolve }] of jobs.entries()) {
      this.#open -= proofs.length;
      resolve(wrong[i] ?? 0);
    }
    this.#send();
  }

  /** What it had is not given to another: whatever ended this one would end that too. */
  #lose(thread: Thread, why: string): void {
    if (!this.#threads.delete(thread)) return;
    clearTimeout(thread.patience);
    void thread.worker.terminate();
    this.#refuse([...thread.sent.values()].flat(), why);
    if (this.#waiting.length > 0) this.#schedule();
  }

  #refuse(jobs: readonly Job[], why: string): void {
    for (const { proofs, reject } of jobs) {
      this.#open -= proofs.length;
      reject(new Unchecked(why));
    }
  }
}

/** Of this process: all sites in it share the threads. */
export const proofPool = new ProofPool();
