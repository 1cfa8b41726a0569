// A PostgreSQL server for tests and benchmarks: its own files and port, gone afterwards.
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from './free-port.ts';
import { folderOf, type Server, serverProcess } from './server-process.ts';

export type PostgresServer = Server;

/** What an immediate shutdown takes. */
const GRACE_MS = 500;
const MISSING = 'PostgreSQL is missing: sudo apt-get install postgresql';
const DEBIAN = '/usr/lib/postgresql';

/** Where initdb and postgres are, the newest version first; `undefined`: PostgreSQL is not installed. */
export function postgresPrograms(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(DEBIAN, version, 'bin')).find((path) => existsSync(join(path, 'initdb')));
}

/** @throws {Error} PostgreSQL is not installed, or does not start */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  const bin = postgresPrograms();
  if (!bin) throw new Error(MISSING);
  const folder = folderOf('postgres');
  const user = nobody();
  if (user) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'farthing', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'],
    { ...user, encoding: 'utf8', cwd: folder },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const [port = 0] = await freePorts(1);
  const own = ['listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${folder}`];
  const server = await serverProcess({
    name: 'PostgreSQL',
    missing: MISSING,
    command: join(bin, 'postgres'),
    args: ['-D', data, ...[...own, ...settings].flatMap((set) => ['-c', set])],
    folder,
    ...(user ? { options: user } : {}),
    says: { on: 'stderr', ready: 'ready to accept connections' },
    // SIGQUIT is PostgreSQL's immediate shutdown: no checkpoint, recovery from the log at the next start.
    signals: { kill: 'SIGQUIT', stop: 'SIGINT' },
    graceMs: GRACE_MS,
  });
  return { ...server, url: `postgres://farthing@127.0.0.1:${port}/postgres` };
}

/** PostgreSQL refuses to run as root. */
function nobody(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  return { uid: idOf('-u'), gid: idOf('-g') };
}
