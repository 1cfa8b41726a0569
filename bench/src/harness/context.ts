// What every job of a run shares: how long it may take, folders that vanish, one broker and one load.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrokerApi } from '../broker-server.ts';
import type { LoadApi } from '../load.ts';
import { COINS } from '../methods/ecash/coins.ts';
import type { ServerApi } from '../server.ts';
import type { WallName } from '../walls/index.ts';
import type { Setup } from '../walls/wall.ts';
import { Child } from './child.ts';
import { notRun, type Row } from './rows.ts';

export type Settings = {
  readonly quick: boolean;
  readonly full: boolean;
  readonly only: string | undefined;
  readonly profile: string | undefined;
};

export class Context {
  readonly quick: boolean;
  readonly full: boolean;
  readonly #profile: string | undefined;
  readonly #only: string | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), 'farthing-bench-'));
  #folders = 0;
  #failed = 0;
  #broker: Promise<{ child: Child<BrokerApi>; url: string }> | undefined;
  #load: Child<LoadApi> | undefined;
  #bystander: Child<LoadApi> | undefined;

  constructor({ quick, full, only, profile }: Settings) {
    this.full = full;
    this.#profile = profile;
    this.quick = quick;
    this.#only = only;
    process.once('exit', this.#remove);
  }

  readonly #remove = (): void => rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });

  /** Alternating pairs of windows for each comparison. */
  get pairs(): number {
    return this.quick ? 3 : 7;
  }

  /** `--only express/scrip` wants every row below it, and `--only express/scrip/sqlite/p99` the job that makes it. */
  wants(name: string): boolean {
    const only = this.#only;
    return only === undefined || name.startsWith(only) || only.startsWith(`${name}/`);
  }

  /** Whether the run is for rows below this name, and no others. */
  isNamed(name: string): boolean {
    return this.#only?.startsWith(name) ?? false;
  }

  /** If profiles are wanted: tells a server the file for one. `name` is that of its rows. */
  async profile(name: string, tell: (file: string) => Promise<void>): Promise<void> {
    if (this.#profile !== undefined) await tell(join(this.#profile, `${name.replaceAll('/', '-')}.cpuprofile`));
  }

  folder(): string {
    const folder = join(this.#folder, String(++this.#folders));
    mkdirSync(folder);
    return folder;
  }

  get load(): Child<LoadApi> {
    this.#load ??= new Child<LoadApi>(join(import.meta.dirname, '..', 'load.ts'));
    return this.#load;
  }

  /** Somebody else than who pays: a process that prepares and sends payments is no good clock for free pages. */
  get bystander(): Child<LoadApi> {
    this.#bystander ??= new Child<LoadApi>(join(import.meta.dirname, '..', 'load.ts'));
    return this.#bystander;
  }

  /** Started when the first job needs it. Its ledger is on disk. */
  broker(): Promise<{ child: Child<BrokerApi>; url: string }> {
    this.#broker ??= startBroker(this.folder()).then((broker) => {
      // In life it has a machine of its own: what it does with claims is not to take the sites' cores.
      broker.child.yieldCores();
      return broker;
    });
    return this.#broker;
  }

  async setup(folder = this.folder()): Promise<Setup> {
    const { url } = await this.broker();
    return { folder, brokerUrl: url, secret: crypto.getRandomValues(new Uint8Array(32)) };
  }

  /** How many attempts failed. */
  get failed(): number {
    return this.#failed;
  }

  /** What fails takes no other rows with it: its row says why it is missing. */
  async attempt(name: string, unit: string, measure: () => Promise<Row[]>): Promise<Row[]> {
    try {
      return await measure();
    } catch (error) {
      this.#failed++;
      console.error(error);
      return [notRun(name, unit, error instanceof Error ? error.message : 'unknown fault')];
    }
  }

  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#load?.end();
    await this.#bystander?.end();
    await (await this.#broker)?.child.end();
    process.off('exit', this.#remove);
    this.#remove();
  }
}

/** Its coins are of few values, so that nothing waits for keys; `everyCoin`: those of a real one. */
export async function startBroker(
  data: string,
  { everyCoin = false } = {},
): Promise<{ child: Child<BrokerApi>; url: string }> {
  const child = new Child<BrokerApi>(join(import.meta.dirname, '..', 'broker-server.ts'));
  const { url } = await child.call('start', { data, ...(everyCoin ? {} : { values: [1, ...COINS.map(Number)] }) });
  return { child, url };
}

export type Site = {
  readonly child: Child<ServerApi>;
  readonly wall: WallName;
  readonly setup: Setup;
  readonly url: string;
  readonly port: number;
  readonly setupMs: number;
};

export async function startSite(wall: WallName, setup: Setup, execArgv: readonly string[] = []): Promise<Site> {
  const child = new Child<ServerApi>(join(import.meta.dirname, '..', 'server.ts'), execArgv);
  const started = await child.call('start', { wall, setup });
  return { child, wall, setup, ...started };
}
