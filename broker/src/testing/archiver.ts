// `broker archive` in a process of its own that tests end where they want, over a ledger with months to archive.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { digestOf } from '../books/digest.ts';
import { copyOf } from '../books/open.ts';
import { Bench, Person, pieceOf, Site } from './client.ts';
import { main } from './process.ts';

const DAY_MS = 86_400_000;
/** All that is older than this many days goes. */
const KEEP_DAYS = 401;

export type Ended = { readonly status: number | null; readonly out: string; readonly told: readonly string[] };

export class Archiver implements AsyncDisposable {
  readonly bench = new Bench();
  readonly folder = mkdtempSync(join(tmpdir(), 'farthing-archive-'));
  readonly #running = new Set<ChildProcess>();

  /** What archives all that is old. */
  get archive(): readonly string[] {
    const before = new Date(Date.now() - KEEP_DAYS * DAY_MS).toISOString().slice(0, 10);
    return ['archive', '--before', before, '--to', this.folder, '--json'];
  }

  /** Sales and claims in the days before `daysAgo`, a month and more apart. */
  async live(daysAgo: readonly number[]): Promise<void> {
    const { bench } = this;
    let site: Site | undefined;
    for (const days of daysAgo) {
      bench.offsetMs = -days * DAY_MS;
      await bench.start();
      site ??= await new Site(bench).open({ exp: Math.floor(Date.now() / 1000) + 1000 });
      const anna = new Person(bench);
      await anna.faucet(1_000n);
      const { scrip } = pieceOf(await anna.buy(site.vnd, 100n));
      await site.redeem([{ root: scrip.root, cum: 40n }]);
      await bench.stop();
    }
  }

  /** @param isTime is told each line that it says, and whether the command is killed at it */
  async run(args: readonly string[], isTime: (line: string) => boolean = () => false): Promise<Ended> {
    const { child, ended } = this.start(args, (line) => isTime(line) && child.kill('SIGKILL'));
    return ended;
  }

  start(args: readonly string[], told: (line: string) => unknown = () => undefined) {
    const { data, database } = this.bench.place;
    const books = ['--data', data, ...(database === undefined ? [] : ['--database', database])];
    const child = spawn(process.execPath, ['--conditions=farthing-source', main, ...args, ...books], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    const lines: string[] = [];
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      told(line);
    });
    const ended = new Promise<Ended>((resolve) => {
      child.once('close', (status) => {
        this.#running.delete(child);
        resolve({ status, out, told: lines });
      });
    });
    return { child, ended };
  }

  /** How many periods are archived, and a digest over all rows. */
  async look(): Promise<{ periods: number; digest: string }> {
    await using copy = await copyOf(this.bench.place);
    const db = new DatabaseSync(copy.path, { readBigInts: true });
    try {
      const periods = Number(db.prepare('SELECT count(*) AS n FROM opening').get()?.['n']);
      return { periods, digest: digestOf(db).digest };
    } finally {
      db.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL');
    await this.bench[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true });
  }
}
