// A server program that tests kill and start again: a process, and a folder that is gone afterwards.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A server that was started. */
export type Server = {
  readonly url: string;
  pid(): number;
  /** Without a word to anybody, as a machine that loses its power: what it acknowledged must be there afterwards. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
};

export type Program = {
  /** As people call it, and how they get it. */
  readonly name: string;
  readonly missing: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly options?: SpawnOptions;
  /** Where it says that it takes connections, and how. */
  readonly says: { readonly on: 'stdout' | 'stderr'; readonly ready: string };
  readonly signals: { readonly kill: NodeJS.Signals; readonly stop: NodeJS.Signals };
  /** How long it still writes after it was killed. */
  readonly graceMs?: number;
};

export const folderOf = (name: string): string => mkdtempSync(join(tmpdir(), `farthing-${name}-`));

/** Started, and ended with this process at the latest. @throws {Error} it is not installed, or does not start */
export async function serverProcess(program: Program): Promise<Omit<Server, 'url'>> {
  const { command, args, folder, options, says, signals, graceMs = 0 } = program;
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  const start = async () => {
    const stdio =
      says.on === 'stdout' ? (['ignore', 'pipe', 'inherit'] as const) : (['ignore', 'ignore', 'pipe'] as const);
    child = spawn(command, args, { ...options, cwd: folder, stdio: [...stdio] });
    await ready(child, program);
  };
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const onExit = () => {
    child?.kill(signals.kill);
    // Nothing asynchronous runs any more.
    if (graceMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, graceMs);
    remove();
  };
  process.once('exit', onExit);
  await start();
  return {
    pid: () => child?.pid ?? 0,
    start,
    kill: () => end(signals.kill),
    async stop() {
      await end(signals.stop);
      process.off('exit', onExit);
      remove();
    },
  };
}

/** Resolves when it says that it takes connections. @throws {Error} it ended before, with what it said */
function ready(child: ChildProcess, { name, missing, says }: Program): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    child[says.on]?.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-4000);
      if (said.includes(says.ready)) resolve();
    });
    child.once('error', () => reject(new Error(missing)));
    child.once('exit', () => reject(new Error(`${name} ended: ${said}`)));
  });
}
