import { describe, expect, test } from 'vitest';
import { MOST_PLACES } from './key-index.ts';
import type { Line } from './lines.ts';
import { Segments } from './segments.ts';

const line = (id: string, untilMs = 1000): Line => ({
  id,
  credential: '',
  target: '',
  owner: '',
  atMs: 0,
  untilMs,
  outcome: '',
  state: 'committed',
  steps: { mints: [], spends: [`spend of ${id}`], tallies: [], claims: [] },
});
const print = (key: string): number => [...key].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) >>> 0, 7);

describe('segments', () => {
  test('that are loaded find what they found before', () => {
    const segments = new Segments(print, 0);
    for (let seq = 1; seq <= 200; seq++) for (const part of 'abc') segments.add(line(`${part}${seq}`), seq);
    const again = new Segments(print, 200);
    again.load(segments.seal(200), 1);
    for (let seq = 1; seq <= 200; seq++) {
      expect(again.seqsOf(`b${seq}`)).toContain(seq);
      expect(again.seqsOf(`spend of c${seq}`)).toContain(seq);
    }
    expect(again.seqsOf('x')).toEqual([]);
  });

  test('are cut where their batches or payments are too many', () => {
    const segments = new Segments(print, 0);
    for (let i = 0; i < 10_000; i++) segments.add(line(`p${i}`), 1 + i * 10);
    const cut = segments.seal(100_000);
    expect(cut.length).toBeGreaterThan(1);
    for (const { first, last } of cut) expect(last - first).toBeLessThan(65_536);
    expect(cut.reduce((sum, { keys }) => sum + keys.length, 0)).toBe(10_000 * 2 * 6);
    for (const i of [0, 4095, 4096, 9999]) expect(segments.seqsOf(`p${i}`)).toContain(1 + i * 10);
  });

  test('are due when three quarters of their payments have ended', () => {
    const segments = new Segments(print, 0);
    for (const untilMs of [10, 400, 20, 30]) segments.add(line(`p${untilMs}`, untilMs), 1);
    expect(segments.tailDueMs).toBe(30);
    expect(segments.seal(1)).toMatchObject([{ first: 1, last: 1, dueMs: 30 }]);
    expect(segments.tailDueMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('tell apart what lies whole rounds of places apart, and forget what was dropped', () => {
    const segments = new Segments(print, 0);
    segments.add(line('old'), 5);
    segments.seal(5);
    segments.add(line('new'), 5 + MOST_PLACES);
    segments.add(line('old'), 5 + MOST_PLACES);
    expect(segments.seqsOf('old')).toEqual([5 + MOST_PLACES, 5]);
    segments.drop([5]);
    expect(segments.seqsOf('old')).toEqual([5 + MOST_PLACES]);
  });
});
