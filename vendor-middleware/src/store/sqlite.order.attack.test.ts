// Any order of steps on one file, by two processes that fold, sweep and restart.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@farthing/node-kit';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { playAnyOrder } from '../testing/any-order.ts';
import type { JournalOptions } from './journal.ts';
import { migrations } from './schema.ts';
import { storeOn } from './sqlite.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'farthing-store-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Every batch folds, so every path through tables, segments and the log is taken. */
const HARD: JournalOptions = { foldEvery: 1, logKeptMs: 0 };

describe('any order of steps by two processes, with restarts, has the results that one memory would have', () => {
  const variants: [string, JournalOptions][] = [
    ['as it is', {}],
    ['folding every third batch', { foldEvery: 3 }],
    ['folding always and keeping no log', HARD],
    ['with keys that collide', { foldEvery: 4, print: (key) => key.length }],
  ];
  test.each(variants.flatMap(([name, options]) => [1, 2, 3].map((seed) => ({ name, seed, options }))))(
    '$name, seed $seed',
    ({ seed, options }) => {
      // One that takes too long goes on beside the next, on its own file.
      const path = join(folder, 'vendor.db');
      return playAnyOrder(seed, () => storeOn(openDatabase(path, migrations), options));
    },
  );
});
