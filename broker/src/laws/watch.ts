// Watches the laws of the books while the broker runs, and says when one breaks or holds again.
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Logger } from '@farthing/node-kit';
import { ledgerPath, type Place } from '../books/open.ts';
import type { Drift } from './laws.ts';

export const LAWS_EVERY_MS = 5_000;
/** A look takes at most one part in so many of the time of its thread. */
const SHARE = 20;

type Said = { readonly broken: readonly Drift[]; readonly tookMs: number } | { readonly fault: string };

export class LawWatch {
  readonly #everyMs: number;
  readonly #log: Logger;
  readonly #worker: () => Worker;
  #running: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #broken: readonly Drift[] = [];
  #closed = false;

  constructor(place: Place, { everyMs, log }: { everyMs: number; log: Logger }) {
    this.#everyMs = everyMs;
    this.#log = log;
    this.#worker = () => workerOn(place);
    this.#later(everyMs);
  }

  /** What did not hold at the last look. */
  get broken(): readonly Drift[] {
    return this.#broken;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running?.terminate();
  }

  #later(ms: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.#look(), ms);
    this.#timer.unref();
  }

  #look(): void {
    this.#running ??= this.#start();
    this.#running.postMessage('look');
  }

  #start(): Worker {
    const worker = this.#worker();
    worker.unref();
    worker.on('message', (said: Said) => this.#heard(said));
    worker.on('error', (error) => {
      this.#running = undefined;
      this.#heard({ fault: error.message });
    });
    return worker;
  }

  #heard(said: Said): void {
    if (this.#closed) return;
    if ('fault' in said) {
      // Who cannot look does not know: what was known stays.
      this.#log.error({ fault: said.fault }, 'the laws of the books cannot be looked at');
      this.#later(this.#everyMs);
      return;
    }
    this.#tell(said.broken);
    this.#later(Math.max(this.#everyMs, said.tookMs * SHARE));
  }

  #tell(broken: readonly Drift[]): void {
    const before = new Map(this.#broken.map((one) => [nameOf(one), one.drift]));
    for (const { law, cur, drift } of broken.filter((one) => before.get(nameOf(one)) !== one.drift)) {
      this.#log.error(
        { law, cur, drift },
        'ALARM: a law of the books is broken; nothing is booked until it holds again',
      );
    }
    if (broken.length === 0 && before.size > 0) this.#log.warn({}, 'all laws of the books hold again');
    this.#broken = broken;
  }
}

const nameOf = ({ law, cur }: Drift): string => `${law} ${cur}`;

function workerOn({ data, database }: Place): Worker {
  const here = import.meta.url;
  const isSource = extname(here) === '.ts';
  return new Worker(new URL(`./worker${extname(here)}`, here), {
    workerData: database === undefined ? { path: ledgerPath(data) } : { url: database },
    // Whatever flags and preloads this process was started with are no business of the thread.
    execArgv: isSource ? ['--disable-warning=ExperimentalWarning'] : [],
  });
}
