import { expect, it } from 'vitest';
import { oneAtATime, turns } from './one-at-a-time.ts';

it('joins a round that is running, and begins a new one after it', async () => {
  const ends: (() => void)[] = [];
  const run = oneAtATime(() => new Promise((end) => ends.push(end)));
  const waiting = [run(), run(), run()];
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await Promise.all(waiting);
  void run();
  expect(ends).toHaveLength(2);
});

it('tells a failure to all who wait, and is not stopped by it', async () => {
  let rounds = 0;
  const run = oneAtATime(async () => {
    if (rounds++ === 0) throw new Error('the broker is away');
  });
  const [first, second] = await Promise.allSettled([run(), run()]);
  expect([first.status, second.status, rounds]).toEqual(['rejected', 'rejected', 1]);
  await expect(run()).resolves.toBeUndefined();
});

it('gives each his turn, after one that failed too', async () => {
  const inTurn = turns();
  const order: string[] = [];
  const first = inTurn(async () => {
    order.push('first begins');
    await new Promise((later) => setImmediate(later));
    order.push('first ends');
    throw new Error('the broker is away');
  });
  const second = inTurn(async () => order.push('second'));
  expect((await Promise.allSettled([first, second])).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  expect(order).toEqual(['first begins', 'first ends', 'second']);
});
