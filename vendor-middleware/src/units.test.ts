// Reading a source: alone at human pace, together when it has units ready, and never past what is paid.
import { setImmediate as turn } from 'node:timers/promises';
import { limits } from '@farthing/protocol';
import { describe, expect, test } from 'vitest';
import { type Chunk, Units } from './units.ts';

const MANY = Number.MAX_SAFE_INTEGER;
const never = new AbortController().signal;
async function* ready(count: number, chunk: Chunk = 'x') {
  for (let i = 0; i < count; i++) yield chunk;
}
async function sizes(units: Units, most = MANY): Promise<number[]> {
  const all: number[] = [];
  for (let count = await units.gather(most); count > 0; count = await units.gather(most)) {
    expect(units.take(count)).toHaveLength(count);
    all.push(count);
  }
  return all;
}

describe('the units of a source', () => {
  test('that has them ready come one, two, four at a time, and so on up to the most', async () => {
    expect(await sizes(new Units(ready(1000), never))).toEqual([
      1,
      2,
      4,
      8,
      16,
      32,
      64,
      128,
      limits.streamBatch,
      256,
      233,
    ]);
  });

  test('that makes them as time goes by come one by one', async () => {
    async function* slow() {
      for (let i = 0; i < 5; i++) {
        await turn();
        await turn();
        yield 'x';
      }
    }
    expect(await sizes(new Units(slow(), never))).toEqual([1, 1, 1, 1, 1]);
  });

  test('are never more than what is paid, but one, which waits for its money', async () => {
    expect(await sizes(new Units(ready(10), never), 3)).toEqual([1, 2, 3, 3, 1]);
    expect(await sizes(new Units(ready(3), never), 0)).toEqual([1, 1, 1]);
  });

  test('that are large are few in hand', async () => {
    const found = await sizes(new Units(ready(100, new Uint8Array(16_384)), never));
    expect(Math.max(...found)).toBe(4);
  });

  test('that were not taken stay in hand', async () => {
    const units = new Units(ready(4), never);
    await units.gather(MANY);
    units.take(1);
    expect(await units.gather(MANY)).toBe(2);
    expect(units.take(1)).toHaveLength(1);
    expect(await units.gather(MANY)).toBe(2);
  });

  test('before a fault come, and then the fault', async () => {
    async function* broken() {
      yield* ready(2);
      throw new Error('out of tape');
    }
    const units = new Units(broken(), never);
    expect(await units.gather(MANY)).toBe(1);
    units.take(1);
    expect(await units.gather(MANY)).toBe(1);
    units.take(1);
    await expect(units.gather(MANY)).rejects.toThrow('out of tape');
  });

  test('are none when nobody listens, also from a source that waits', async () => {
    const gone = new AbortController();
    const units = new Units(
      (async function* () {
        yield 'x';
        await new Promise(() => {});
      })(),
      gone.signal,
    );
    expect(await units.gather(MANY)).toBe(1);
    units.take(1);
    const next = units.gather(MANY);
    gone.abort();
    expect(await next).toBe(0);
  });
});
