// The compose file, as far as a machine without containers can try it: its commands start what they should and answer their own health
// checks, and the store has the settings that a site insists on.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';

type Service = {
  readonly entrypoint?: string[];
  readonly command: string[];
  readonly volumes: string[];
  readonly healthcheck: { readonly test: string[] };
};

const root = join(import.meta.dirname, '..', '..', '..');
const compose = parse(readFileSync(join(root, 'compose.yaml'), 'utf8')) as {
  services: Record<'broker' | 'site' | 'redis' | 'postgres', Service>;
  volumes: Record<string, null>;
};
const { broker, site, redis } = compose.services;

let data: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'farthing-compose-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  }
  rmSync(data, { recursive: true });
});

/** What the containers have of their own: addresses, ports and folders. */
function here(args: readonly string[], changes: Readonly<Record<string, string>>): string[] {
  return args.map((arg, at) => changes[args[at - 1] ?? ''] ?? arg);
}

async function start(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ['--conditions=farthing-source', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const url = /http:\/\/[\d.:]+/.exec(line)?.[0];
  if (!url) throw new Error(line);
  return url;
}

/** Runs a health check with the address that the process has here. */
function check({ healthcheck }: Service, url: string): number | null {
  const [, node = '', flag = '', script = ''] = healthcheck.test;
  expect([node, flag]).toEqual(['node', '-e']);
  return spawnSync(process.execPath, ['-e', script.replace(/http:\/\/127\.0\.0\.1:\d+/, url)]).status;
}

test('the broker and the site start as they are told to, and answer their health checks', async () => {
  const port = '18402';
  const own = { '--host': '127.0.0.1', '--data': join(data, 'broker'), '--port': port };
  const at = { '--public-url': `http://127.0.0.1:${port}` };
  const brokerUrl = await start(['broker/src/main.ts', ...here(broker.command, { ...own, ...at })]);
  expect(check(broker, brokerUrl)).toBe(0);
  const [, ...entry] = site.entrypoint ?? [];
  const [command, store] = [site.command.slice(0, -2), site.command.slice(-2)];
  expect(store).toEqual(['--store', 'redis://redis:6379']);
  const elsewhere = { '--broker': brokerUrl, '--host': '127.0.0.1', '--data': join(data, 'site'), '--port': '0' };
  const siteUrl = await start([...entry.slice(1), ...here(command, elsewhere)]);
  expect(check(site, siteUrl)).toBe(0);
  expect(check(site, 'http://127.0.0.1:9')).toBe(1);
});

test('nothing can be written but the volume, where copies for audits and reports lie too', () => {
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  const [, volume] = /^VOLUME (\S+)$/m.exec(dockerfile) ?? [];
  const [, temporary] = /^ENV .*\bTMPDIR=(\S+)/m.exec(dockerfile) ?? [];
  expect(temporary).toBe(volume);
  for (const service of [broker, site]) {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
    expect(service.volumes.map((one) => one.split(':')[1])).toEqual([volume]);
  }
});

test('Redis is told to lose nothing, and every volume that is used is named', () => {
  const settings = redis.command.join(' ');
  for (const needed of ['--appendonly yes', '--appendfsync always', '--maxmemory-policy noeviction']) {
    expect(settings).toContain(needed);
  }
  const used = Object.values(compose.services).flatMap(({ volumes }) => volumes.map((one) => one.split(':')[0]));
  expect(used.sort()).toEqual(Object.keys(compose.volumes).sort());
});
