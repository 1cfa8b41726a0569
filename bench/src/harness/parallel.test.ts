import { expect, it } from 'vitest';
import { inParallel } from './parallel.ts';

it('does every errand once, a few at a time, and gives the results in the order of the items', async () => {
  let under = 0;
  let most = 0;
  const results = await inParallel([5, 1, 4, 2, 3], 2, async (item, at) => {
    most = Math.max(most, ++under);
    for (let turn = 0; turn < item; turn++) await Promise.resolve();
    under--;
    return item * 10 + at;
  });
  expect([results, most]).toEqual([[50, 11, 42, 23, 34], 2]);
});

it('fails when an errand fails', async () => {
  await expect(inParallel([1], 4, () => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
});
