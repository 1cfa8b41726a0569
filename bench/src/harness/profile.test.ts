import { describe, expect, it } from 'vitest';
import { selfTimes } from './profile.ts';

const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 9 });

describe('self times of a profile', () => {
  it('are shares of the time that was not idle, largest first, one function once', () => {
    const nodes = [
      { id: 1, callFrame: frame('(idle)') },
      { id: 2, callFrame: frame('hash', 'file:///app/src/core/hash.ts') },
      { id: 3, callFrame: frame('', 'file:///app/src/main.ts') },
      { id: 4, callFrame: frame('hash', 'file:///app/src/core/hash.ts') },
    ];
    const samples = [1, 2, 3, 4, 1];
    expect(selfTimes({ nodes, samples, timeDeltas: [1000, 30, 20, 50, 900] })).toEqual([
      { name: 'hash  core/hash.ts:10', share: 0.8 },
      { name: '(anonymous)  src/main.ts:10', share: 0.2 },
    ]);
  });

  it('name the script that called a native function, and leave out what the profiler did', () => {
    const nodes = [
      { id: 1, callFrame: frame('(root)'), children: [2, 5] },
      { id: 2, callFrame: frame('flush', 'file:///app/src/commit.ts'), children: [3] },
      { id: 3, callFrame: frame('exec'), children: [4] },
      { id: 4, callFrame: frame('fsync') },
      { id: 5, callFrame: frame('post', 'node:inspector'), children: [6] },
      { id: 6, callFrame: frame('dispatch') },
    ];
    const timeDeltas = [50, 25, 25, 700, 800];
    expect(selfTimes({ nodes, samples: [4, 3, 2, 5, 6], timeDeltas })).toEqual([
      { name: 'fsync  in flush  src/commit.ts:10', share: 0.5 },
      { name: 'exec  in flush  src/commit.ts:10', share: 0.25 },
      { name: 'flush  src/commit.ts:10', share: 0.25 },
    ]);
  });

  it('of a process that only waited are none', () => {
    expect(selfTimes({ nodes: [{ id: 1, callFrame: frame('(idle)') }], samples: [1], timeDeltas: [5] })).toEqual([]);
  });
});
