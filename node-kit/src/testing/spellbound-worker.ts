// The worker of proofs, but it does what a message says: to show that a pool believes nothing that was not checked.
import { parentPort } from 'node:worker_threads';
import { judge } from '../proofs/judge.ts';
import type { Asked } from '../proofs/pool.ts';

const spells: Readonly<Record<string, (batch: number) => void>> = {
  die: () => process.exit(1),
  throw: () => {
    throw new Error('a thread that fails');
  },
  'exit in a while': () => void setImmediate(() => process.exit(0)),
  hang: () => {
    for (;;);
  },
  'fewer verdicts': (batch) => parentPort?.postMessage({ batch, wrong: [] }),
  'more verdicts': (batch) => parentPort?.postMessage({ batch, wrong: [-1, -1, -1, -1] }),
  'another batch': (batch) => parentPort?.postMessage({ batch: batch + 1, wrong: [-1, -1] }),
  words: (batch) => parentPort?.postMessage({ batch, wrong: 'ok' }),
};

parentPort?.on('message', async ({ batch, bytes }: Asked) => {
  const text = Buffer.from(bytes).toString('latin1');
  const spell = Object.keys(spells).find((name) => text.includes(name));
  if (spell) spells[spell]?.(batch);
  else parentPort?.postMessage({ batch, wrong: await judge(bytes) });
});
