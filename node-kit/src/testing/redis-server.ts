// A Redis server for tests and benchmarks: its own files and port, gone afterwards.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './free-port.ts';

export type RedisServer = {
  readonly url: string;
  readonly port: number;
  pid(): number;
  /** Without a word to anybody, as a machine that loses its power: what it acknowledged must be there afterwards. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
};

/** As a site wants them. */
const DURABLE = { appendonly: 'yes', appendfsync: 'always', save: '' };
export type Settings = Readonly<Record<string, string>>;

/** @throws {Error} Redis is not installed, or does not start */
export async function startRedis(settings: Settings = {}): Promise<RedisServer> {
  const [port = 0] = await freePorts(1);
  return serve(port, settings);
}

/** What redis-cli prints. @throws {Error} the server refused */
export function cli(port: number, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('redis-cli', ['-e', '-p', String(port), ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`redis-cli ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout.trim();
}

/** @param settings of redis.conf */
export async function serve(port: number, settings: Settings): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'farthing-redis-'));
  const all = { port: String(port), bind: '127.0.0.1', dir: folder, ...DURABLE, ...settings };
  const flags = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  const start = async () => {
    child = spawn('redis-server', flags, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    await ready(child);
  };
  const onExit = () => {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', onExit);
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: () => child?.pid ?? 0,
    start,
    kill: () => end('SIGKILL'),
    async stop() {
      await end('SIGKILL');
      process.off('exit', onExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when it says that it takes connections. @throws {Error} it ended before, with what it said */
function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout?.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-4000);
      if (said.includes('Ready to accept connections')) resolve();
    });
    child.once('error', () => reject(new Error('Redis is missing: sudo apt-get install redis-server')));
    child.once('exit', () => reject(new Error(`Redis ended: ${said}`)));
  });
}
