// A Redis server for tests and benchmarks: its own files and port, gone afterwards.
import { spawnSync } from 'node:child_process';
import { freePorts } from './free-port.ts';
import { folderOf, type Server, serverProcess } from './server-process.ts';

export type RedisServer = Server & { readonly port: number };

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
  const folder = folderOf('redis');
  const all = { port: String(port), bind: '127.0.0.1', dir: folder, ...DURABLE, ...settings };
  const server = await serverProcess({
    name: 'Redis',
    missing: 'Redis is missing: sudo apt-get install redis-server',
    command: 'redis-server',
    args: Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]),
    folder,
    says: { on: 'stdout', ready: 'Ready to accept connections' },
    signals: { kill: 'SIGKILL', stop: 'SIGKILL' },
  });
  return { ...server, url: `redis://127.0.0.1:${port}`, port };
}
