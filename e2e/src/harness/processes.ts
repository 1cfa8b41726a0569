// Broker and site as processes of their own, as in life: started on free ports, stopped or killed by the caller.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '..', '..', '..');

export type Running = {
  readonly url: string;
  /** The line of JSON with which the process said that it is ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  readonly child: ChildProcess;
  /** Asks to end, waits until it has. */
  stop(): Promise<void>;
  /** SIGKILL: no handler runs, nothing is flushed. */
  kill(): Promise<void>;
};

const running = new Set<Running>();

/** Last resort: whatever this process started ends with it. */
process.on('exit', () => {
  for (const { child } of running) child.kill('SIGKILL');
});

export async function startProcess(name: string, file: string, args: readonly string[]): Promise<Running> {
  const child = spawn(
    process.execPath,
    ['--conditions=farthing-source', '--disable-warning=ExperimentalWarning', join(root, file), ...args],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  child.stderr.on('data', (data: Buffer) => {
    said = (said + data.toString()).slice(-4000);
  });
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit');
  const first = await Promise.race([once(lines, 'line'), ended.then(() => undefined)]);
  if (!first) throw new Error(`${name} did not start:\n${said}`);
  const ready = JSON.parse(String(first[0])) as Record<string, unknown>;
  // Whatever it prints later is of no interest, but the pipe must not fill.
  lines.on('line', () => undefined);
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await ended;
    running.delete(handle);
  };
  const handle: Running = {
    url: String(ready['url']),
    ready,
    child,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
  running.add(handle);
  return handle;
}

export const startBrokerProcess = (data: string, port = 0, more: readonly string[] = []): Promise<Running> =>
  startProcess('The broker', 'broker/src/main.ts', [
    '--test',
    '--port',
    String(port),
    '--data',
    data,
    '--json',
    ...more,
  ]);

export const startSiteProcess = (
  broker: string,
  data: string,
  port = 0,
  more: readonly string[] = [],
): Promise<Running> =>
  startProcess('The site', 'e2e/src/site/main.ts', [
    '--broker',
    broker,
    '--data',
    data,
    '--port',
    String(port),
    ...more,
  ]);

/** A port that nobody has now, for a process whose address has to be known before it is ready. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Runs a command of the project to its end. */
export async function runCommand(
  file: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(
    process.execPath,
    ['--conditions=farthing-source', '--disable-warning=ExperimentalWarning', join(root, file), ...args],
    {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? -1, stdout, stderr };
}
