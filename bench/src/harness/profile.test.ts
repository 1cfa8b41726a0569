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

  it('of a process that only waited are none', () => {
    expect(selfTimes({ nodes: [{ id: 1, callFrame: frame('(idle)') }], samples: [1], timeDeltas: [5] })).toEqual([]);
  });
});
