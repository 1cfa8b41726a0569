// A broker in a process of its own that is killed again and again while it is asked, for tests of what survives.
import { type JsonObject, type Order, readAnswer } from '@farthing/protocol';
import { auditLedger } from '../audit/audit.ts';
import type { Finding } from '../audit/findings.ts';
import { openKeys } from '../keys.ts';
import { ledgerPath } from '../start.ts';
import type { Bench } from './client.ts';
import type { Processes, Served } from './process.ts';

export type Killing = {
  readonly data: string;
  readonly processes: Processes;
  readonly bench: Bench;
  /** Of the command, beside the directory. */
  readonly args: readonly string[];
  readonly kills: number;
  /** Answers between two kills: well below what all ask for. */
  readonly every: number;
};

/** The broker, killed after every so many answers while others are under way. */
export class Victim {
  readonly answered: { path: string; order: Order; text: string }[] = [];
  /** Of the audits after each kill. */
  readonly findings: Finding[] = [];
  kills = 0;
  readonly #about: Killing;
  #served: Served | undefined;
  /** Nobody starts it again. */
  #over: Error | undefined;
  #up: Promise<void>;

  constructor(about: Killing) {
    this.#about = about;
    this.#up = this.#start();
  }

  /** Asks until there is an answer: the same order, over and over. */
  async ask(path: string, order: Order): Promise<JsonObject> {
    for (;;) {
      await this.#up;
      const { bench } = this.#about;
      const reply = await bench.post(path, order).catch(() => undefined);
      if (reply?.status === 200) {
        this.answered.push({ path, order, text: reply.text });
        if (this.kills < this.#about.kills && this.answered.length % this.#about.every === 0)
          this.#up = this.#restart();
        return readAnswer(reply.body, order, bench.public, bench.env().crypto);
      }
      if (reply) this.#over = new Error(`${path}: ${reply.status} ${reply.text}`);
      if (this.#over) throw this.#over;
    }
  }

  get up(): Promise<void> {
    return this.#up;
  }

  end(): void {
    this.#over ??= new Error('the test is over');
  }

  async #start(): Promise<void> {
    const { processes, bench, data, args } = this.#about;
    this.#served = await processes.serve(data, '--test', '--json', ...args);
    await bench.attach((JSON.parse(this.#served.line) as { url: string }).url);
  }

  async #restart(): Promise<void> {
    const { bench, data } = this.#about;
    this.kills++;
    this.#served?.child.kill('SIGKILL');
    await this.#served?.ended;
    const { root } = openKeys(data, bench.env());
    this.findings.push(...auditLedger(ledgerPath(data), root).findings);
    await this.#start();
  }
}
