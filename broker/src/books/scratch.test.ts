import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { scratchFolder } from './scratch.ts';

test('A copy of a ledger lies where TMPDIR says; a folder that cannot be written to is named, with what to do', () => {
  const own = mkdtempSync(join(tmpdir(), 'farthing-scratch-test-'));
  try {
    vi.stubEnv('TMPDIR', own);
    const folder = scratchFolder('ledger');
    expect(folder.startsWith(join(own, 'farthing-ledger-'))).toBe(true);
    rmdirSync(folder);
    vi.stubEnv('TMPDIR', join(own, 'gone'));
    expect(() => scratchFolder('ledger')).toThrow(`${join(own, 'gone')} (ENOENT): set TMPDIR`);
  } finally {
    vi.unstubAllEnvs();
    rmSync(own, { recursive: true });
  }
});
