// The command in a process of its own, for tests that end it as no program can prevent.
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const main = join(dirname(fileURLToPath(import.meta.url)), '..', 'main.ts');

/** `line`: the first that it printed. */
export type Served = { readonly line: string; readonly child: ChildProcess; readonly ended: Promise<number | null> };

export class Processes {
  readonly #running = new Set<ChildProcess>();

  async serve(data: string, ...args: string[]): Promise<Served> {
    const command = ['--conditions=farthing-source', main, '--port', '0', '--data', data, ...args];
    const env = { FARTHING_BROKER_LOG_LEVEL: 'warn', ...process.env };
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'], env });
    this.#running.add(child);
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    const lines = createInterface({ input: child.stdout });
    const line = await new Promise<string>((resolve) => lines.once('line', resolve));
    return { line, child, ended };
  }

  /** Whatever a test left behind. */
  kill(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    this.#running.clear();
  }
}
