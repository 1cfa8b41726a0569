// Pieces in their time, on a clock that the test moves.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { paced } from './pace.ts';

const waits: number[] = [];
/** Each wait is over at once, and the clock has moved by it. */
vi.mock('node:timers/promises', () => ({
  setTimeout: async (ms: number, value: unknown, { signal }: { signal: AbortSignal }) => {
    signal.throwIfAborted();
    waits.push(ms);
    vi.advanceTimersByTime(ms);
    return value;
  },
}));
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  waits.length = 0;
});
afterEach(() => vi.useRealTimers());

const letters = () => ['a', 'b', 'c', 'd', 'e', 'f'];
const pace = { everyMs: 1000, aheadMs: 3000 };
const live = new AbortController().signal;

test('the first come at once, as far ahead as they may, and then one in its time each', async () => {
  const got: string[] = [];
  for await (const letter of paced(letters(), pace, live)) got.push(letter);
  expect([got, waits]).toEqual([letters(), [1000, 1000]]);
});

test('after somebody waited, time begins anew: what was missed is not made up for at once', async () => {
  const pieces = paced(letters(), pace, live);
  await pieces.next();
  vi.advanceTimersByTime(60_000);
  for await (const _ of pieces);
  expect(waits).toEqual([1000]);
});

test('nothing more is given to nobody', async () => {
  const gone = new AbortController();
  const pieces = paced(letters(), { everyMs: 1000 }, gone.signal);
  expect((await pieces.next()).value).toBe('a');
  gone.abort();
  expect((await pieces.next()).done).toBe(true);
});
