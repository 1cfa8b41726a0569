// A thread of the pool.
import { parentPort } from 'node:worker_threads';
import { judge } from './judge.ts';
import type { Asked, Judged } from './pool.ts';

parentPort?.on('message', ({ batch, bytes }: Asked) => {
  // What throws ends the thread, and whoever waits for it is told so.
  parentPort?.postMessage({ batch, wrong: judge(bytes) } satisfies Judged);
});
