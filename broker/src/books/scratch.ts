// Room for copies of a ledger that are looked at and thrown away.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own, that the caller removes. @throws {Error} nothing can be written where temporary files go */
export function scratchFolder(purpose: string): string {
  const where = tmpdir();
  try {
    return mkdtempSync(join(where, `farthing-${purpose}-`));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Error(`no copy can be made in ${where} (${code}): set TMPDIR to a folder with room for the ledger`, {
      cause,
    });
  }
}
