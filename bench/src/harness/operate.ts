// The operator's command in a process of its own, as operators run it, and what it took.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

const OPERATED = new URL('./operated.ts', import.meta.url).pathname;
/** Not those of this process: what it was told to run is not to run again. */
const FLAGS = ['--conditions=farthing-source', '--disable-warning=ExperimentalWarning'];

export type Operated = {
  /** Empty when it was only counted. */
  readonly stdout: string;
  readonly bytes: number;
  readonly stderr: string;
  readonly ms: number;
  readonly cpuMicros: number;
  /** The most pages that it had in memory. */
  readonly peakBytes: number;
};

/** `keep: false`: what it prints is counted and dropped, as by somebody who reads quickly. @throws {Error} it failed */
export async function operate(args: readonly string[], { keep = true } = {}): Promise<Operated> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [...FLAGS, OPERATED, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const [out, err, told] = [child.stdout, child.stderr, child.stdio[3]];
  if (!out || !err || !told || !('read' in told)) throw new Error('a pipe is missing');
  const end = () => void child.kill('SIGKILL');
  process.once('exit', end);
  let bytes = 0;
  const parts: Buffer[] = [];
  out.on('data', (part: Buffer) => {
    bytes += part.length;
    if (keep) parts.push(part);
  });
  const [stderr, figures, [code]] = await Promise.all([text(err), text(told), once(child, 'close')]);
  process.off('exit', end);
  if (code !== 0) throw new Error(`broker ${args[0]} ended with ${code}: ${stderr.slice(-500)}`);
  const { cpuMicros, peakBytes } = JSON.parse(figures) as { cpuMicros: number; peakBytes: number };
  const ms = performance.now() - startMs;
  return { stdout: Buffer.concat(parts).toString(), bytes, stderr, ms, cpuMicros, peakBytes };
}
