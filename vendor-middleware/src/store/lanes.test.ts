// How operations become batches: which go together, and who waits for whom.
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Lanes } from './lanes.ts';

/** Lanes whose batches end when the test says so. */
function heldLanes(options: { most: number; lanes: number; enough?: number }) {
  const begun: number[][] = [];
  const held: (() => void)[] = [];
  const lanes = new Lanes<number>({
    ...options,
    carry: (batch) => {
      begun.push([...batch]);
      return new Promise((resolve) => held.push(resolve));
    },
  });
  const add = async (...members: number[]) => {
    for (const member of members) lanes.add(member);
    await turn();
    await turn();
  };
  const end = async () => {
    held.shift()?.();
    await turn();
    await turn();
  };
  return { lanes, begun, add, end };
}

test('what comes in one turn goes together, at most so many, in so many lanes', async () => {
  const { begun, add, end } = heldLanes({ most: 2, lanes: 2 });
  await add(1, 2, 3, 4, 5);
  expect(begun).toEqual([
    [1, 2],
    [3, 4],
  ]);
  await end();
  expect(begun[2]).toEqual([5]);
});

test('few wait for the batch that is under way, enough do not', async () => {
  const { begun, add, end } = heldLanes({ most: 9, lanes: 2, enough: 3 });
  await add(1);
  await add(2);
  await add(3);
  expect(begun).toEqual([[1]]);
  await add(4);
  expect(begun).toEqual([[1], [2, 3, 4]]);
  await add(5);
  await end();
  expect(begun).toHaveLength(2);
  await end();
  expect(begun[2]).toEqual([5]);
});

test('many that come at once are shared among the lanes that are free, and few are not', async () => {
  const { begun, add, end } = heldLanes({ most: 9, lanes: 2, enough: 3 });
  await add(1, 2, 3, 4, 5, 6, 7, 8);
  expect(begun).toEqual([
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ]);
  await add(11, 12, 13, 14, 15, 16);
  await end();
  expect(begun[2]).toEqual([11, 12, 13, 14, 15, 16]);
  const few = heldLanes({ most: 9, lanes: 2, enough: 3 });
  await few.add(1, 2, 3);
  expect(few.begun).toEqual([[1, 2, 3]]);
});

test('closing lets those finish that wait for others, and takes no more', async () => {
  const { lanes, begun, add, end } = heldLanes({ most: 9, lanes: 2, enough: 3 });
  await add(1);
  await add(2);
  const closed = lanes.close();
  expect(() => lanes.add(3)).toThrow(/closed/);
  await end();
  expect(begun).toEqual([[1], [2]]);
  await end();
  await closed;
});
